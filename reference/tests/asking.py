"""Asks a process that has imported a compiler to fork, and a child to become `python ARGUMENTS`.

Run as a script, it is a `python` that does so, and starts Python itself where that would not be the
same. It imports little: each of a page's commands is one.
"""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence

# Read when a cache is asked, a program begins, or ranks meet, not at an import.
_READ_LATE = frozenset({"TORCHINDUCTOR_CACHE_DIR", "PYTHONPATH", "PYTHON_EXEC"})
_OF_RANKS = ("TORCHELASTIC_", "TORCH_NCCL_")
# Of others than the compiler, what is read before a program begins.
_READ_FIRST = ("ATEN_", "OMP_", "MKL_", "LD_", "PYTHON")


def ask(
    address: str, arguments: Sequence[str], cwd: str, env: Mapping[str, str], files: Sequence[int]
) -> int:
    """The status of `python ARGUMENTS`, whose first three files are these; less than 0 is a signal.

    Raises:
        OSError, ValueError: there is nobody to be asked, or not any more.
    """
    text = json.dumps([list(arguments), cwd, dict(env)]).encode()
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(address)
        socket.send_fds(asked, [len(text).to_bytes(8, "big")], files)
        asked.sendall(text)
        return int(asked.makefile().readline())


def answered(asked: socket.socket) -> tuple[list[str], str, dict[str, str], list[int]]:
    """What `ask` was given, but for the address, at the other end."""
    size, files, _, _ = socket.recv_fds(asked, 8, 3)
    with asked.makefile("rb") as file:
        arguments, cwd, env = json.loads(file.read(int.from_bytes(size, "big")))
    return arguments, cwd, env, files


def read_already(prefix: str, variables: Mapping[str, str], env: Mapping[str, str]) -> str | None:
    """A variable that was read at an import, with these variables, and is another one in `env`."""
    for name in {*variables, *env} - _READ_LATE:
        if name.startswith(_OF_RANKS):
            continue
        if name.startswith((prefix, *_READ_FIRST)) and env.get(name) != variables.get(name):
            return name
    return None


def main(place: str, *arguments: str) -> None:
    """Be `python ARGUMENTS`. The file `place` says of whom to ask, and what they have read."""
    with open(place, encoding="utf-8") as file:
        prefix, variables, addresses = json.load(file)
    first = next((word for word in arguments if word != "-u"), "")
    is_program = first == "-c" or os.path.isfile(first)
    if not is_program or read_already(prefix, variables, os.environ):
        os.execv(sys.executable, [sys.executable, *arguments])
    address = addresses[os.urandom(1)[0] % len(addresses)]
    status = ask(address, arguments, os.getcwd(), os.environ, (0, 1, 2))
    if status < 0:
        if -status != signal.SIGKILL:  # which nobody handles
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)


if __name__ == "__main__":
    main(*sys.argv[1:])
