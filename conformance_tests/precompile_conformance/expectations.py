"""Failures that are expected: a TOML file with one table for each case.

    [[expected]]
    id = "ZSTD/dictionary"
    observed = "bundle"
    reason = "our zstd library does not show the dictionary's id"
    link = "https://example.org/tracker/12"

The observed outcome is part of it, with the place and what came there where an answer of
the right kind differs: a case that fails otherwise, or passes, is an XPASS.

`xfails.toml` beside a testee is found by itself: in a folder that its command names, or beside
a file that it names.
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from precompile_conformance.status import Result, Status

FILE = "xfails.toml"
_FIELDS = ("id", "observed", "reason", "link")
_FAILURES = (Status.FAIL, Status.CRASH, Status.TIMEOUT)


class ExpectationsError(Exception):
    """The file is not what it must be."""


@dataclass(frozen=True)
class Expectation:
    """One expected failure."""

    observed: str
    reason: str
    link: str


# Of one testee, by case id.
Expected = Mapping[str, Expectation]


def of_testee(command: Sequence[str], given: Path | None) -> Expected:
    """What is expected of a testee: of the file that was given, else of the one beside it, if any.

    Raises:
        ExpectationsError: that file is not as it must be, or several stand beside it.
    """
    if given:
        return load(given)
    named = (Path(word) for word in command)
    folders = (path if path.is_dir() else path.parent for path in named if path.exists())
    found = sorted({folder.resolve() / FILE for folder in folders if (folder / FILE).is_file()})
    if len(found) > 1:
        told = " and ".join(map(str, found))
        raise ExpectationsError(f"{told}: both are beside the testee; --expected names one")
    return load(found[0]) if found else {}


def load(path: Path) -> dict[str, Expectation]:
    """The expected failures by case id.

    Raises:
        ExpectationsError: the file cannot be read, or an entry is not complete.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ExpectationsError(f"{path}: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ExpectationsError(f"{path}: {error}") from None
    entries = table.pop("expected", [])
    if table or not isinstance(entries, list):
        raise ExpectationsError(f"{path}: only entries that begin with [[expected]] stand there")
    found: dict[str, Expectation] = {}
    for index, entry in enumerate(entries, 1):
        if fault := _fault(entry):
            name = entry.get("id") if isinstance(entry, dict) else None
            raise ExpectationsError(f"{path}: entry {index} ({name or 'without id'}): {fault}")
        if entry["id"] in found:
            raise ExpectationsError(f"{path}: {entry['id']} stands twice")
        found[entry["id"]] = Expectation(entry["observed"], entry["reason"], entry["link"])
    return found


def _fault(entry: Any) -> str:
    """What an entry lacks, or has too much."""
    if not isinstance(entry, dict):
        return "it is no table"
    faults = [f"{name} is missing" for name in _FIELDS if name not in entry]
    faults += [f"{name} is not known" for name in entry if name not in _FIELDS]
    for name in _FIELDS:
        if name in entry and not isinstance(entry[name], str):
            faults.append(f"{name} is no text")
        elif not entry.get(name, "x").strip():
            faults.append(f"{name} is empty")
    return ", ".join(faults)


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
    how = f"it is {result.status}: {result.observed!r}"
    if result.status is Status.PASS:
        how = "it passes now, so take the entry out"
    line = f"listed as an expected failure with {expectation.observed!r}; {how}"
    return replace(result, status=Status.XPASS, lines=(line, *result.lines))


def unmatched(expected: Mapping[str, Expectation], known: Sequence[str]) -> list[str]:
    """Ids that are listed and that no case has."""
    return sorted(expected.keys() - set(known))


def draft(results: Sequence[Result]) -> str:
    """A file that lists the failures of these results, reasons and links left to be written."""
    out = ["# --expected takes this file when each entry has a reason and a link.\n"]
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
    """As a TOML string; JSON's escapes are TOML's, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
