"""`precompile run` with adapters that are announced, whole ones and broken ones."""

import json
import os
import re
import runpy
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import _precompile_run
from precompile_context import MisuseError, session
from precompile_context.session import announced
from precompile_context.session.session import bundle_path
from precompile_context.session.settings import Settings
from tests import hanging
from tests.forking import Interpreters
from tests.programs import RUN, Run, ended
from tests.test_run import PLAIN, finished, run_command, script

pytestmark = pytest.mark.slow  # programs

TOY = Path(__file__).parents[2] / "examples/toy_adapter"
_TestToyAdapter: Any = runpy.run_path(str(TOY / "test_toy_adapter.py"))["TestToyAdapter"]

PROGRAM = "import toylang\nprint(toylang.evaluate('x + 1', x=2.0), toylang.compiled)\n"
# A method of the adapter that raises, each in its turn; what it is called with is no matter.
BROKEN = """
from toy_adapter import ToyAdapter

class Broken(ToyAdapter):
    name = "broken"

def {method}(*args, **kwargs):
    raise RuntimeError("out of order")

Broken.{method} = {method}
"""


class TestToyAdapter(_TestToyAdapter):  # type: ignore[misc]  # of a file that is no module
    """As anyone runs them, but forked."""

    @pytest.fixture(autouse=True)
    def forked(self, with_ours: Interpreters) -> None:
        self.python = with_ours.stand_in()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages, where one announces the toy's adapter."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHONPATH", f"{site}:{TOY}")
    announce(site, "toylang = toy_adapter:ToyAdapter")
    return site


