"""A C++ compiler that remembers: what it was asked before, with the same source, it copies.

Most of what a cold run of inductor takes is the compiler's time, and most tests compile the
same few kernels. What is new is compiled with its first header precompiled, which gives the same
bytes in a quarter of the time: a kernel is a page of code behind one header of torch's that is
megabytes. Only successes are remembered; where a host has no such compiler, none is put in its
place. Run as a script by the file `g++` that `install` writes; as programs ask it several times,
what takes long to import is imported where it is needed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sys
from contextlib import contextmanager

TYPE_CHECKING = False  # as `typing` has it, which takes longest
if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

_NAME = "g++"
# Behind these stands a file of which the content counts, and not where it lies.
_READ = "-include"
_WRITTEN = "-o"
# What a source includes before all else: behind anything else, no precompiled header counts.
_FIRST = rb"\s*#include <([\w/.-]+)>\n"
_LINKED = ("-shared", "-l", "-L")
# A header takes as long as so many kernels do that are compiled with it as it is.
PLAIN = 4
# A call that compiles nothing is the compiler's own.
_SCRIPT = """#!/bin/sh
case " $* " in *" {written} "*) exec {ours} "$@" ;; esac
exec {compiler} "$@"
"""


def install(folder: Path, store: Path, *, headers: str) -> bool:
    """Write a compiler into `folder` that remembers in `store`; whether there is one at all.

    `headers` says of which version those are that no source names by their content.
    """
    import shlex
    import shutil

    compiler = shutil.which(_NAME)
    if compiler is None:
        return False
    made = os.stat(compiler)
    about = f"{compiler} {made.st_size} {made.st_mtime_ns} {headers}"
    arguments = (sys.executable, "-IS", __file__, compiler, str(store), about)
    ours, own = shlex.join(arguments), shlex.quote(compiler)
    script = folder / _NAME
    script.write_text(_SCRIPT.format(written=_WRITTEN, ours=ours, compiler=own), encoding="utf-8")
    script.chmod(0o755)
    return True


def main() -> int:
    """Compile, or copy what an equal call gave."""
    compiler, store, about, *arguments = sys.argv[1:]
    output = arguments[arguments.index(_WRITTEN) + 1]
    remembered = f"{store}/{_digest(about, arguments)}"
    told = f"{remembered}.stderr"
    with _alone(remembered):
        if not os.path.exists(remembered):
            folder = _precompiled(compiler, store, about, arguments)
            done = _called([compiler, *folder, *arguments])
            sys.stderr.buffer.write(done.stderr)
            if done.returncode == 0:
                _write(told, done.stderr)
                _copy(output, remembered)
            return done.returncode
    sys.stderr.buffer.write(_read(told))
    _copy(remembered, output)
    return 0


def _precompiled(compiler: str, store: str, about: str, arguments: list[str]) -> list[str]:
    """Where the compiler looks first: in a folder with the source's first header, precompiled.

    It takes that for what it was made for alone, and otherwise the header itself.
    """
    import re
    from pathlib import Path

    sources = [argument for argument in arguments if argument.endswith(".cpp")]
    first = re.match(_FIRST, _read(sources[0])) if len(sources) == 1 else None
    if first is None or _READ in arguments:
        return []
    name, flags = first[1].decode(), _flags(arguments)
    found = [Path(flag[2:], name) for flag in flags if flag.startswith("-I")]
    header = next((path for path in found if path.is_file()), None)
    if header is None:
        return []
    folder = Path(store, f"headers-{_digest(about, [*flags, str(header)])}")
    made = folder / f"{name}.gch"
    made.parent.mkdir(parents=True, exist_ok=True)
    with _alone(str(made)):
        asked = made.with_suffix(".asked")
        with asked.open("a") as file:
            file.write(".")
        if not made.exists():
            if asked.stat().st_size <= PLAIN:
                return []
            part = made.with_suffix(".part")
            call = [compiler, *flags, "-x", "c++-header", str(header), _WRITTEN, str(part)]
            if _called(call).returncode:
                return []
            part.replace(made)
    return [f"-I{folder}"]


def _flags(arguments: list[str]) -> list[str]:
    """Those that say how is compiled, not what, where to, or what is linked."""
    befores = ["", *arguments]
    return [
        argument
        for before, argument in zip(befores, arguments, strict=False)
        if _WRITTEN not in (before, argument)
        and not argument.endswith(".cpp")
        and not argument.startswith(_LINKED)
    ]


def _called(call: list[str]) -> subprocess.CompletedProcess[bytes]:
    import subprocess

    return subprocess.run(call, stderr=subprocess.PIPE)


@contextmanager
def _alone(path: str) -> Iterator[None]:
    """Who wants the same meanwhile waits, and finds it made."""
    with open(f"{path}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _digest(about: str, arguments: list[str]) -> str:
    """Of all that the output depends on."""
    digest = hashlib.sha256(about.encode())
    before = ""
    for argument in arguments:
        if before != _WRITTEN:
            is_read = before == _READ or argument.endswith((".cpp", ".hpp", ".h"))
            data = _read(argument) if is_read else argument.encode()
            digest.update(b"%d:" % len(data) + data)
        before = argument
    return digest.hexdigest()


def _copy(source: str, target: str) -> None:
    _write(target, _read(source), os.stat(source).st_mode)


def _read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def _write(target: str, data: bytes, mode: int = 0o600) -> None:
    """At once: another process may look for it, or remember the same."""
    part = f"{target}.{os.getpid()}"
    with open(part, "wb") as file:
        file.write(data)
    os.chmod(part, mode)
    os.replace(part, target)


if __name__ == "__main__":
    sys.exit(main())
