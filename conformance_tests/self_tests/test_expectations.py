"""Expected failures: exact ids, exact outcomes, nothing left over."""

from pathlib import Path

import pytest

from precompile_conformance import expectations
from precompile_conformance.expectations import ExpectationsError
from precompile_conformance.status import Result, Status

LISTED = """
[[expected]]
id = "A/one"
observed = "rejected TRUNCATED"
reason = "known"
link = "tracker/1"
"""


def load(tmp_path: Path, text: str) -> dict[str, expectations.Expectation]:
    path = tmp_path / "expected.toml"
    path.write_text(text)
    return expectations.load(path)


@pytest.mark.parametrize(
    ("status", "observed", "becomes"),
    [
        (Status.FAIL, "rejected TRUNCATED", Status.XFAIL),
        (Status.FAIL, "bundle", Status.XPASS),
        (Status.CRASH, "crash", Status.XPASS),
        (Status.PASS, "bundle", Status.XPASS),
        (Status.NOT_APPLICABLE, "not claimed: zstd", Status.XPASS),
        (Status.ERROR, "harness", Status.ERROR),
    ],
)
def test_only_the_very_failure_that_is_listed_is_expected(
    tmp_path: Path, status: Status, observed: str, becomes: Status
) -> None:
    (result,) = expectations.apply([Result("A/one", status, observed)], load(tmp_path, LISTED))
    assert result.status is becomes
    assert becomes.is_good is (becomes is Status.XFAIL)


def test_other_cases_are_left_alone(tmp_path: Path) -> None:
    result = Result("A/two", Status.FAIL, "bundle")
    assert expectations.apply([result], load(tmp_path, LISTED)) == [result]


def test_ids_that_no_case_has_are_told(tmp_path: Path) -> None:
    assert expectations.unmatched(load(tmp_path, LISTED), ["A/two"]) == ["A/one"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (LISTED + LISTED, "A/one stands twice"),
        (LISTED.replace('reason = "known"\n', ""), r"entry 1 \(A/one\): reason is missing"),
        (LISTED.replace('"known"', '""'), r"entry 1 \(A/one\): reason is empty"),
        (LISTED.replace('"known"', "7"), r"entry 1 \(A/one\): reason is no text"),
        (LISTED.replace("id =", "name ="), "id is missing, name is not known"),
        (
            LISTED + '[[expected]]\nid = "A/two"\nobserved = "x"\nreason = ""\nlink = " "\n',
            r"entry 2 \(A/two\): reason is empty, link is empty",
        ),
        ("[[expected]\n", "at line 1, column"),
        (LISTED + "id = \n", "at line 7, column"),
        ("[[expect]]\n", r"\[\[expected\]\]"),
        ("expected = 1\n", r"\[\[expected\]\]"),
        ("expected = [1]\n", "it is no table"),
    ],
)
def test_a_file_that_is_not_complete_is_refused_and_what_is_wrong_is_named(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(ExpectationsError, match=words):
        load(tmp_path, text)


def test_a_file_that_is_not_there_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    with pytest.raises(ExpectationsError) as caught:
        expectations.load(path)
    assert str(caught.value) == f"{path}: No such file or directory"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (Result("A/one", Status.PASS, "bundle"), "it passes now"),
        (Result("A/one", Status.FAIL, "bundle, size: got 1"), "it is FAIL: 'bundle, size: got 1'"),
        (Result("A/one", Status.NOT_APPLICABLE, "not claimed: zstd"), "it is NOT_APPLICABLE"),
    ],
)
def test_a_case_that_is_otherwise_than_listed_says_how(
    tmp_path: Path, result: Result, words: str
) -> None:
    (told,) = expectations.apply([result], load(tmp_path, LISTED))
    assert words in told.lines[0]


def test_a_draft_lists_the_failures_and_leaves_the_reasons_to_a_person(tmp_path: Path) -> None:
    odd = 'odd "\\ outcome\nof \x01\x7f two lines é'
    results = [Result("A/one", Status.FAIL, odd), Result("A/two", Status.PASS)]
    text = expectations.draft(results)
    with pytest.raises(ExpectationsError):
        load(tmp_path, text)
    filled = text.replace('""', '"x"')
    assert load(tmp_path, filled)["A/one"].observed == odd