def announce(site: Path, line: str) -> None:
    folder = site / "toy-1.0.dist-info"
    folder.mkdir(exist_ok=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(f"[{_precompile_run.GROUP}]\n{line}\n")


@pytest.fixture
def ran(with_ours: Interpreters) -> Run:
    def ran(folder: Path, *options: str) -> tuple[int, str, str]:
        command = [*RUN, "--bundle", "b", *options, script(folder, PROGRAM)]
        return ended(with_ours, command, folder)

    return ran


def test_an_installed_adapter_is_found_and_serves(site: Path, tmp_path: Path, ran: Run) -> None:
    assert ran(tmp_path) == (0, "3.0 1\n", "")
    status, out, err = ran(tmp_path, "-v", "--report", "r")
    assert (status, out) == (0, "3.0 0\n")
    assert err.endswith("b: 1 kernel of 1 from the bundle; 0 artifacts saved\n")
    told = json.loads((tmp_path / "r").read_text())
    assert told["compilers"]["toylang"]["compiled"] == 0
    assert told["bundle"]["matched"] is True
    assert told["status"] == "finished"


@pytest.mark.parametrize(
    "options",
    [[], ["-v", "--report", "r", "--why-miss"], ["--max-size", "10"], ["--directory", "d=cache"]],
    ids=["plain", "telling", "small", "directory"],
)
def test_an_interrupted_program_saves_and_ends_as_in_plain_python(
    site: Path, tmp_path: Path, options: list[str]
) -> None:
    interrupted = f"{PROGRAM}import os, signal\nos.kill(os.getpid(), signal.SIGINT)\ninput()\n"
    command = [*run_command("--bundle", "b", *options), script(tmp_path, interrupted)]
    status, _, err = finished(command, tmp_path)
    assert status == -signal.SIGINT
    assert "KeyboardInterrupt" in err
    assert (tmp_path / "b").stat().st_size


@pytest.mark.parametrize("there", [1, 60, 200], ids=["header", "first record", "manifest"])
def test_another_process_in_the_middle_of_its_first_save_is_no_news(
    site: Path, tmp_path: Path, there: int, ran: Run
) -> None:
    assert ran(tmp_path) == (0, "3.0 1\n", "")
    whole = (tmp_path / "b").read_bytes()
    assert there < len(whole)
    (tmp_path / "b").write_bytes(whole[:there])
    assert ran(tmp_path) == (0, "3.0 1\n", "")
    assert ran(tmp_path) == (0, "3.0 0\n", "")
    # Where nothing is to be written, it is a file that cannot be read.
    (tmp_path / "b").write_bytes(whole[:there])
    status, out, err = ran(tmp_path, "--read-only")
    assert (status, out) == (0, "3.0 1\n")
    assert "the program runs cold: TRUNCATED" in err


def test_an_adapter_that_a_variable_names_is_tried_without_installing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PRECOMPILE_ADAPTERS", "toylang=toy_adapter:ToyAdapter")
    for name in ("toylang.py", "toy_adapter.py"):  # beside the program
        shutil.copy(TOY / name, tmp_path)
    assert ran(tmp_path) == (0, "3.0 1\n", "")
    assert ran(tmp_path) == (0, "3.0 0\n", "")


def test_a_run_within_a_run_may_be_another_pythons_and_looks_for_adapters_itself() -> None:
    environ, settings = {"PRECOMPILE_ADAPTERS": "x.y=z:W"}, Settings("b", False, None, 1)
    settings.write(environ)
    assert environ["PRECOMPILE_ADAPTERS"] == "x.y=z:W"
    settings.write(environ)
    assert "x.y=z:W" not in environ["PRECOMPILE_ADAPTERS"]
    assert environ["PRECOMPILE_ADAPTERS"]


def test_why_a_look_up_missed_is_told_of_each_adapter(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    ran(tmp_path)
    monkeypatch.setenv("TOYLANG_TARGET", "two")
    status, out, err = ran(tmp_path, "--why-miss", "--read-only")
    assert (status, out) == (0, "6.0 1\n")
    assert "toylang: the program runs cold: it was saved in another environment" in err
    assert "missed kernel " in err
    assert "environment: toylang.target: one there, two here" in err


def test_explain_speaks_of_each_compiler(
    site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    ran(tmp_path)
    command = [sys.executable, "-m", "precompile_context", "explain", "--unsigned", "b"]
    status, out, _ = finished(command, tmp_path)
    assert (status, out.splitlines()[1]) == (0, "segment 0 at byte 0 fits")
    assert "toylang.kernel" in out
    (tmp_path / "host").write_text(finished([*command, "--print-host"], tmp_path)[1])
    monkeypatch.setenv("TOYLANG_TARGET", "two")
    status, out, _ = finished(command, tmp_path)
    assert status == 1
    assert "toylang.target: needs {one}, here {two}" in out
    assert finished([*command, "--host", "host"], tmp_path)[0] == 0


@pytest.mark.parametrize(
    "method",
    [
        *("__init__", "watch", "facts", "requirements", "fitting", "ruled_out", "types_here"),
        *("observe", "start", "stop", "report", "summary", "missed"),
    ],
)
def test_an_adapter_that_raises_breaks_no_program_and_is_told_in_a_line(
    site: Path, tmp_path: Path, method: str, ran: Run
) -> None:
    assert ran(tmp_path)[0] == 0  # there is a bundle to serve
    (site / "broken.py").write_text(BROKEN.format(method=method))
    announce(site, "toylang = broken:Broken")
    # The line at the end would say once more why something is not saved.
    verbose = ["-v"] if method == "summary" else []
    status, out, err = ran(tmp_path, *verbose, "--report", "r", "--why-miss")
    assert (status, out.split()[0]) == (0, "3.0")
    assert err.count("out of order") == 1
    assert json.loads((tmp_path / "r").read_text())["children"] == []


@pytest.mark.parametrize(
    "line",
    ["toylang = no_such_module:Adapter", "toylang = toy_adapter:Nothing", "toylang = toy_adapter"],
    ids=["module", "class", "no class"],
)
def test_an_adapter_that_cannot_be_made_is_told_in_a_line(
    site: Path, tmp_path: Path, line: str, ran: Run
) -> None:
    announce(site, line)
    status, out, err = ran(tmp_path)
    assert (status, out) == (0, "3.0 1\n")
    assert err.startswith("precompile: ")
    assert err.count("\n") == 1


def test_nothing_of_ours_is_imported_before_a_compiler_is(site: Path, tmp_path: Path) -> None:
    name = script(tmp_path, "import json, sys; print(*sorted(sys.modules), sep='\\n')")
    before = set(finished([*PLAIN, name], tmp_path)[1].split())
    after = set(finished([*run_command("--bundle", "b"), name], tmp_path)[1].split())
    assert after - before == {"_precompile_run"}


def test_what_is_announced_is_read_as_its_metadata_has_it(tmp_path: Path) -> None:
    announce(tmp_path, "a.b = c.d:E\n# x = y:Z\n f=g:H \nempty =\n[console_scripts]\ni = j:K")
    (tmp_path / "damaged-1.dist-info").mkdir()
    (tmp_path / "damaged-1.dist-info" / "entry_points.txt").write_bytes(b"\xff\xfe[\x00")
    path = [str(tmp_path / "missing"), str(tmp_path), str(tmp_path)]
    assert _precompile_run._found(path) == [("a.b", "c.d:E"), ("f", "g:H")]


def test_the_session_names_no_compiler_but_in_the_first_versions_names() -> None:
    for file in Path(session.__file__).parent.glob("*.py"):
        text = file.read_text().replace('"torch.precompile"', "")
        assert not re.findall(r"\b(?:torch|jax|numba|triton)\b", text), file


def test_a_child_forked_while_another_thread_imports_an_adapter_has_its_own() -> None:
    taken, done = threading.Event(), threading.Event()

    def importing() -> None:
        with announced._lock:
            taken.set()
            done.wait()

    thread = threading.Thread(target=importing)
    thread.start()
    taken.wait()
    pid = os.fork()
    if not pid:
        signal.alarm(hanging.SECONDS)  # else it would wait for ever
        os._exit(0 if announced.made("tests.toys:no_such_adapter") is None else 1)
    status = os.waitpid(pid, 0)[1]
    done.set()
    thread.join()
    assert status == 0


def test_a_compiler_that_is_imported_while_another_one_s_adapter_begins_is_served_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    began, seen = threading.Event(), threading.Event()
    watched: list[str] = []

    class Startup:
        @staticmethod
        def watch(name: str) -> None:
            if name == "slow":
                began.set()
                assert seen.wait(hanging.SECONDS)
            watched.append(name)

    monkeypatch.setattr(_precompile_run, "_started", Startup)
    thread = threading.Thread(target=_precompile_run._watch("slow"))
    thread.start()
    assert began.wait(hanging.SECONDS)
    _precompile_run._watch("quick")()
    seen.set()
    thread.join()
    assert watched == ["quick", "slow"]


def test_what_fails_at_a_compiler_s_import_is_tried_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    class Startup:
        @staticmethod
        def watch(name: str) -> None:
            calls.append(name)
            raise OSError("out of order")

    monkeypatch.setattr(_precompile_run, "_started", Startup)
    monkeypatch.setattr(_precompile_run, "_failed", False)
    with pytest.raises(OSError, match="out of order"):
        _precompile_run._watch("one")()
    _precompile_run._watch("other")()
    assert calls == ["one"]


def test_a_variable_that_is_set_to_nothing_switches_nothing_on(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRECOMPILE_CACHE", "")
    assert finished([*PLAIN, script(site, PROGRAM)], site) == (0, "3.0 1\n", "")


@pytest.mark.parametrize("path", [5, b"name", None, "", "\0"])
def test_a_bundle_is_named_by_a_path(path: Any) -> None:
    with pytest.raises(MisuseError, match="a bundle is named by a path"):
        bundle_path(path)
