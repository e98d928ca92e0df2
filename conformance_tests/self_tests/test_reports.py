"""Reports: what failed can be found and repeated, in every form."""

import json
import shlex
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from builders.bases import MORE, PLAIN
from builders.case import WRITER, accepts, case, refuses
from precompile_conformance import cli, corpus, expectations
from precompile_conformance.cli import app

RUN = CliRunner()


def vectors(tmp_path: Path) -> Path:
    """A version of two cases."""
    directory = tmp_path / "vectors" / "v9.0"
    accepts("SELF/sound", "A sound bundle.", "PCB-READ-008", PLAIN).write(directory)
    refuses(
        "SELF/empty", "Nothing.", "PCB-FRAME-003", b"", "NOT_A_BUNDLE", 0, base="SELF/sound",
        defect="all is gone",
    ).write(directory)  # fmt: skip
    corpus.write_sums(directory)
    return directory.parent


def run(tmp_path: Path, mode: str, *options: str) -> tuple[int, str]:
    testee = f"{sys.executable} -m self_tests.testee {mode}"
    place = str(vectors(tmp_path))
    result = RUN.invoke(app, ["run", "--testee", testee, "--vectors", place, *options])
    return result.exit_code, result.output


def test_a_run_in_which_all_passes_succeeds(tmp_path: Path) -> None:
    status, output = run(tmp_path, "honest")
    assert (status, "2 PASS" in output) == (0, True)


def test_a_failure_tells_id_requirement_expected_got_and_how_to_repeat_it(tmp_path: Path) -> None:
    status, output = run(tmp_path, "liar")
    assert status == 1
    assert "FAIL SELF/empty: Nothing." in output
    assert "PCB-FRAME-003 A reader MUST refuse as NOT_A_BUNDLE" in output
    assert "expected rejection NOT_A_BUNDLE, got bundle" in output
    assert "repeat: precompile-conformance run --case SELF/empty --testee" in output


def test_what_is_repeated_is_the_same_run_of_one_case(tmp_path: Path) -> None:
    """The line is taken as it stands, with quotes in the testee's command and its options."""
    log = tmp_path / "one log"
    script = f"touch '{log}'; exec {sys.executable} -m self_tests.testee liar"
    testee = shlex.join(["sh", "-c", script])
    place = str(vectors(tmp_path))
    given = ["--testee", testee, "--vectors", place, "--version", "9.0", "--timeout", "7.5"]
    first = RUN.invoke(app, ["run", *given])
    line = next(x for x in first.output.splitlines() if "repeat:" in x and "SELF/sound" in x)
    words = shlex.split(line.partition("repeat: ")[2])
    assert words == ["precompile-conformance", "run", "--case", "SELF/sound", "--testee", testee,
                     "--version", "9.0", "--vectors", place, "--timeout", "7.5"]  # fmt: skip
    log.unlink()
    again = RUN.invoke(app, words[1:])
    assert "liar 1 (reader, verifier): 1 FAIL" in again.output
    assert log.exists()


def test_one_cause_of_several_crashes_is_told_once(tmp_path: Path) -> None:
    status, output = run(tmp_path, "crash_deep")
    assert status == 1
    assert output.count("in the depths") == 1
    assert "(same as SELF/empty)" in output


def test_a_testee_that_claims_nothing_of_what_is_asked_hears_why_no_case_was_run(
    tmp_path: Path,
) -> None:
    place = vectors(tmp_path)
    one = case("SELF/write", "Writing.", "PCB-FRAME-001", classes=[WRITER])
    one.request.write.spec_version = "1.0"
    one.expected.written.SetInParent()
    corpus.write_case(place / "v9.0", one, {})
    corpus.write_sums(place / "v9.0")
    testee = f"{sys.executable} -m self_tests.testee honest"
    result = RUN.invoke(
        app, ["run", "--testee", testee, "--vectors", str(place), "--class", "writer"]
    )
    assert result.exit_code == 1
    assert (
        "ERROR: no case was run: self-test honest claims reader, verifier"
        " (not claimed: class writer: 1)"
    ) in result.output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--class", "wizard"], "no class is called 'wizard'; there are reader, writer,"),
        (["--area", "SELV"], "no area is called 'SELV'; there are SELF"),
        (["--case", "SELF/emty"], "no case is called 'SELF/emty'; near it are SELF/empty"),
        (["--case", "ZZZ/*"], "no case is called 'ZZZ/*'; `list` shows them all"),
        (
            ["--requirement", "PCB-FRAME-001"],
            "no case tests 'PCB-FRAME-001'; near it are PCB-FRAME-003",
        ),
        (["--case", "SELF/empty", "--class", "context"], "none is all that was asked for"),
    ],
)
def test_what_is_asked_for_and_is_not_there_is_told_before_a_testee_starts(
    tmp_path: Path, options: list[str], words: str
) -> None:
    place = str(vectors(tmp_path))
    result = RUN.invoke(app, ["run", "--testee", "/no/such", "--vectors", place, *options])
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("ERROR: no case was run: ")
    assert words in line


