"""A run as text: each case that is not good, with all that is needed to look at it; then totals."""

from collections.abc import Iterator, Sequence

from precompile_conformance.corpus import Case
from precompile_conformance.reports.report import ORDER, Report, TesteeReport, repeat_line
from precompile_conformance.status import Result, Status


def lines(report: Report, default: Sequence[str]) -> Iterator[str]:
    """The report line by line; `default` is the command that needs no naming."""
    cases = {case.id: case for case in report.cases}
    for testee in report.testees:
        for result in testee.results:
            if not result.status.is_good:
                yield from failure(report, testee, cases.get(result.case_id), result, default)
                yield ""
        yield summary(testee)
    for fault in report.faults:
        yield f"ERROR: {fault}"
    yield f"corpus v{report.version} {report.corpus}"


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
    yield f"  repeat: {repeat_line(testee.command, result.case_id, default)}"


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
