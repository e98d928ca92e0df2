"""Every command with what is not there, cannot be used, or cannot be written: a sentence each."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from precompile_context import BundleFile
from precompile_context.trust import SigningKey
from tests.calling import call
from tests.toys import BLOB, HERE, blobs

# {b} is the bad name, {w} the folder that it is in. Without "out" nothing is to be written.
READING = (
    *("inspect {b}", "inspect --json {b}", "inspect --bytes {b}", "inspect --html out {b}"),
    *("show {b} one", "verify {b}", "verify --recover {b}", "verify --json {b}"),
    *("verify good --trust {b}", "explain {b}", "explain --print-host {b}"),
    *("explain good --host {b}", "diff {b} good", "diff good {b}"),
    *("merge -o out {b}", "merge -o out good {b}", "merge -o out good --unsigned --fits {b}"),
    *("merge -o out good --key {b}", "merge -o out good --trust {b}"),
    *(f"extract {{b}} {BLOB} one -o out", "prune --superseded {b}"),
    *("prune --dry-run --superseded {b}", "push {b} file:{w}/out/", "push --unsigned {b} file:out"),
    *("keygen key.pem --passphrase-file {b}", "sign {b}", "sign good --key {b}"),
    *("sign good --key ci.pem --passphrase-file {b}", "trust add {b}"),
    *("run --key {b} --bundle x -c pass", "run --trust {b} --bundle x -c pass"),
    "run --require warm --bundle {b} -c pass",
)
WRITING = (
    *("inspect --html {b} good", "merge --unsigned -o {b} good", "keygen {b}", "man {b}"),
    *(f"extract good {BLOB} one -o {{b}}", "run --report {b} --bundle good -c pass"),
    *("push --unsigned good file:{b}/", "run --require saved --bundle {b} -c pass"),
)


def _file(name: str, data: bytes, mode: int = 0o600) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_bytes(data)
        (folder / name).chmod(mode)
        return folder / name

    return make


def _directory(folder: Path) -> Path:
    (folder / "directory").mkdir()
    return folder / "directory"


BAD: dict[str, Callable[[Path], Path | str]] = {
    "missing": lambda folder: folder / "missing",
    "in a missing folder": lambda folder: folder / "no" / "such",
    "below a file": lambda folder: folder / "good" / "x",
    "a directory": _directory,
    "unreadable": _file("unreadable", b"PCB", 0),
    "empty": _file("empty", b""),
    "another kind": _file("kind", b"\xff\x00 no bundle"),
    "steers a terminal": lambda folder: folder / "a\nb\x1b[31mc",
    "steers, and is there": _file("a\nb\x1b[31mc", b"x"),
    "no UTF-8": lambda folder: os.fsdecode(os.fsencode(folder) + b"/x\xff"),
    "long": lambda folder: folder / ("l" * 300),
    "nothing": lambda folder: "",
    "no store": lambda folder: "s4://bucket/x",
    "a store that is not there": lambda folder: f"file:{folder}/store/",
}
# What is no fault of a command's: these it makes, these it takes as they are.
FINE = {
    "man {b}": {"in a missing folder", "a directory"},
    "push --unsigned good file:{b}/": {"in a missing folder", "a directory"},
    "run --require warm --bundle {b} -c pass": {
        "a store that is not there"
    },  # asked by the program
    # os.access asks for root, who these tests are only to the half.
    "run --require saved --bundle {b} -c pass": {"forbidden", "steers a terminal"},
    "keygen key.pem --passphrase-file {b}": {"another kind", "steers, and is there"},
    "sign good --key ci.pem --passphrase-file {b}": {"another kind", "steers, and is there"},
}
UNWRITABLE: dict[str, Callable[[Path], Path | str]] = {
    name: BAD[name] for name in ("in a missing folder", "below a file", "a directory", "long")
} | {
    "forbidden": lambda folder: folder / "closed" / "x",
    "steers a terminal": lambda folder: folder / "closed" / "a\nb\x1b[31mc",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A bundle, a key, and a folder into which nobody writes; home beside them."""
    folder, home = tmp_path / "work", tmp_path / "home"
    for each in (folder, home, folder / "closed"):
        each.mkdir()
    blobs(HERE, one=b"1", two=b"2").save_to(BundleFile(folder / "good"))
    (folder / "ci.pem").write_bytes(SigningKey.generate().to_pem())
    (folder / "ci.pem").chmod(0o600)
    (folder / "closed").chmod(0o500)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    yield folder
    (folder / "closed").chmod(0o700)


def _tree(folder: Path) -> dict[str, int]:
    """What there is, with sizes; nobody sees what a store keeps nearer of what was read."""
    found = {str(p.relative_to(folder)): p.lstat().st_size * p.is_file() for p in folder.rglob("*")}
    return {name: size for name, size in found.items() if not name.startswith("home/.cache")}


