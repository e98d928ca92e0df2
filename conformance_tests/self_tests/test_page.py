"""docs/conformance.md is made of results alone, and tells partial support and what failed."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from precompile_conformance import corpus
from precompile_conformance.cli import app
from precompile_conformance.reports import markdown, summary
from self_tests.test_reports import run, vectors

RUN = CliRunner()
ROOT = Path(__file__).parents[2]
RESULTS = sorted((ROOT / "conformance_tests/results").glob("*.json"))


def kept(tmp_path: Path, mode: str, *options: str) -> Path:
    """The summary of a run."""
    place = tmp_path / mode
    run(place, mode, "--report", str(place), *options)
    return (place / "summary.json").rename(tmp_path / f"{mode}.json")


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The summary of a run in which all passes; no page is made beside it."""
    return kept(tmp_path_factory.mktemp("results"), "honest")


def page(place: Path, results: Sequence[Path], *options: str) -> tuple[int, str]:
    """Of results of `kept` in the place, into `conformance.md` there."""
    into = ("--into", str(place / "conformance.md"))
    there = ("--vectors", str(place / "honest" / "vectors"))
    result = RUN.invoke(app, ["page", *map(str, results), *into, *there, *options])
    return result.exit_code, result.output


def test_the_results_that_are_kept_are_of_the_vectors_that_are_here() -> None:
    told = summary.load(RESULTS)
    directory = corpus.VECTORS / f"v{told.version}"
    assert told.corpus == corpus.digest(directory)
    assert told.frozen == corpus.frozen_digest(directory)
    assert len(told.testees) == len(RESULTS) == 5


def test_a_page_is_made_and_one_that_is_not_what_the_results_say_is_refused(tmp_path: Path) -> None:
    results = [kept(tmp_path, "honest"), kept(tmp_path, "liar")]
    into = tmp_path / "conformance.md"
    assert page(tmp_path, results) == (0, "")
    assert page(tmp_path, results, "--check") == (0, "")
    text = into.read_text()
    assert "| **all** | **2 of 2** | **0 of 2** |" in text
    assert "`SELF/empty` | FAIL | `bundle`" in text
    assert "0 of 2 cases" in (tmp_path / "badge-liar.svg").read_text()
    into.write_text(text.replace("0 of 2", "2 of 2"))
    status, output = page(tmp_path, results, "--check")
    assert (status, "is not what the results say" in output) == (1, True)


def test_who_reads_and_does_not_write_is_told_so() -> None:
    counts = {name: {"PASS": 3} for name in ("reader", "verifier")}
    counts |= {name: {"NOT_APPLICABLE": 2} for name in ("writer", "context")}
    testee = summary.TesteeSummary(
        "half", "1", ["reader"], ["ZSTD"], counts, {"FRAME": {"PASS": 3, "NOT_APPLICABLE": 2}}, []
    )
    other = summary.TesteeSummary("whole", "1", list(counts), ["ZSTD", "SIGNING"], counts, {}, [])
    text = markdown.render(summary.Summary("1.0", "0", "", [testee, other]))
    assert "| half 1 | 3 of 3 | no | no | no | SIGNING |" in text
    assert "- half: partial: it reads, and is no writer and no context and no verifier." in text
    assert "- whole: all classes." in text
    assert "| FRAME | 3 of 3 |  |" in text


def test_a_run_can_be_held_to_results_that_are_kept(tmp_path: Path) -> None:
    same = ("--same-as", str(kept(tmp_path, "honest")))
    assert run(tmp_path / "1", "honest", *same)[0] == 0
    status, output = run(tmp_path / "2", "liar", *same)
    assert (status, "this run's summary is another one" in output) == (1, True)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 2}', '{"format": 1, "testees": 1}'])
def test_what_is_no_summary_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    status, output = page(tmp_path, [tmp_path / "a.json"])
    assert (status, output.count("\n"), output.startswith("ERROR: ")) == (1, 1, True)


def changed(path: Path, **values: object) -> Path:
    """The results with other values, of the run or of its testee, beside them."""
    told = json.loads(path.read_text())
    testee = told["testees"][0]
    for name, value in values.items():
        (told if name in told else testee)[name] = value
    other = path.with_name("changed.json")
    other.write_text(json.dumps(told))
    return other


def test_results_of_different_vectors_make_no_page(honest: Path) -> None:
    other = changed(honest, corpus="0" * 64)
    for results in ([honest, other], [other]):
        status, output = page(honest.parent, results)
        assert (status, "of other vectors than" in output) == (1, True)
    assert not honest.with_name("conformance.md").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"by_area": {"SELF": {"PASS": 9_999}}}, "SELF"),
        ({"by_area": {"SELF": {"PASS": 1}}}, "SELF"),
        ({"by_area": {"SELF": {"PASS": 2}, "NONE": {"PASS": 1}}}, "NONE"),
        ({"by_area": {}}, "SELF"),
        ({"by_class": {"reader": {"PASS": 9_999}}}, "reader"),
        ({"by_class": {}}, "reader"),
        ({"by_area": {"SELF": {"PASS": 3, "FAIL": -1}}}, "no number of cases"),
        ({"by_area": {"SELF": {"PASS": 2.0}}}, "no number of cases"),
        ({"by_area": {"SELF": {"PASS": 1, "FAIL": 1}}}, "FAIL"),
    ],
)
def test_counts_that_no_whole_run_comes_to_make_no_page(
    honest: Path, values: dict[str, object], said: str
) -> None:
    status, output = page(honest.parent, [changed(honest, **values)])
    assert (status, output.count("\n"), said in output) == (1, 1, True)
    assert not honest.with_name("conformance.md").exists()


@pytest.mark.parametrize("options", [("--class", "reader"), ("--case", "SELF/*"), ("--large",)])
def test_a_run_of_all_that_a_testee_claims_is_whole(tmp_path: Path, options: Sequence[str]) -> None:
    assert page(tmp_path, [kept(tmp_path, "honest", *options)]) == (0, "")


@pytest.mark.parametrize("options", [("--case", "SELF/s*"), ("--requirement", "PCB-FRAME-003")])
def test_a_run_of_a_part_leaves_nothing_that_says_who_conforms(
    tmp_path: Path, options: Sequence[str]
) -> None:
    whole = {"summary.json", "conformance.md", "badge.svg"}
    report = tmp_path / "report"
    testee = f"{sys.executable} -m self_tests.testee honest"
    place = str(vectors(tmp_path))
    run_of = ["run", "--testee", testee, "--vectors", place, "--report", str(report)]
    assert RUN.invoke(app, run_of).exit_code == 0
    assert whole <= {path.name for path in report.iterdir()}
    result = RUN.invoke(app, [*run_of, *options])
    assert "a part of the cases was asked: no summary.json" in result.output
    assert {path.name for path in report.iterdir()} == {"report.json", "junit.xml", "index.html"}
    assert "of a part of the cases" in (report / "index.html").read_text()


def test_what_is_expected_to_fail_stands_on_the_page_with_its_reason(tmp_path: Path) -> None:
    listed = tmp_path / "xfails.toml"
    run(tmp_path / "1", "liar", "--write-xfail", str(listed))
    listed.write_text(listed.read_text().replace('""', '"a | known one"'))
    told = summary.load([kept(tmp_path, "liar", "--expected", str(listed))])
    assert told.testees[0].is_good
    assert "a \\| known one" in markdown.render(told)
