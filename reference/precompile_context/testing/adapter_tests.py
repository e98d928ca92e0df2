"""What every adapter must do: a class that the tests of an adapter inherit."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from precompile_context.bundle import Bundle
from precompile_context.trust import UNSIGNED

_SECOND = "precompile_context.testing.second_compiler"
_PLAIN = "import program\nprint(program.main())\n"
_FORKED = """
import os, program
pid = os.fork()
print(program.main(), flush=True)
if pid:
    os.waitpid(pid, 0)
"""
# A process that has used its compiler, and whose child goes on to.
_FORKED_LATER = """
import os, program
print(program.main(), flush=True)
if pid := os.fork():
    os.waitpid(pid, 0)
else:
    print(program.main(), flush=True)
"""
_THREADS = """
import threading, program
results = []
threads = [threading.Thread(target=lambda: results.append(program.main())) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(*results, sep="\\n")
"""
_KILLED = """
import os, signal, program
print(program.main(), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
_TWO = f"""
import program
from {_SECOND} import spell
print(program.main(), spell("word").decode())
"""


@dataclass(frozen=True)
class Done:
    """A process that has ended.

    Attributes:
        part: what the report says of the adapter; empty where there is none.
        report: all of it.
    """

    status: int
    out: str
    err: str
    part: Mapping[str, Any]
    report: Mapping[str, Any]


class AdapterTests:
    """Inherit it in a class whose name begins with Test. Every test starts processes of its own.

    Attributes:
        adapter: the entry point's value, `package.module:Class`.
        module: the entry point's name: the module whose import means the compiler is there.
        program: source of a module whose `main()` compiles something and returns a result
            that shows whether it is right, the same in every process and on every host.
        other_host: variables under which the facts are another host's.
        path: folders that its modules are in, where they are not installed.
        variables: more that all processes are started with.
        seconds: for each process.
    """

    adapter: ClassVar[str]
    module: ClassVar[str]
    program: ClassVar[str]
    other_host: ClassVar[Mapping[str, str]]
    path: ClassVar[Sequence[str]] = ()
    variables: ClassVar[Mapping[str, str]] = {}
    seconds: ClassVar[float] = 300.0

    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Path:
        """Where the test's bundle goes."""
        return tmp_path / "bundle.precompile"

    def run(
        self, bundle: Path, driver: str = _PLAIN, *, place: str = "first", **variables: str
    ) -> Done:
        """A process with `bundle`, in a folder of this name. Program, home and temporary files
        lie below it; the latter two are empty: what the compiler itself keeps is not there.
        """
        folder = bundle.parent / place
        home = folder / "home"
        folder.mkdir(exist_ok=True)
        for part in (home, folder / "tmp"):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
        (folder / "program.py").write_text(self.program)
        (folder / "driver.py").write_text(driver)
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        announced = (f"{self.module}={self.adapter}", f"{_SECOND}={_SECOND}:SecondAdapter")
        done = subprocess.run(
            [sys.executable, "driver.py"],
            cwd=folder,
            env={
                **os.environ,
                "HOME": str(home),
                "TMPDIR": str(folder / "tmp"),
                "XDG_CACHE_HOME": str(home / "cache"),
                # One user, whose key signs, wherever the program lies.
                "XDG_CONFIG_HOME": str(bundle.parent / "config"),
                "PYTHONPATH": os.pathsep.join([*self.path, *filter(None, sys.path)]),
                "PRECOMPILE_ADAPTERS": " ".join(announced),
                "PRECOMPILE_CACHE": str(bundle),
                "PRECOMPILE_REPORT": str(report),
                **self.variables,
                **variables,
            },
            capture_output=True,
            text=True,
            timeout=self.seconds,
            check=False,
        )
        told = json.loads(report.read_text()) if report.exists() else {}
        return Done(done.returncode, done.stdout, done.stderr, self.part(told), told)

    def part(self, report: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the report of a process says of the adapter."""
        compilers = report.get("compilers", {})
        own = [part for name, part in compilers.items() if name != "second"]
        return own[0] if own else {}

    def recorded(self, bundle: Path) -> Done:
        """The bundle, made by a first process, which ran cold."""
        done = self.run(bundle)
        assert (done.status, self.lines(done)) == (0, [])
        assert done.part["loaded"] == done.part["applied"] == 0
        assert done.part["recorded"] > 0
        return done

    def lines(self, done: Done) -> list[str]:
        """What was said of the bundle."""
        return [line for line in done.err.splitlines() if line.startswith("precompile: ")]

    def is_warm(self, done: Done, out: str) -> None:
        """Check that all came from the bundle, and nothing was added to it."""
        assert (done.status, done.out, self.lines(done)) == (0, out, [])
        assert done.part["applied"] > 0
        assert (done.part["missed"], done.part["recorded"]) == (0, 0)

    def test_a_fresh_process_is_served_and_saves_nothing_new(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        self.is_warm(self.run(bundle), cold.out)
        assert bundle.read_bytes() == before

    def test_a_moved_program_with_an_empty_home_is_served(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        moved = bundle.parent / "elsewhere"
        moved.mkdir()
        there = moved / bundle.name
        shutil.copy(bundle, there)
        shutil.copytree(bundle.parent / "config", moved / "config")
        shutil.rmtree(bundle.parent / "first")
        self.is_warm(self.run(there, place="another"), cold.out)

    def test_another_hosts_content_is_not_served_and_why_is_said(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        other = self.run(bundle, place="other", **self.other_host)
        assert (other.status, other.out) == (0, cold.out)
        assert (other.part["matched"], other.part["applied"]) == (False, 0)
        (line,) = self.lines(other)
        assert "it was saved in another environment: " in line
        # Both have their segments now.
        self.is_warm(self.run(bundle, place="other again", **self.other_host), cold.out)
        self.is_warm(self.run(bundle), cold.out)

    @pytest.mark.parametrize(
        "driver", [_FORKED, _FORKED_LATER], ids=["before the first use", "after it"]
    )
    def test_a_forked_child_is_right_and_harms_nothing(self, bundle: Path, driver: str) -> None:
        cold = self.run(bundle, driver)
        line, other = cold.out.splitlines()
        assert (cold.status, other, self.lines(cold)) == (0, line, [])
        self.is_warm(self.run(bundle, place="second"), f"{line}\n")

    def test_threads_at_once_are_right_and_all_is_saved(self, bundle: Path) -> None:
        cold = self.run(bundle, _THREADS)
        assert (cold.status, self.lines(cold)) == (0, [])
        (line,) = set(cold.out.splitlines())
        self.is_warm(self.run(bundle, place="second"), f"{line}\n")
        warm = self.run(bundle, _THREADS, place="third")
        assert (warm.out, warm.part["recorded"]) == (cold.out, 0)

    def test_a_killed_process_leaves_what_it_compiled(self, bundle: Path) -> None:
        killed = self.run(bundle, _KILLED)
        assert killed.status < 0
        self.is_warm(self.run(bundle, place="second"), killed.out)

    def test_a_damaged_artifact_is_compiled_anew_and_replaced(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        data = bytearray(bundle.read_bytes())
        segment = Bundle.open(bytes(data), policy=UNSIGNED).segments[0]
        place = max(segment.blocks, key=lambda block: block.size)
        for offset in range(place.offset, place.offset + place.size):
            data[offset] ^= 0x55
        bundle.write_bytes(data)
        damaged = self.run(bundle, place="second")
        assert (damaged.status, damaged.out) == (0, cold.out)
        (line,) = self.lines(damaged)
        assert "not all was applied; the first, " in line
        assert damaged.part["refused"] > 0
        self.is_warm(self.run(bundle, place="third"), cold.out)

    def test_a_read_only_bundle_serves_and_stays_as_it_is(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        variables = {"PRECOMPILE_READ_ONLY": "1"}
        self.is_warm(self.run(bundle, place="second", **variables), cold.out)
        other = self.run(bundle, place="other", **variables, **self.other_host)
        assert (other.status, other.out) == (0, cold.out)
        assert bundle.read_bytes() == before

    def test_another_compilers_segments_are_neither_in_the_way_nor_lost(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        both = self.run(bundle, _TWO, place="second")
        assert (both.status, both.out, self.lines(both)) == (0, f"{cold.out[:-1]} WORD\n", [])
        assert both.report["compilers"]["second"]["recorded"] == 1
        assert both.part["recorded"] == 0
        again = self.run(bundle, _TWO, place="third")
        self.is_warm(again, both.out)
        assert again.report["compilers"]["second"]["applied"] == 1
        other = self.run(bundle, _TWO, place="other", **self.other_host)
        assert other.report["compilers"]["second"]["applied"] == 1
        assert (other.part["matched"], other.out) == (False, both.out)
