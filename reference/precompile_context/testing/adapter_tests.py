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
# Each line in one write, beside the other process.
_FORKED = """
import os, program
pid = os.fork()
print(f"{program.main()}\\n", end="", flush=True)
if pid:
    os.waitpid(pid, 0)
"""
# A process that has used its compiler, and whose child goes on to.
_FORKED_LATER = """
import os, program
print(f"{program.main()}\\n", end="", flush=True)
if pid := os.fork():
    os.waitpid(pid, 0)
else:
    print(f"{program.main()}\\n", end="", flush=True)
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
# What is recorded is whole and signed, and nothing that a compiler made.
_GARBLED = """
from precompile_context.session.part import SessionPart
record = SessionPart.record
SessionPart.record = lambda part, type, key, content, **fields: record(
    part, type, key, b"no code of anybody's" * 9, **fields
)
import program
print(program.main())
"""
_FULL_DISK = """
import errno
from precompile_context.files import appending
def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")
appending.write_all = full
import program
print(program.main())
"""
_TWO = f"""
import program
from {_SECOND} import spell
print(program.main(), spell("word").decode())
"""


# The class and the methods of it that fail, by a variable.
_FAULTY = "precompile_context.testing.faulty_adapter:FaultyAdapter"
# Those of one tuple are reached in one process.
_FAULTS = (
    ("watch",),
    ("ruled_out",),
    ("facts",),
    ("requirements",),
    ("fitting",),
    ("start",),
    ("observe", "stop", "report", "summary", "missed"),
)


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


# By class: what a cold process did, its bundle, and the files of the key that signed it.
_made: dict[type, tuple[Done, bytes, Mapping[Path, bytes]]] = {}


class AdapterTests:
    """Inherit it in a class whose name begins with Test. Every test starts processes of its own.

    Attributes:
        adapter: the entry point's value, `package.module:Class`.
        module: the entry point's name: the module whose import means the compiler is there.
        program: source of a module whose `main()` compiles something and returns a result
            that shows whether it is right, the same in every process and on every host.
        other_host: variables under which the facts are another host's.
        refuses: whether the compiler or the adapter notices content that is no compiler's.
        path: folders that its modules are in, where they are not installed.
        variables: more that all processes are started with.
        python: the beginning of a command that does what `python` does.
        seconds: for each process.
    """

    adapter: ClassVar[str]
    module: ClassVar[str]
    program: ClassVar[str]
    other_host: ClassVar[Mapping[str, str]]
    refuses: ClassVar[bool] = True
    path: ClassVar[Sequence[str]] = ()
    variables: ClassVar[Mapping[str, str]] = {}
    seconds: ClassVar[float] = 300.0
    python: Sequence[str] = (sys.executable,)

    @pytest.fixture
    def bundle(self, tmp_path: Path) -> Path:
        """Where the test's bundle goes."""
        return tmp_path / "bundle.precompile"

    def run(
        self,
        bundle: Path,
        driver: str = _PLAIN,
        *,
        place: str = "first",
        adapter: str | None = None,
        **variables: str,
    ) -> Done:
        """A process with `bundle`, in a folder of this name. Program, home and temporary files
        lie below it; the latter two are empty: what the compiler itself keeps is not there.
        `adapter` stands in for the class's.
        """
        folder = self._prepared(bundle, place)
        home = folder / "home"
        (folder / "driver.py").write_text(driver)
        report = folder / "report.json"
        report.unlink(missing_ok=True)
        announced = (
            f"{self.module}={adapter or self.adapter}",
            f"{_SECOND}={_SECOND}:SecondAdapter",
        )
        done = subprocess.run(
            [*self.python, "driver.py"],
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

    def _prepared(self, bundle: Path, place: str) -> Path:
        folder = bundle.parent / place
        folder.mkdir(exist_ok=True)
        for part in (folder / "home", folder / "tmp"):
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
        (folder / "program.py").write_text(self.program)
        return folder

    def part(self, report: Mapping[str, Any]) -> Mapping[str, Any]:
        """What the report of a process says of the adapter."""
        compilers = report.get("compilers", {})
        own = [part for name, part in compilers.items() if name != "second"]
        return own[0] if own else {}

    def recorded(self, bundle: Path) -> Done:
        """The bundle, made by a first process, which ran cold. It runs once for the tests of a
        class: each gets a copy, and of the key that signed it.
        """
        config = bundle.parent / "config"
        if (made := _made.get(type(self))) is None:
            done = self.run(bundle)
            assert (done.status, self.lines(done)) == (0, [])
            assert done.part["loaded"] == done.part["applied"] == 0
            assert done.part["recorded"] > 0
            files = [file for file in config.rglob("*") if file.is_file()]
            keys = {file.relative_to(config): file.read_bytes() for file in files}
            _made[type(self)] = done, bundle.read_bytes(), keys
            return done
        self._prepared(bundle, "first")
        done, data, signed_by = made
        bundle.write_bytes(data)
        for name, key in signed_by.items():
            (config / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            (config / name).write_bytes(key)
            (config / name).chmod(0o600)
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
        assert (cold.status, other, self.lines(cold)) == (0, line, []), cold.err
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

    def test_whole_content_that_no_compiler_made_is_compiled_anew_and_replaced(
        self, bundle: Path
    ) -> None:
        if not self.refuses:
            return
        cold = self.run(bundle, _GARBLED)
        served = self.run(bundle, place="second")
        assert (served.status, served.out) == (0, cold.out)
        (line,) = self.lines(served)
        assert "not all was applied; the first, " in line
        self.is_warm(self.run(bundle, place="third"), cold.out)

    def test_a_strangers_bundle_is_neither_served_nor_touched(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        stranger = {"XDG_CONFIG_HOME": str(bundle.parent / "stranger")}
        other = self.run(bundle, place="other", **stranger)
        assert (other.status, other.out, other.part["applied"]) == (0, cold.out, 0)
        (line,) = self.lines(other)
        assert "UNTRUSTED_SIGNER" in line
        assert bundle.read_bytes() == before

    def test_on_a_full_disk_the_program_is_right_and_nothing_is_lost(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        other = self.run(bundle, _FULL_DISK, place="other", **self.other_host)
        assert (other.status, other.out) == (0, cold.out)
        _, line = self.lines(other)  # the first: it was saved in another environment
        assert "not saved: " in line
        assert "No space left on device" in line
        assert bundle.read_bytes() == before

    def test_in_a_directory_that_others_may_write_signatures_decide(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        bundle.parent.chmod(0o777)
        bundle.chmod(0o666)
        self.is_warm(self.run(bundle, place="second"), cold.out)

    def test_another_version_is_refused_by_name_and_gets_a_segment(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        variables = {"PRECOMPILE_FAULTY_ADAPTER": self.adapter, "PRECOMPILE_FAULTS": "version"}
        other = self.run(bundle, place="other", adapter=_FAULTY, **variables)
        assert (other.status, other.out, other.part["applied"]) == (0, cold.out, 0)
        (line,) = self.lines(other)
        assert ": needs {" in line
        assert "here {another}" in line
        self.is_warm(self.run(bundle), cold.out)

    @pytest.mark.parametrize("methods", _FAULTS, ids="-".join)
    def test_an_adapter_that_raises_breaks_no_program(
        self, bundle: Path, methods: tuple[str, ...]
    ) -> None:
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        variables = {
            "PRECOMPILE_FAULTY_ADAPTER": self.adapter,
            "PRECOMPILE_FAULTS": " ".join(methods),
        }
        done = self.run(bundle, place="other", adapter=_FAULTY, **variables)
        assert (done.status, done.out) == (0, cold.out)
        assert len(self.lines(done)) == 1, done.err
        assert "RuntimeError: a fault in " in done.err
        assert bundle.read_bytes() == before
