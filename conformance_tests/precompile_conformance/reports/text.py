"""A run as text: each case that is not good, with all that is needed to look at it; then totals."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from precompile_conformance.corpus import Case
from precompile_conformance.reports.report import ORDER, Report, TesteeReport, repeat_line
from precompile_conformance.status import Result, Status

# What differs from one crash to the next of the same cause: inputs' places and addresses.
_VARYING = re.compile(r"input-\w+/\d+-|0x[0-9a-f]+|@[0-9a-f]{5,}")
# Lines of a result from which on it is not told twice.
_LONG = 2


def lines(report: Report, default: Sequence[str]) -> Iterator[str]:
    """The report line by line; `default` is the command that needs no naming."""
    cases = {case.id: case for case in report.cases}
    for testee in report.testees:
        for result in folded(testee.results):
            if not result.status.is_good:
                yield from failure(report, testee, cases.get(result.case_id), result, default)
                yield ""
        yield summary(testee)
        if not testee.ran_any:
            yield f"ERROR: no case was run: {unclaimed(testee)}"
    for fault in report.faults:
        yield f"ERROR: {fault}"
    state = "frozen" if report.is_frozen else "a draft, whose cases may change until it is frozen"
    yield f"corpus v{report.version} ({state}) {report.corpus}"


def folded(results: Iterable[Result]) -> Iterator[Result]:
    """The results; one that ended as an earlier one did, stack and all, names that one."""
    first: dict[str, str] = {}
    for result in results:
        told = "\n".join(result.lines)
        same = first.setdefault(_VARYING.sub("", told), result.case_id)
        if same != result.case_id and told.count("\n") >= _LONG:
            head = told.partition("\n")[0]
            yield replace(result, lines=(head, f"(same as {same})"))
        else:
            yield result


def unclaimed(testee: TesteeReport) -> str:
    """Why no case applies to a testee."""
    needs = Counter(result.observed for result in testee.results).most_common(3)
    told = "; ".join(f"{need}: {count}" for need, count in needs)
    claims = ", ".join(testee.class_names()) or "no class"
    return f"{testee.claims.name} claims {claims} ({told})"


def failure(
    report: Report, testee: TesteeReport, case: Case | None, result: Result,
    default: Sequence[str],
) -> Iterator[str]:  # fmt: skip
    """Id, what it shows, the requirements' texts, expected and got, and how to repeat it."""
    yield f"{result.status} {result.case_id}: {case.message.shows if case else ''}"
    if case is not None:
        for id_ in case.message.requirements:
            text = report.requirements[id_]["text"] if id_ in report.requirements else "?"
            yield f"  {id_} {text}"
        if case.message.defect:
            yield f"  defect: {case.message.defect} (base {case.message.base})"
    for line in result.lines:
        yield "\n".join(f"  {part}" for part in line.splitlines())
    yield f"  repeat: {repeat_line(testee.command, result.case_id, default, report.options)}"


def summary(testee: TesteeReport) -> str:
    """One line of totals."""
    counts = testee.counts()
    told = ", ".join(f"{counts[status]} {status}" for status in reversed(ORDER) if counts[status])
    classes = ", ".join(testee.class_names())
    return f"{testee.claims.name} {testee.claims.version} ({classes}): {told or 'no case was run'}"


def one_line(result: Result) -> str:
    """A result as `--verbose` lists it."""
    observed = f" ({result.observed})" if result.status is not Status.PASS else ""
    return f"{result.status:14} {result.case_id}{observed}"
