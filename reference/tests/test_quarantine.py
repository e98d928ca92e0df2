"""What a program dies of that came from a bundle: the next run knows, and can leave it out."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from precompile_context import BundleFile
from precompile_context.files import suspects as record_of_suspects
from precompile_context.files.suspects import Suspect, add_suspects, suspects
from precompile_context.files.use_record import SWITCH, UsedBundle, add_use, record_file
from precompile_context.session import journal
from precompile_context.session.deaths import deaths
from precompile_context.session.quarantine import take_in_deaths
from tests import hanging
from tests.forking import Interpreters
from tests.programs import RUN, Run, ended
from tests.test_cli import run
from tests.test_run import finished, run_command
from tests.test_session_run import TOY
from tests.toys import BLOB, file_contents

pytestmark = pytest.mark.slow  # programs

# Compiled in its own process the expression is harmless; out of a bundle it ends as FATE says.
PROGRAM = """
import os, sys, toylang
if os.environ.get("FATE") == "anew":
    old = toylang._translate
    toylang._translate = lambda e: old(f" {e}")
    toylang.compiled = 1
print(toylang.evaluate("__import__('fate').meet(x)", x=2.0), flush=True)
"""
FATE = """
import faulthandler, os, signal, sys, toylang

def meet(x):
    fate = os.environ.get("FATE", "")
    if toylang.compiled or not fate:
        return x + 1
    if fate == "hides" and faulthandler.is_enabled():
        return "the program sees what is none of its own"
    if fate == "own":
        faulthandler.enable()
    if fate in ("own", "hides"):
        fate = "SIGSEGV"
    if fate == "child":
        if child := os.fork():
            os.waitpid(child, 0)
            os._exit(0)
        fate = "SIGSEGV"
    if fate == "closes":
        os.closerange(3, 4096)
        other = os.open(os.environ["FATE_FILE"], os.O_RDWR | os.O_CREAT)
        os.dup2(other, 500)
        toylang.evaluate("7.0")
        os._exit(0)
    if fate == "raises":
        raise RuntimeError
    if fate == "exits":
        os._exit(3)
    if fate == "execs":
        os.execv(sys.executable, [sys.executable, "-c", "import os; os.kill(os.getpid(), 11)"])
    os.kill(os.getpid(), getattr(signal, fate))
"""


@pytest.fixture(scope="module")
def ran(with_ours: Interpreters) -> Run:
    def ran(folder: Path, *options: str) -> tuple[int, str, str]:
        command = [*RUN, "--bundle", "b", *options, "program.py"]
        return ended(with_ours, command, folder)

    return ran


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, ran: Run) -> Path:
    """The program, and its bundle."""
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "program.py").write_text(PROGRAM)
    (folder / "fate.py").write_text(FATE)
    with pytest.MonkeyPatch.context() as patch:
        _environment(patch, folder)
        assert ran(folder) == (0, "3.0\n", "")
    return folder


@pytest.fixture
def folder(recorded: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, where nothing is remembered."""
    shutil.copytree(recorded, tmp_path / "here", ignore=shutil.ignore_patterns("state"))
    _environment(monkeypatch, tmp_path / "here")
    return tmp_path / "here"


