"""A run as one HTML page that needs nothing else: requirement by implementation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from precompile_conformance.corpus import Case
from precompile_conformance.reports import badge, summary
from precompile_conformance.reports.report import ORDER, Report, TesteeReport, worst
from precompile_conformance.status import Result, Status


@dataclass(frozen=True)
class Cell:
    """What one testee makes of one requirement."""

    status: Status | None
    results: tuple[tuple[Case, Result], ...]

    @property
    def passed(self) -> int:
        """Cases that pass."""
        return sum(result.status is Status.PASS for _, result in self.results)


def render(report: Report) -> str:
    """The page."""
    import jinja2

    from precompile_conformance.trace import reasons  # which itself looks at reports

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["code"] = _code
    return environment.get_template("page.html.jinja").render(
        report=report,
        rows=[_row(report, id_, reasons().get(id_, "")) for id_ in report.requirements],
        badges=[badge.render(testee, report.version) for testee in summary.of(report).testees],
        statuses=[str(status) for status in reversed(ORDER)],
        areas=sorted({_area(id_) for id_ in report.requirements}),
    )


def _code(text: str) -> Any:
    """What stands between backticks as code; everything is escaped."""
    from markupsafe import Markup, escape

    parts = [str(escape(part)) for part in text.split("`")]
    shown = [f"<code>{part}</code>" if i % 2 else part for i, part in enumerate(parts)]
    return Markup("".join(shown))


def _row(report: Report, id_: str, reason: str) -> dict[str, Any]:
    cases = report.cases_of(id_)
    requirement = report.requirements[id_]
    return {
        "id": id_,
        "area": _area(id_),
        "level": requirement["level"],
        "classes": [name.lower() for name in requirement["classes"]],
        "text": requirement["text"],
        "reason": reason,
        "cells": [_cell(testee, cases) for testee in report.testees],
    }


def _cell(testee: TesteeReport, cases: list[Case]) -> Cell:
    by_id = {result.case_id: result for result in testee.results}
    found = tuple((case, by_id[case.id]) for case in cases if case.id in by_id)
    return Cell(worst(result.status for _, result in found), found)


def _area(id_: str) -> str:
    return id_.split("-")[1]
