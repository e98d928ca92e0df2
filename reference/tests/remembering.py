"""A C++ compiler that remembers: what it was asked before, with the same source, it copies.

Most of what a cold run of inductor takes is the compiler's time, and most tests compile the
same few kernels. Only successes are remembered; where a host has no such compiler, none is put in
its place. Run as a script by the file `g++` that `install` writes.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_NAME = "g++"
# Behind these stands a file of which the content counts, and not where it lies.
_READ = "-include"
_WRITTEN = "-o"


def install(folder: Path, store: Path, *, headers: str) -> bool:
    """Write a compiler into `folder` that remembers in `store`; whether there is one at all.

    `headers` says of which version those are that no source names by their content.
    """
    compiler = shutil.which(_NAME)
    if compiler is None:
        return False
    made = os.stat(compiler)
    about = f"{compiler} {made.st_size} {made.st_mtime_ns} {headers}"
    arguments = (sys.executable, "-IS", __file__, compiler, str(store), about)
    quoted = " ".join(f"'{argument}'" for argument in arguments)
    script = folder / _NAME
    script.write_text(f'#!/bin/sh\nexec {quoted} "$@"\n', encoding="utf-8")
    script.chmod(0o755)
    return True


def main() -> int:
    """Compile, or copy what an equal call gave."""
    compiler, store, about, *arguments = sys.argv[1:]
    output = _output(arguments)
    if output is None:
        os.execv(compiler, [_NAME, *arguments])
    remembered = Path(store, _digest(about, arguments))
    told = remembered.with_suffix(".stderr")
    if not remembered.exists():
        done = subprocess.run([compiler, *arguments], stderr=subprocess.PIPE)
        sys.stderr.buffer.write(done.stderr)
        if done.returncode == 0:
            _write(told, done.stderr)
            _copy(output, remembered)
        return done.returncode
    sys.stderr.buffer.write(told.read_bytes())
    _copy(remembered, output)
    return 0


def _output(arguments: list[str]) -> Path | None:
    """Where a call that compiles writes to."""
    if _WRITTEN not in arguments:
        return None
    return Path(arguments[arguments.index(_WRITTEN) + 1])


def _digest(about: str, arguments: list[str]) -> str:
    """Of all that the output depends on."""
    digest = hashlib.sha256(about.encode())
    before = ""
    for argument in arguments:
        if before != _WRITTEN:
            is_read = before == _READ or argument.endswith((".cpp", ".hpp", ".h"))
            data = Path(argument).read_bytes() if is_read else argument.encode()
            digest.update(b"%d:" % len(data) + data)
        before = argument
    return digest.hexdigest()


def _copy(source: Path, target: Path) -> None:
    _write(target, source.read_bytes(), source.stat().st_mode)


def _write(target: Path, data: bytes, mode: int = 0o600) -> None:
    """At once: another process may look for it, or remember the same."""
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(data)
    os.chmod(file.name, mode)
    os.replace(file.name, target)


if __name__ == "__main__":
    sys.exit(main())