def test_the_help_names_the_classes() -> None:
    result = RUN.invoke(app, ["run", "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"})
    assert "reader, writer, context, verifier" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "the reference's testee is not installed; --testee names yours"),
        (
            ["--testee", "/no/such", "--vectors", "/no/vectors"],
            "/no/vectors: no vectors; --vectors",
        ),
        (["--testee", ""], "--testee '' names no program"),
        (["--testee", "a 'b"], "No closing quotation"),
        (["--testee", "/no/such"], "/no/such: No such file or directory"),
        (["--testee", "/no/such", "--report", "/proc/x"], "/proc/x: No such file or directory"),
        (["--testee", "/no/such", "--report", "/dev/null"], "/dev/null: File exists"),
        (["--testee", "/no/such", "--write-xfail", "/proc/x/a"], "/proc/x: No such file"),
        (["--testee", "/no/such", "--expected", "/no/list"], "/no/list: No such file or directory"),
        (["--testee", "/no/such", "--same-as", "/no/list"], "/no/list: No such file or directory"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], words: str
) -> None:
    monkeypatch.setattr(cli, "DEFAULT_TESTEE", ("python", "-m", "not_installed.reference"))
    place = str(vectors(tmp_path))
    result = RUN.invoke(app, ["run", "--vectors", place, *options])
    assert (result.exit_code, len(result.output.splitlines())) == (1, 1)
    assert result.output.startswith("ERROR: ")
    assert words in result.output


def test_a_run_says_whether_its_vectors_are_frozen(tmp_path: Path) -> None:
    _, output = run(tmp_path, "honest", "--report", str(tmp_path / "report"))
    assert "corpus v9.0 (a draft, whose cases may change until it is frozen)" in output
    assert json.loads((tmp_path / "report" / "report.json").read_text())["frozen"] is False
    corpus.freeze(tmp_path / "vectors" / "v9.0")
    _, output = run_frozen(str(tmp_path / "vectors"))
    assert "corpus v9.0 (frozen)" in output


def test_a_run_of_no_case_fails(tmp_path: Path) -> None:
    status, output = run(tmp_path, "honest", "--case", "SELF/nothing")
    assert (status, "no case was run" in output) == (1, True)


def test_a_run_of_damaged_vectors_fails(tmp_path: Path) -> None:
    place = vectors(tmp_path)
    (place / "v9.0" / "SELF" / "sound" / "extra").write_text("")
    testee = f"{sys.executable} -m self_tests.testee honest"
    result = RUN.invoke(app, ["run", "--testee", testee, "--vectors", str(place)])
    assert (result.exit_code, "not listed" in result.output) == (1, True)


def test_selections_choose_by_class_area_and_requirement(tmp_path: Path) -> None:
    for options, count in {
        ("--class", "reader"): 2, ("--class", "writer"): 0, ("--area", "self"): 2,
        ("--area", "frame"): 0, ("--requirement", "PCB-FRAME-003"): 1, ("--case", "SELF/s*"): 1,
    }.items():  # fmt: skip
        _, output = run(tmp_path / "-".join(options).replace("*", "x").replace("/", "_"),
                        "honest", *options)  # fmt: skip
        assert (f"{count} PASS" in output) is bool(count)


def test_expected_failures_make_a_run_succeed_until_they_pass(tmp_path: Path) -> None:
    draft = tmp_path / "expected.toml"
    assert run(tmp_path / "1", "liar", "--write-xfail", str(draft))[0] == 1
    draft.write_text(draft.read_text().replace('""', '"known"'))
    status, output = run(tmp_path / "2", "liar", "--expected", str(draft))
    assert (status, "2 XFAIL" in output) == (0, True)
    status, output = run(tmp_path / "3", "honest", "--expected", str(draft))
    assert (status, "2 XPASS" in output) == (1, True)
    draft.write_text(draft.read_text().replace("SELF/empty", "SELF/gone"))
    status, output = run(tmp_path / "4", "liar", "--expected", str(draft))
    assert (status, "SELF/gone: listed, and no case" in output) == (1, True)


def test_expected_failures_beside_a_testee_are_found_and_each_has_its_own(tmp_path: Path) -> None:
    """In the folder of the program that a command names; another testee's are not meant."""
    testees = {}
    for mode in ("liar", "honest"):
        program = tmp_path / mode / "testee.sh"
        program.parent.mkdir()
        program.write_text(f"exec {sys.executable} -m self_tests.testee {mode}\n")
        testees[mode] = f"sh {program}"
    place = str(vectors(tmp_path))

    def judged(*modes: str, more: tuple[str, ...] = ()) -> tuple[int, str]:
        asked = [word for mode in modes for word in ("--testee", testees[mode])]
        result = RUN.invoke(app, ["run", *asked, "--vectors", place, *more])
        return result.exit_code, result.output

    listed = tmp_path / "liar" / "xfails.toml"
    assert judged("liar", more=("--write-xfail", str(listed)))[0] == 1
    status, output = judged("liar")
    assert (status, "reason is empty" in output) == (1, True)
    listed.write_text(listed.read_text().replace('""', '"known"'))
    status, output = judged("liar", "honest")
    assert (status, "2 XFAIL" in output, "2 PASS" in output) == (0, True, True)
    listed.rename(tmp_path / "honest" / "xfails.toml")
    status, output = judged("honest")
    assert (status, "2 XPASS" in output, "it passes now" in output) == (1, True, True)
    assert judged("liar")[0] == 1


