"""One target under atheris, in a process of its own: libFuzzer ends the process itself.

python -m fuzz.engine TARGET LIBFUZZER-OPTION... CORPUS...
"""

import os
import random
import sys
import tempfile

import atheris

with atheris.instrument_imports(include=["precompile_context"]):
    from fuzz.targets import TARGETS, answer

from fuzz import mega_cache, mutator
from fuzz.bounds import MAX_INPUT, Watch, cost_alone

_MUTATORS = {
    "bundle": mutator.mutate_bundle,
    "manifest": mutator.mutate_manifest,
    "megacache": mega_cache.mutate_mega_cache,
}


class TooDearError(Exception):
    """An input costs more than any may."""


def main(name: str, options: list[str]) -> None:
    """Fuzz the target until libFuzzer's options end it."""
    target, watch = TARGETS[name], Watch()
    mutate = _MUTATORS[target.corpus]
    os.fsync = lambda fd: None  # a disk's work is not what is looked for here

    def one_input(data: bytes) -> None:
        cost = watch.cost(lambda given: _answer(given), data)
        if len(data) <= MAX_INPUT and not cost.is_within(len(data)):
            _check_alone(name, data)
            watch.rebase()

    def _answer(data: bytes) -> None:
        answer(target, data)

    def custom_mutator(data: bytes, most: int, seed: int) -> bytes:
        return mutate(data, random.Random(seed), _raw, most)

    def custom_crossover(one: bytes, other: bytes, most: int, seed: int) -> bytes:
        if target.corpus != "bundle":
            return (one[: len(one) // 2] + other[len(other) // 2 :])[:most]
        return mutator.splice(one, other, random.Random(seed), most)

    atheris.Setup(
        [sys.argv[0], *options],
        one_input,
        custom_mutator=custom_mutator,
        custom_crossover=custom_crossover,
    )
    atheris.Fuzz()


def _raw(data: bytes, most: int) -> bytes:
    return bytes(atheris.Mutate(data, max(1, most)))


def _check_alone(name: str, data: bytes) -> None:
    """Measure without the instrumentation that finds new paths, which takes its own time."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        cost, _ = cost_alone(name, file.name)
    if not cost.is_within(len(data)):
        raise TooDearError(f"{cost.seconds:.2f} s, {cost.memory >> 20} MiB, {len(data)} bytes")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
