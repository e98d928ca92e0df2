"""A run as JSON, for programs; `format` grows where a field changes its meaning."""

import json
from typing import Any

from precompile_conformance.corpus import capability_name
from precompile_conformance.reports.report import Report, TesteeReport


def render(report: Report) -> str:
    """The JSON text."""
    return json.dumps(to_json(report), indent=1, ensure_ascii=False) + "\n"


def to_json(report: Report) -> dict[str, Any]:
    """The report as JSON values."""
    return {
        "format": 1,
        "version": report.version,
        "corpus": report.corpus,
        "frozen": report.is_frozen,
        "succeeded": report.is_good,
        "faults": list(report.faults),
        "cases": {
            case.id: {
                "shows": case.message.shows,
                "requirements": list(case.message.requirements),
                "classes": list(case.classes),
            }
            for case in report.cases
        },
        "testees": [_testee(testee) for testee in report.testees],
    }


def _testee(testee: TesteeReport) -> dict[str, Any]:
    claims = testee.claims
    return {
        "command": list(testee.command),
        "name": claims.name,
        "version": claims.version,
        "spec_versions": list(claims.spec_versions),
        "classes": testee.class_names(),
        "capabilities": [capability_name(number) for number in sorted(claims.capabilities)],
        "counts": {str(status): count for status, count in sorted(testee.counts().items())},
        "results": [
            {
                "case": result.case_id,
                "status": str(result.status),
                "observed": result.observed,
                "lines": list(result.lines),
                "seconds": round(result.seconds, 3),
            }
            for result in testee.results
        ],
    }