def _environment(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.setenv("XDG_STATE_HOME", str(folder / "state"))
    patch.setenv("XDG_CONFIG_HOME", str(folder / "config"))
    patch.setenv("PYTHONPATH", str(TOY))
    patch.setenv("PRECOMPILE_ADAPTERS", "toylang=toy_adapter:ToyAdapter")
    for name in ("FATE", "PYTHONFAULTHANDLER", SWITCH):
        patch.delenv(name, raising=False)


def _suspected(*words: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = run("quarantine", "list", *words, "--json").json()["suspects"]
    return found


def _running(folder: Path) -> list[Path]:
    return list((folder / "state/precompile/running").glob("*"))


def test_a_program_that_dies_of_what_it_was_given_runs_cold_for_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "SIGSEGV")
    before = (folder / "b").read_bytes()
    assert ran(folder) == (-signal.SIGSEGV, "", "")
    status, _, err = ran(folder)
    assert status == -signal.SIGSEGV
    (told,) = err.splitlines()
    assert "b: toylang: toylang.kernel " in told
    assert "program.py died of it" in told
    assert "(Segmentation fault); `precompile run --quarantine` leaves it out" in told
    status, out, err = ran(folder, "--quarantine", "--report", "r", "-v")
    assert (status, out) == (0, "3.0\n")
    assert "left out, to be compiled anew: toylang.kernel" in err
    assert "0 kernels of 1 from the bundle" in err
    (refused,) = json.loads((folder / "r").read_text())["artifacts"]["refused"]
    assert refused["code"] == "APPLY_FAILED"
    assert refused["detail"] == "program.py died after it was given: Segmentation fault"
    # The same content was compiled: nothing is new, and nothing of the file is gone.
    assert (folder / "b").read_bytes() == before
    monkeypatch.setenv("PRECOMPILE_QUARANTINE", "1")
    assert ran(folder)[:2] == (0, "3.0\n")
    assert [one["fault"] for one in _suspected(str(folder / "b"))] == ["Segmentation fault"]
    assert "not suspected any more: 1 artifact" in run("quarantine", "remove", folder / "b").out
    assert (ran(folder)[0], _running(folder)) == (-signal.SIGSEGV, _running(folder))


def test_what_is_compiled_anew_takes_the_place_of_what_was_left_out(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "SIGSEGV")
    assert ran(folder)[0] == -signal.SIGSEGV
    monkeypatch.setenv("FATE", "anew")
    before = file_contents(BundleFile(folder / "b"))
    assert ran(folder, "--quarantine", "-v")[2].endswith("1 artifact saved\n")
    after = file_contents(BundleFile(folder / "b"))
    assert before.keys() == after.keys()
    assert before != after
    monkeypatch.delenv("FATE")
    assert ran(folder, "-v") == (0, "3.0\n", _warm(folder))


def _warm(folder: Path) -> str:
    return f"precompile: {folder / 'b'}: 1 kernel of 1 from the bundle; 0 artifacts saved\n"


def test_an_orderly_end_of_a_program_that_was_given_it_clears_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "SIGABRT")
    assert ran(folder)[0] == -signal.SIGABRT
    assert [one["fault"] for one in _suspected()] == ["Aborted"]
    monkeypatch.delenv("FATE")
    assert "died of it" in ran(folder)[2]
    assert (_suspected(), _running(folder)) == ([], [])
    assert ran(folder, "-v") == (0, "3.0\n", _warm(folder))


@pytest.mark.parametrize("fate", ["SIGBUS", "SIGILL", "SIGFPE", "hides"])
def test_a_fault_accuses(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fate: str, ran: Run
) -> None:
    monkeypatch.setenv("FATE", fate)
    assert ran(folder)[:2] == (-getattr(signal, fate, signal.SIGSEGV), "")
    (one,) = _suspected()
    assert (one["program"], one["type"]) == ("program.py", "toylang.kernel")


@pytest.mark.parametrize(
    "fate", ["SIGTERM", "SIGKILL", "SIGINT", "raises", "exits", "execs", "child", "own"]
)
def test_another_end_accuses_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch, fate: str, ran: Run
) -> None:
    monkeypatch.setenv("FATE", fate)
    assert ran(folder)[0] in (0, 1, 3, *(-n for n in signal.Signals))
    assert (_suspected(), _running(folder)) == ([], [])


