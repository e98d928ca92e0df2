"""What a run comes to, as a small file to keep: `docs/conformance.md` and badges are made of it.

Counts by class and by area, and every case that is neither passed nor inapplicable. Nothing in it
differs from one run to the next of the same implementation and the same vectors.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from precompile_conformance.corpus import CLASS_NAMES, Case, capability_name
from precompile_conformance.reports.report import Report, TesteeReport
from precompile_conformance.status import Result, Status

_FORMAT = 1
_NO_SHORTFALL = (Status.PASS, Status.NOT_APPLICABLE)
# By status, how many cases.
Counts = Mapping[str, int]


class SummaryError(Exception):
    """A file is no summary, or several are of different vectors."""


@dataclass(frozen=True)
class Shortfall:
    """A case that did not pass: what came, and why, where that is said."""

    case: str
    status: str
    observed: str
    reason: str


@dataclass(frozen=True)
class TesteeSummary:
    """One implementation; a case counts for each class that it needs."""

    name: str
    version: str
    classes: Sequence[str]
    capabilities: Sequence[str]
    by_class: Mapping[str, Counts]
    by_area: Mapping[str, Counts]
    shortfalls: Sequence[Shortfall]

    @property
    def counts(self) -> Counter[str]:
        """How many cases have which status."""
        return sum((Counter(counts) for counts in self.by_area.values()), Counter())

    @property
    def is_good(self) -> bool:
        """Whether all that applies passed, or was expected to fail; one case at least applied."""
        counts = self.counts
        return any(s.is_good and s is not Status.NOT_APPLICABLE for s in map(Status, counts)) and (
            all(Status(status).is_good for status in counts)
        )


@dataclass(frozen=True)
class Summary:
    """A run; `frozen` is the SHA-256 of the list of what a version was released with, or empty."""

    version: str
    corpus: str
    frozen: str
    testees: Sequence[TesteeSummary]


def of(report: Report) -> Summary:
    """What a report comes to."""
    testees = [_testee(report, testee) for testee in report.testees]
    return Summary(report.version, report.corpus, report.frozen, testees)


def _testee(report: Report, testee: TesteeReport) -> TesteeSummary:
    classes = {case.id: case.classes for case in report.cases}
    by_class: dict[str, Counter[str]] = {name: Counter() for name in CLASS_NAMES}
    by_area: dict[str, Counter[str]] = {}
    for result in testee.results:
        status = str(result.status)
        by_area.setdefault(result.case_id.partition("/")[0], Counter())[status] += 1
        for name in classes[result.case_id]:
            by_class[name][status] += 1
    claims = testee.claims
    return TesteeSummary(
        claims.name,
        claims.version,
        testee.class_names(),
        [capability_name(number) for number in sorted(claims.capabilities)],
        {name: dict(sorted(counts.items())) for name, counts in by_class.items()},
        {area: dict(sorted(counts.items())) for area, counts in sorted(by_area.items())},
        [_shortfall(result) for result in testee.results if result.status not in _NO_SHORTFALL],
    )


def _shortfall(result: Result) -> Shortfall:
    # Of an expected failure, the first line is the reason that its file gives.
    reason = result.lines[0] if result.status is Status.XFAIL and result.lines else ""
    return Shortfall(result.case_id, str(result.status), result.observed, reason)


def render(summary: Summary) -> str:
    """The JSON text."""
    return json.dumps({"format": _FORMAT, **asdict(summary)}, indent=1, ensure_ascii=False) + "\n"


def load(paths: Sequence[Path]) -> Summary:
    """The summaries of several files as one, the implementations in the files' order.

    Raises:
        SummaryError: a file is none, or they are of different vectors.
    """
    summaries = [_load(path) for path in paths]
    if not summaries:
        raise SummaryError("no file of results is named")
    first = summaries[0]
    vectors = (first.version, first.corpus, first.frozen)
    for path, one in zip(paths, summaries, strict=True):
        if (one.version, one.corpus, one.frozen) != vectors:
            raise SummaryError(f"{path}: of other vectors than {paths[0]}: run it anew")
    testees = [testee for one in summaries for testee in one.testees]
    return Summary(first.version, first.corpus, first.frozen, testees)


def miscounted(testee: TesteeSummary, cases: Iterable[Case]) -> list[str]:
    """The areas, classes and statuses whose counts no whole run of these cases comes to."""
    least, most = Counter[str](), Counter[str]()
    for case in cases:
        for name in (case.area, *case.classes):
            most[name] += 1
            least[name] += case.counts_for(testee.classes)
    told = {**testee.by_area, **testee.by_class}
    sums = Counter({name: sum(counts.values()) for name, counts in told.items()})
    wrong = [name for name in sorted({*sums, *most}) if not least[name] <= sums[name] <= most[name]]
    fallen = testee.counts
    for status in _NO_SHORTFALL:
        del fallen[status]
    fallen.subtract(one.status for one in testee.shortfalls)
    return wrong + [status for status, count in sorted(fallen.items()) if count]


def _load(path: Path) -> Summary:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if value.pop("format") != _FORMAT:
            raise SummaryError(f"{path}: of another format")
        testees = [
            TesteeSummary(
                **{**testee, "shortfalls": [Shortfall(**one) for one in testee["shortfalls"]]}
            )
            for testee in value.pop("testees")
        ]
        summary = Summary(**value, testees=testees)
        for testee in testees:
            # Every status is one.
            _ = testee.is_good
            for counts in (*testee.by_class.values(), *testee.by_area.values()):
                if any(type(count) is not int or count < 0 for count in counts.values()):
                    raise ValueError(f"{testee.name}: a count is no number of cases")
    except OSError as error:
        raise SummaryError(f"{path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise SummaryError(f"{path}: no summary of a run: {error}") from None
    return summary
