"""What the command says: refusals, usage, help, codes, and an artifact's source."""

import errno
import io
import os
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

from precompile_context import BundleFile, Environment, ErrorCode, PrecompileError, __version__
from precompile_context.cli import codes, epilogs, refusal, text
from precompile_context.cli.app import COMMANDS
from precompile_context.cli.show import sources
from tests.test_cli import Done, run
from tests.toys import BLOB, GRAPH, STEP, blobs, graph_and_step, toy_context

SOURCE = "import torch\n\n\ndef call(args):\n    return args\n"


class _Exploit:
    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch exploited",)


def _refused(done: Done, status: int) -> list[str]:
    """The lines of a refusal: three at most, the last one says what to type."""
    assert (done.status, done.out) == (status, "")
    lines = done.err.splitlines()
    assert 1 <= len(lines) <= 3
    assert lines[0].startswith("precompile: ")
    assert "Traceback" not in done.err
    return lines


# codes


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_is_explained_by_its_name_and_its_number(code: ErrorCode) -> None:
    lines = codes.explanation(code)
    assert lines[0].startswith(f"{code.name} ({int(code)}): ")
    assert len(lines) == 4
    assert max(map(len, lines)) <= 80
    for name in (code.name, code.name.lower(), code.name.replace("_", "-"), str(int(code))):
        assert codes.code_of(name) is code
    assert codes.code_of("nothing") is codes.code_of("") is None


def test_explain_takes_a_code_and_a_file_of_that_name_comes_first(tmp_path: Path) -> None:
    done = run("explain", "untrusted_signer")
    assert (done.status, done.err) == (0, "")
    assert "precompile trust add" in done.out
    assert run("explain", "NO_SUCH_CODE").status == 1
    (tmp_path / "UNSIGNED").write_text("a file")
    here = subprocess.run(
        [sys.executable, "-m", "precompile_context", "explain", "UNSIGNED"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (here.returncode, "NOT_A_BUNDLE" in here.stderr) == (1, True)


# refusals


@pytest.mark.parametrize("command", ["verify", "inspect", "explain", "show"])
def test_a_refusal_is_the_file_first_why_and_what_to_type(command: str, tmp_path: Path) -> None:
    bad = tmp_path / "bad.precompile"
    bad.write_text("no bundle")
    lines = _refused(run(command, bad, *(["key"] if command == "show" else [])), 1)
    assert lines[0] == f"precompile: {bad}: NOT_A_BUNDLE at byte 0"
    assert lines[1] == "  the input does not begin as a precompile bundle does"
    assert lines[2].startswith("help: ")


def test_a_refusal_for_a_program_names_the_file(tmp_path: Path) -> None:
    bad = tmp_path / "bad.precompile"
    bad.write_text("no bundle")
    facts = run("verify", bad, "--json").json()
    assert (facts["ok"], facts["code"], facts["file"]) == (False, "NOT_A_BUNDLE", str(bad))
    missing = run("verify", tmp_path / "none", "--json").json()
    assert (missing["code"], missing["file"]) == (None, str(tmp_path / "none"))


def test_a_refusal_spells_out_what_would_steer_a_terminal() -> None:
    error = PrecompileError(ErrorCode.UNSIGNED, "a\x1b[31mb")
    error.file = "\x1b[2J.precompile"
    assert "\x1b" not in "".join(refusal.lines(error))


# usage


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["verfy", "x"], "no such command: verfy; did you mean verify?"),
        (["xyzzy"], "no such command: xyzzy"),
        (["verify"], "BUNDLE"),
        (["verify", "x", "--threshold", "zero"], "--threshold"),
        (["verify", "x", "--trst", "y"], "--trust"),
        (["run", "--bundel", "x", "p.py"], "no such option: --bundel; did you mean --bundle?"),
        (["trust", "remov", "x"], "remov"),
    ],
)
def test_a_wrong_use_is_two_lines_that_say_where_the_help_is(
    arguments: list[str], says: str
) -> None:
    lines = _refused(run(*arguments), 2)
    assert says in lines[0]
    assert re.fullmatch(r"help: precompile[a-z ]* --help", lines[-1])


