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
    "text",
    [
        LISTED + LISTED,
        LISTED.replace('reason = "known"\n', ""),
        LISTED.replace('"known"', '""'),
        "[[expected]\n",
    ],
)
def test_a_file_that_is_not_complete_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ExpectationsError):
        load(tmp_path, text)


def test_a_draft_lists_the_failures_and_leaves_the_reasons_to_a_person(tmp_path: Path) -> None:
    results = [Result("A/one", Status.FAIL, 'odd "\\ outcome'), Result("A/two", Status.PASS)]
    text = expectations.draft(results)
    with pytest.raises(ExpectationsError):
        load(tmp_path, text)
    filled = text.replace('""', '"x"')
    assert load(tmp_path, filled)["A/one"].observed == 'odd "\\ outcome'
