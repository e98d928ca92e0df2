"""The report as a Markdown page: area by implementation, for a project's documents."""

from collections.abc import Iterable

from precompile_conformance.reports.report import Report, TesteeReport
from precompile_conformance.status import Status


def render(report: Report) -> str:
    """The page's text."""
    areas = sorted({case.message.id.partition("/")[0] for case in report.cases})
    lines = [
        "# Conformance",
        "",
        f"What `precompile-conformance run` says of the vectors of version {report.version}: cases",
        "passed, of those that apply to what an implementation claims. The digest of the corpus is",
        f"`{report.corpus}`.",
        "",
        _row(["", *(f"{t.claims.name} {t.claims.version}" for t in report.testees)]),
        _row(["---"] * (len(report.testees) + 1)),
        _row(["classes", *(", ".join(testee.class_names()) for testee in report.testees)]),
        *(_row([area, *(_passed(t, f"{area}/") for t in report.testees)]) for area in areas),
        _row(["**all**", *(f"**{_passed(testee, '')}**" for testee in report.testees)]),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _passed(testee: TesteeReport, prefix: str) -> str:
    statuses = [r.status for r in testee.results if r.case_id.startswith(prefix)]
    applicable = [status for status in statuses if status is not Status.NOT_APPLICABLE]
    if not applicable:
        return ""
    return f"{applicable.count(Status.PASS)} of {len(applicable)}"