def test_a_program_with_a_handler_of_its_own_keeps_it(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    monkeypatch.setenv("FATE", "SIGSEGV")
    command = [*run_command("--bundle", "b"), "program.py"]  # the variable is read at a start
    status, _, err = finished(command, folder)
    assert (status, _running(folder)) == (-signal.SIGSEGV, [])
    assert err.startswith("Fatal Python error: Segmentation fault")


def test_a_program_that_closes_all_its_files_finds_nothing_of_ours_in_others(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "closes")
    monkeypatch.setenv("FATE_FILE", str(folder / "data"))
    ran(folder)
    assert (folder / "data").read_bytes() == b""


# Each line is printed by the program's handler, or is what its child ended with.
HANDLERS = """
import faulthandler, os, signal, sys
from pathlib import Path
from precompile_context.session import journal

def give():
    journal.write(Path(sys.argv[1]), "program", "b", [journal.Given("type", "key", b"")])

give()
signal.signal(signal.SIGABRT, lambda *_: print("handled", flush=True))

def abort():
    os.kill(os.getpid(), signal.SIGABRT)

if not (child := os.fork()):
    abort()
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(faulthandler.disable(), flush=True)
abort()
os.closerange(3, 4096)
give()
abort()
if sys.argv[2:]:
    faulthandler.enable(file=open(sys.argv[2], "w"))
    abort()
"""


@pytest.mark.parametrize("told", [[], ["told"]], ids=["not enabled", "enabled later"])
def test_a_program_keeps_the_handlers_that_it_sets_later(tmp_path: Path, told: list[str]) -> None:
    status, out, err = finished([sys.executable, "-c", HANDLERS, "running", *told], tmp_path)
    assert (status, err) == (0, "")
    expected = ["handled", "7", "False", "handled", "handled"]
    assert out.split() == expected + ["handled" for _ in told]
    for name in told:
        assert (tmp_path / name).read_text().startswith("Fatal Python error: Aborted")


def test_nothing_is_written_where_the_record_is_switched_off(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "SIGSEGV")
    monkeypatch.setenv(SWITCH, "0")
    assert ran(folder)[0] == -signal.SIGSEGV
    assert not (folder / "state").exists()
    done = run("quarantine", "list")
    assert (done.status, "switches it off" in done.err) == (2, True)


def test_several_that_die_at_once_are_all_taken_in(
    folder: Path, monkeypatch: pytest.MonkeyPatch, ran: Run
) -> None:
    monkeypatch.setenv("FATE", "SIGSEGV")
    command = [*run_command("--bundle", "b"), "program.py"]
    ranks = [subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE) for _ in range(3)]
    for rank in ranks:
        rank.communicate(timeout=hanging.SECONDS)
    assert {rank.returncode for rank in ranks} == {-signal.SIGSEGV}
    monkeypatch.setenv("PRECOMPILE_QUARANTINE", "yes")
    assert ran(folder)[:2] == (0, "3.0\n")
    assert len(_suspected()) == 1


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv(SWITCH, raising=False)
    file = record_file()
    assert file is not None
    (file.parent / "running").mkdir(parents=True)
    return file


def _line(*words: str) -> str:
    return json.dumps(words) + "\n"


FAULT = "Fatal Python error: Bus error\n\nStack (most recent call first):\n"


def test_what_served_well_before_is_not_suspected_beside_what_is_new(record: Path) -> None:
    add_use(record, UsedBundle("p", "/b", 1, 0, 0, 1), [(BLOB, "old")])
    lines = [_line("/b", BLOB, key, "aa" * 32, "") for key in ("old", "new")]
    (record.parent / "running/1").write_text(_line("p") + "".join(lines) + FAULT)
    take_in_deaths(record)
    assert [one.key for one in suspects(record, "/b")] == ["new"]
    (record.parent / "running/2").write_text(_line("p") + lines[0] + FAULT)
    take_in_deaths(record)
    assert {one.key for one in suspects(record, "/b")} == {"old", "new"}


def test_of_a_list_of_a_process_what_lives_ended_or_is_no_list_is_no_news(record: Path) -> None:
    running = record.parent / "running"
    given = _line("/b", BLOB, "k", "aa" * 32, "f")
    for name, text in {
        "ended": _line("p") + given + _line("/b") + FAULT,
        "empty": "",
        "torn": _line("p") + given[:20] + FAULT,
        "hostile": '[["deep"]]\n' + "[" * 100_000 + "\n" + _line("p", "q") + FAULT,
        "quiet": _line("p") + given,
    }.items():
        (running / name).write_text(text)
    (running / "link").symlink_to(running / "nowhere")
    (running / "folder").mkdir()
    os.mkfifo(running / "pipe")
    with open(running / "living", "w+") as living:
        fcntl.flock(living, fcntl.LOCK_EX)
        living.write(_line("p") + given + FAULT)
        living.flush()
        assert list(deaths(running)) == []
        assert {path.name for path in running.iterdir()} == {"living", "link", "folder", "pipe"}
    (death,) = deaths(running)
    assert (death.program, death.fault) == ("p", "Bus error")
    assert death.given == {"/b": [journal.Given(BLOB, "k", b"\xaa" * 32, "f")]}


def test_the_list_of_suspects_is_bounded(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record_of_suspects, "_MOST", 3)
    add_suspects(
        record,
        [Suspect("/b", BLOB, str(n), b"d", "", "p", "Bus error", float(n)) for n in range(9)],
    )
    assert [one.key for one in suspects(record)] == ["6", "7", "8"]
    assert "Bus error" in run("quarantine", "list").out
    done = run("quarantine", "remove", "/b", "9")
    assert (done.status, "no key that begins with 9" in done.err) == (2, True)
    assert [
        one["key"] for one in run("quarantine", "remove", "/b", "7", "--json").json()["suspects"]
    ] == ["7"]
    assert [one["key"] for one in _suspected()] == ["6", "8"]