def test_two_files_beside_one_testee_are_not_guessed_between(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "xfails.toml").write_text("")
    command = ["sh", str(tmp_path / "a"), str(tmp_path / "b")]
    with pytest.raises(expectations.ExpectationsError, match="--expected names one"):
        expectations.of_testee(command, None)
    assert expectations.of_testee(command[:2], None) == {}


def test_json_junit_html_and_badge_tell_the_same(tmp_path: Path) -> None:
    place = tmp_path / "report"
    run(tmp_path, "liar", "--report", str(place))
    told = json.loads((place / "report.json").read_text())
    (testee,) = told["testees"]
    assert (told["succeeded"], testee["counts"]) == (False, {"FAIL": 2})
    assert told["corpus"] == corpus.digest(tmp_path / "vectors" / "v9.0")
    suite = ElementTree.parse(place / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "2")
    page = (place / "index.html").read_text()
    assert "PCB-FRAME-003" in page
    assert "SELF/empty" in page
    assert told["corpus"][:16] in page
    assert "0 of 2 cases" in (place / "badge.svg").read_text()


def test_two_testees_stand_side_by_side(tmp_path: Path) -> None:
    place = tmp_path / "report"
    second = f"{sys.executable} -m self_tests.testee liar"
    status, _ = run(tmp_path, "honest", "--testee", second, "--report", str(place))
    told = json.loads((place / "report.json").read_text())
    assert status == 1
    assert [testee["counts"] for testee in told["testees"]] == [{"PASS": 2}, {"FAIL": 2}]


def test_a_testee_cannot_put_markup_into_the_page(tmp_path: Path) -> None:
    from precompile_conformance.reports import Report, TesteeReport, html, junit
    from precompile_conformance.requirements_index import by_id
    from precompile_conformance.running import Claims
    from precompile_conformance.status import Result, Status

    cases = corpus.load(vectors(tmp_path) / "v9.0")
    evil = "<script>alert(1)</script>\x00\x1b[2J"
    claims = Claims(evil, "1", (), frozenset(), frozenset())
    results = [Result(case.id, Status.FAIL, evil, (evil,)) for case in cases]
    report = Report("9.0", "0" * 64, cases, by_id(), [TesteeReport((evil,), claims, results)])
    assert "<script>alert" not in html.render(report)
    ElementTree.fromstring(junit.render(report).split("\n", 1)[1])


def test_the_list_names_every_case(tmp_path: Path) -> None:
    result = RUN.invoke(app, ["list", "--vectors", str(vectors(tmp_path))])
    assert "SELF/sound: A sound bundle. [PCB-READ-008]" in result.output


def test_check_and_freeze_work_on_a_version(tmp_path: Path) -> None:
    place = str(vectors(tmp_path))
    assert RUN.invoke(app, ["check", place]).exit_code == 0
    assert RUN.invoke(app, ["freeze", "9.0", "--vectors", place]).exit_code == 0
    assert RUN.invoke(app, ["freeze", "9.0", "--vectors", place]).exit_code == 1
    accepts("SELF/later", "Later.", "PCB-READ-008", MORE).write(Path(place) / "v9.0")
    corpus.write_sums(Path(place) / "v9.0")
    _, output = run_frozen(place)
    assert "2 PASS" in output


def test_the_matrix_runs_every_version_a_released_one_as_it_was_released(tmp_path: Path) -> None:
    place = vectors(tmp_path)
    corpus.freeze(place / "v9.0")
    accepts("SELF/later", "Later.", "PCB-READ-008", MORE).write(place / "v9.0")
    corpus.write_sums(place / "v9.0")
    accepts("SELF/sound", "A sound bundle.", "PCB-READ-008", PLAIN).write(place / "v9.1")
    corpus.write_sums(place / "v9.1")
    testee = f"{sys.executable} -m self_tests.testee honest"
    result = RUN.invoke(app, ["matrix", "--testee", testee, "--vectors", str(place)])
    lines = [line for line in result.output.splitlines() if line.startswith("v9")]
    assert result.exit_code == 0
    assert ["as released" in lines[0], "2 PASS" in lines[0]] == [True, True]
    assert ["not released" in lines[1], "1 PASS" in lines[1]] == [True, True]


def run_frozen(place: str) -> tuple[int, str]:
    testee = f"{sys.executable} -m self_tests.testee honest"
    result = RUN.invoke(app, ["run", "--testee", testee, "--vectors", place, "--frozen"])
    return result.exit_code, result.output


def test_the_table_counts_what_passed_of_what_applies(tmp_path: Path) -> None:
    run(tmp_path, "honest", "--report", str(tmp_path / "report"))
    lines = (tmp_path / "report" / "conformance.md").read_text().splitlines()
    assert "| SELF | 2 of 2 |" in lines
    assert lines[-1] == "| **all** | **2 of 2** |"
