"""Mutants that are forked: what they import besides the reference is imported once for all.

To start Python and to import protobuf and what it needs takes longer than most mutants live. The
reference itself is in no parent: each mutant imports all of it, behind its own hook.
"""

import os
import subprocess
import sys
from multiprocessing import get_context

# What a mutant imports as well.
import cryptography.hazmat.primitives.asymmetric.ed25519  # noqa: F401
import zstandard  # noqa: F401

from mutants.mutant import Mutant, install
from precompile.conformance.v1 import script_pb2, writing_pb2  # noqa: F401
from precompile_conformance.testee import Process, Testee


class Forked(Testee):
    """A mutant; the process that asks it has one thread, and has not imported the reference."""

    def __init__(self, mutant: Mutant, *, seconds: float) -> None:
        super().__init__((sys.executable, "-m", "mutants", mutant.id), seconds=seconds)
        self._mutant = mutant

    def _begin(self) -> Process:
        return _Forked(self._mutant, self._stderr.fileno())


class _Forked:
    """As subprocess has it: a process with pipes to its standard input and output."""

    def __init__(self, mutant: Mutant, stderr: int) -> None:
        reading, requests = os.pipe()
        responses, writing = os.pipe()
        self.stdin, self.stdout = os.fdopen(requests, "wb", 0), os.fdopen(responses, "rb", 0)
        ends = {0: reading, 1: writing, 2: stderr}
        self._process = get_context("fork").Process(target=self._become, args=(mutant, ends))
        self._process.start()
        os.close(reading)
        os.close(writing)
        assert self._process.pid is not None
        self.pid = self._process.pid

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, or the signal that ended it, negated.

        Raises:
            TimeoutExpired: it has not ended, after so many seconds.
        """
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return self._process.exitcode

    def _become(self, mutant: Mutant, ends: dict[int, int]) -> None:
        os.setsid()
        self.stdin.close()
        self.stdout.close()
        for fd, end in ends.items():
            os.dup2(end, fd)
        os.close(ends[0])
        os.close(ends[1])
        requests, responses = os.fdopen(0), os.fdopen(1, "w")
        vars(sys).update(stdin=requests, __stdin__=requests, stdout=responses, __stdout__=responses)
        install(mutant)
        from testees.reference.serve import serve

        serve()
