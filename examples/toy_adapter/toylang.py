"""A toy compiler that knows nothing of bundles: expressions, compiled slowly, cached by a hook."""

import hashlib
import marshal
import os

VERSION = "1.0"
# What code is compiled for: another target's code gives other numbers.
TARGET = os.environ.get("TOYLANG_TARGET", "one")
compiled = 0  # how often the compiler itself ran


class Cache:
    """The compiler's own cache, in this process alone. It asks before it compiles."""

    def __init__(self) -> None:
        self._kernels: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self._kernels.get(key)

    def put(self, key: str, kernel: bytes) -> None:
        self._kernels[key] = kernel


cache = Cache()


def evaluate(expression: str, **values: float) -> float:
    """Compile the expression, unless that was done, and run it."""
    key = hashlib.sha256(f"{VERSION} {TARGET} {expression}".encode()).hexdigest()
    kernel = cache.get(key)
    if kernel is None:
        kernel = _translate(expression)
        cache.put(key, kernel)
    scale = {"one": 1.0, "two": 2.0}[TARGET]
    return float(eval(marshal.loads(kernel), {}, {**values, "scale": scale}))


def _translate(expression: str) -> bytes:
    global compiled
    compiled += 1
    return marshal.dumps(compile(f"({expression}) * scale", "kernel", "eval"))