def test_the_command_is_a_command() -> None:
    assert run("--version").out == f"precompile {__version__}\n"
    module = [sys.executable, "-m", "precompile_context", "--version"]
    done = subprocess.run(module, capture_output=True, text=True, check=True)
    assert done.stdout == f"precompile {__version__}\n"
    without = run()
    assert without.status == 2
    assert without.err.startswith("Usage: precompile")


def test_the_command_gives_a_shell_what_completes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    # Which shell is asked for is told and not looked for: tests may run under any, or under none.
    monkeypatch.setenv("_PRECOMPILE_COMPLETE", "source_bash")
    command = [Path(sys.executable).with_name("precompile")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "_PRECOMPILE_COMPLETE" in done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_s_help_has_examples_and_exit_statuses_on_eighty_columns(
    command: str,
) -> None:
    done = run(command, "-h")
    assert (done.status, done.err) == (0, "")
    assert done.out == run(command, "--help").out
    for example in epilogs.EXAMPLES[command]:
        assert f"    {example}\n" in done.out
        assert example.split()[:2] == ["precompile", command]
    assert "  Exit status:\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


# run: programs on PATH


def test_run_finds_a_script_on_path_and_names_the_bundle_after_its_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    script, other = folder / "launch", folder / "shell"
    script.write_text(f"#!{sys.executable}\nimport os, sys\nprint(sys.argv[1:])\n"
                      "print(os.environ['PRECOMPILE_RUN'])\n")  # fmt: skip
    other.write_text("#!/bin/sh\necho ran\n")
    for each in (script, other):
        each.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    done = run("run", "launch", "-n", "2", "train.py", "--bundle", "x")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("['-n', '2', 'train.py', '--bundle', 'x']\n")
    assert "/train.precompile" in done.out
    lines = _refused(run("run", "shell"), 2)
    assert "is no Python script" in lines[0]


@pytest.mark.parametrize(
    ("before", "why"),
    [
        (
            "import os; os.environ['PRECOMPILE_ADAPTERS'] = 'not_installed.y=z:W'",
            "none of not_installed is installed for this Python",
        ),
        (
            "import _precompile_run; _precompile_run._found = lambda path: []",
            "no adapter is announced by what is installed here; install precompile-context anew",
        ),
    ],
    ids=["no compiler", "no adapter"],
)
def test_run_says_that_nothing_will_be_cached_without_a_compiler(
    tmp_path: Path, before: str, why: str
) -> None:
    program = "import sys; sys.path.insert(0, 'nothing'); print('ran')"
    hidden = (
        f"import sys; {before}\n"
        f"sys.argv = ['precompile', 'run', '--bundle', 'b', '-c', {program!r}]\n"
        "from _precompile_command import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "ran\n")
    assert done.stderr == f"precompile: {why}: nothing will be cached\n"


# show and inspect


def test_source_in_a_pickle_is_found_without_unpickling_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        data = pickle.dumps({"a": _Exploit(), "code": SOURCE, "name": "x"}, protocol)
        assert list(sources(data)) == [SOURCE]
        assert list(sources(data[:-1])) == [SOURCE]  # cut off
    assert not (tmp_path / "exploited").exists()
    assert list(sources(b"")) == list(sources(b"\xff\x00")) == []
    assert list(sources(SOURCE.encode())) == [SOURCE]


def test_show_gives_an_artifact_s_source_by_as_much_of_its_key_as_names_it(
    tmp_path: Path,
) -> None:
    context = toy_context()
    context.record_artifact(BLOB, "fgraph", pickle.dumps([SOURCE, _Exploit()]))
    context.record_artifact(BLOB, "fother", b"\x00\xff\x1b[31m")
    file = BundleFile(tmp_path / "a.precompile")
    context.save_to(file)
    done = run("show", file.path, "fg")
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith(f"\n\n{SOURCE}")
    (facts,) = run("show", file.path, "fgraph", "--json").json()["artifacts"]
    assert (facts["type"], facts["sources"]) == (BLOB, [SOURCE])
    assert "no source in it" in run("show", file.path, "fo").out
    assert "fgraph, fother" in _refused(run("show", file.path, "f"), 2)[0]
    lines = _refused(run("show", file.path, "x"), 1)
    assert lines[0].endswith("it holds no key that begins with 'x'")
    assert lines[1] == f"help: precompile inspect --full {file.path}"


def test_inspect_shows_an_entry_s_backends_and_fields(tmp_path: Path) -> None:
    file = BundleFile(tmp_path / "a.precompile")
    context = graph_and_step()
    context.record_artifact(STEP, "t", b"", backends=[(GRAPH, "g")], guard="train.step")
    context.save_to(file)
    out = run("inspect", file.path).out
    assert f"names {GRAPH} g\n" in out
    assert "guard = train.step\n" in out


def test_thirty_segments_of_three_environments_fit_two_screens(tmp_path: Path) -> None:
    path = tmp_path / "b.precompile"
    for number in range(30):
        facts = {"cpu": f"avx{number % 3}", **{f"fact{n}": "same" for n in range(11)}}
        blobs(Environment.of(**facts), **{f"k{number}": b"1"}).save_to(BundleFile(path))
    lines = run("inspect", path).out.splitlines()
    assert len(lines) <= 48
    assert max(map(len, lines[1:])) <= 80  # the first has the path
    assert "environment 1: 10 segments" in "\n".join(lines)
    assert sum("fact0" in line for line in lines) == 1
    assert lines.count("  requires 11 facts more, as environment 0 does") == 2
    assert len(run("inspect", "--full", path).out.splitlines()) > 300


@pytest.mark.parametrize(
    ("variables", "colours"),
    [({"TERM": "xterm"}, True), ({"TERM": "xterm", "NO_COLOR": "1"}, False), ({}, False)],
    ids=["terminal", "NO_COLOR", "no terminal named"],
)
def test_colour_is_for_terminals_that_take_it(
    variables: dict[str, str], colours: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("TERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in text.coloured("a", "red", Terminal())) is colours
    assert text.coloured("a", "red", io.StringIO()) == "a"


@pytest.mark.parametrize("code", sorted(refusal._TODO), ids=errno.errorcode.__getitem__)
def test_what_is_to_be_typed_about_a_file_can_be(code: int, tmp_path: Path) -> None:
    there = tmp_path / "it's here"
    there.mkdir()
    (there / "a file").touch()
    missing = [] if code == errno.EBADMSG else [there / "none", there / "no" / "where"]
    for file in (there / "a file", *missing):
        _, helps = refusal.system_lines(OSError(code, "why", str(file)))
        assert not helps.endswith("--help")
        for command in re.findall("`([^`]*)`", helps):
            subprocess.run(command, shell=True, check=True, capture_output=True)


def test_what_is_to_be_typed_is_said_where_the_folder_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    error = FileNotFoundError(errno.ENOENT, "No such file or directory", "x")
    assert refusal.system_lines(error)[1] == "help: `ls .` shows what is there"


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("count", [2, 3])
@pytest.mark.parametrize("length", [40, 120, 140, 4000])
def test_a_refusal_is_at_most_three_lines_of_eighty_columns_on_a_terminal(
    monkeypatch: pytest.MonkeyPatch, count: int, length: int
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    words = "precompile: " + " ".join(["word"] * (length // 5))
    refusal.say([words, *["  why"] * (count - 2), "help: precompile --help"])
    lines = terminal.getvalue().splitlines()
    assert len(lines) <= 3
    assert max(map(len, lines)) <= 80
    assert lines[-1] == "help: precompile --help"
    if count == 2 and length <= 140:  # then nothing of it is left out
        assert " ".join(" ".join(lines[:-1]).split()) == words


def test_what_cannot_be_told_any_more_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left")

    for stream in (Full(), None):
        monkeypatch.setattr(sys, "stderr", stream)
        refusal.say(["precompile: x", "help: y"])