def _walk(command: str, folder: Path, bad: dict[str, Callable[[Path], Path | str]]) -> None:
    faults = []
    for name in sorted(bad.keys() - FINE.get(command, set())):
        make = bad[name]
        named = make(folder)
        before = _tree(folder.parent)
        words = (word.format(b=named, w=folder) for word in command.split(" "))
        done = call(*words, folder=folder)
        lines = done.err.replace(str(folder), "").splitlines()
        after = _tree(folder.parent)
        told = f"{command} ({name}): {done.status}"
        if done.status not in (1, 2, 3):
            faults.append(f"{told}: no refusal: {done.err[-500:]}")
            continue
        if len(lines) not in (2, 3) or not lines[0].startswith("precompile: "):
            faults.append(f"{told}: not said in lines: {lines}")
        elif not lines[-1].startswith("help: ") or (name != "long" and max(map(len, lines)) > 160):
            faults.append(f"{told}: {lines}")
        if not all(char.isprintable() or char == "\n" for char in done.err):
            faults.append(f"{told}: steers a terminal: {lines}")
        if after != before:
            faults.append(f"{told}: wrote {set(after.items()) ^ set(before.items())}")
        if isinstance(named, Path) and os.path.exists(named) and named.parent == folder:
            shutil.rmtree(named) if named.is_dir() else named.unlink()
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("command", READING)
def test_what_cannot_be_read_is_refused_in_a_sentence_and_nothing_is_written(
    command: str, folder: Path
) -> None:
    _walk(command, folder, BAD)


@pytest.mark.parametrize("command", WRITING)
def test_what_cannot_be_written_is_refused_in_a_sentence_and_nothing_else_is_written(
    command: str, folder: Path
) -> None:
    _walk(command, folder, UNWRITABLE)


PRINTING = (
    *("inspect good", "inspect --json good", "inspect --bytes good", "show good one"),
    *("verify good", "explain UNSIGNED", "diff good good", "stats"),
    *("merge --unsigned -o out good", f"extract good {BLOB} one -o -", "trust list"),
    *("prune --unsigned --superseded good", "keygen key.pem", "--version", "inspect --help"),
)
# What a terminal or an environment may be, and with which status a command that prints ends.
ODD: dict[str, tuple[dict[str, str | None], str, str, int]] = {
    "closed": ({}, "closed", "utf-8", 0),
    "full": ({}, "/dev/full", "utf-8", 1),
    "no UTF-8": ({"LANG": "C", "LC_ALL": "C"}, "", "ascii", 0),
    "narrow": ({"COLUMNS": "20"}, "", "utf-8", 0),
    "no number of columns": ({"COLUMNS": "many"}, "", "utf-8", 0),
    "no colour": ({"NO_COLOR": "1", "TERM": "dumb", "FORCE_COLOR": None}, "", "utf-8", 0),
    "home to be read alone": ({"HOME": "{folder}/closed"}, "", "utf-8", 0),
    "no home": ({"HOME": "{folder}/none"}, "", "utf-8", 0),
    "home is no directory": ({"HOME": "/dev/null"}, "", "utf-8", 0),
    "home unknown": ({"HOME": None}, "", "utf-8", 0),
}


@pytest.mark.parametrize("odd", ODD)
def test_a_terminal_and_a_home_may_be_odd(odd: str, folder: Path) -> None:
    environ, stdout, encoding, status = ODD[odd]
    environ = {k: v and v.format(folder=folder) for k, v in environ.items()}
    if odd == "home unknown":  # the system's own record of it counts then, which is not ours
        environ["XDG_CONFIG_HOME"] = environ["XDG_STATE_HOME"] = str(folder / "xdg")
    faults = []
    for command in PRINTING:
        words = command.split(" ")
        done = call(*words, folder=folder, stdout=stdout, encoding=encoding, environ=environ)
        lines = done.err.splitlines()
        wanted = {status, 1} if words[-1] == "-" else {status}  # content has no place but there
        if done.status not in wanted or len(lines) > 3 or "Traceback" in done.err:
            faults.append(f"{command}: {done.status}: {lines[-4:]}")
        if done.status and not lines[-1].startswith("help: "):
            faults.append(f"{command}: without help: {lines}")
        if "\x1b" in done.out + done.err:
            faults.append(f"{command}: steers a terminal")
        (folder / "key.pem").unlink(missing_ok=True)
        (folder / "key.pem.pub").unlink(missing_ok=True)
    assert not faults, "\n".join(faults)


def test_a_reader_that_has_seen_enough_is_told_nothing(folder: Path) -> None:
    for command in PRINTING:
        read, write = os.pipe()
        os.close(read)
        done = call(*command.split(" "), folder=folder, stdout=write)
        os.close(write)
        assert (done.status, done.err) == (1, ""), command
        (folder / "key.pem").unlink(missing_ok=True)
        (folder / "key.pem.pub").unlink(missing_ok=True)


@pytest.mark.parametrize("home", ["closed", "/dev/null"])
def test_a_key_that_cannot_be_made_is_said_and_what_to_do(folder: Path, home: str) -> None:
    environ = {"HOME": str(folder / home)}
    for command in ("sign good", "merge -o out good", "prune --superseded good", "keygen",
                    "trust add ci.pub", "run --require saved --bundle x -c pass"):  # fmt: skip
        if command.startswith("trust"):
            key = SigningKey.from_pem((folder / "ci.pem").read_bytes()).verifying_key
            (folder / "ci.pub").write_bytes(key.to_pem())
        done = call(*command.split(" "), folder=folder, environ=environ)
        lines = done.err.splitlines()
        assert done.status in (1, 3), (command, done)
        assert len(lines) in (2, 3), (command, lines)
        assert lines[-1].startswith("help: "), (command, lines)
        assert not (folder / "out").exists()
