"""Failures that are expected: a TOML file with one table for each case.

    [[expected]]
    id = "ZSTD/dictionary"
    observed = "bundle"
    reason = "our zstd library does not show the dictionary's id"
    link = "https://example.org/tracker/12"

The observed outcome is part of it: a case that fails otherwise, or passes, is an XPASS.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from precompile_conformance.status import Result, Status

_FIELDS = {"id", "observed", "reason", "link"}
_FAILURES = (Status.FAIL, Status.CRASH, Status.TIMEOUT)


class ExpectationsError(Exception):
    """The file is not what it must be."""


@dataclass(frozen=True)
class Expectation:
    """One expected failure."""

    observed: str
    reason: str
    link: str


def load(path: Path) -> dict[str, Expectation]:
    """The expected failures by case id.

    Raises:
        ExpectationsError: the file cannot be read, or an entry is not complete.
    """
    try:
        entries = tomllib.loads(path.read_text()).get("expected", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationsError(f"{path}: {error}") from None
    found: dict[str, Expectation] = {}
    for entry in entries:
        if set(entry) != _FIELDS or not all(isinstance(v, str) and v for v in entry.values()):
            raise ExpectationsError(f"{path}: each entry has id, observed, reason and link")
        if entry["id"] in found:
            raise ExpectationsError(f"{path}: {entry['id']} stands twice")
        found[entry["id"]] = Expectation(entry["observed"], entry["reason"], entry["link"])
    return found


def apply(results: Sequence[Result], expected: Mapping[str, Expectation]) -> list[Result]:
    """The results with expected failures turned into XFAIL, and what is otherwise into XPASS."""
    return [
        _apply(result, expected[result.case_id]) if result.case_id in expected else result
        for result in results
    ]


def _apply(result: Result, expectation: Expectation) -> Result:
    if result.status is Status.ERROR:
        return result
    if result.status in _FAILURES and result.observed == expectation.observed:
        return replace(result, status=Status.XFAIL, lines=(expectation.reason, *result.lines))
    line = f"listed as an expected failure with {expectation.observed!r}; it is {result.observed!r}"
    return replace(result, status=Status.XPASS, lines=(line, *result.lines))


def unmatched(expected: Mapping[str, Expectation], known: Sequence[str]) -> list[str]:
    """Ids that are listed and that no case has."""
    return sorted(expected.keys() - set(known))


def draft(results: Sequence[Result]) -> str:
    """A file that lists the failures of these results, reasons and links left to be written."""
    out = []
    for result in results:
        if result.status in _FAILURES:
            out.append(
                "[[expected]]\n"
                f"id = {_quoted(result.case_id)}\n"
                f"observed = {_quoted(result.observed)}\n"
                'reason = ""\n'
                'link = ""\n'
            )
    return "\n".join(out)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
