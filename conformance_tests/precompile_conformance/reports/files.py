"""All forms of a report in one folder."""

import tempfile
from pathlib import Path

from precompile_conformance.reports import as_json, badge, html, junit, markdown, summary
from precompile_conformance.reports.report import Report


def prepare(directory: Path) -> None:
    """Make the folder, and be sure that files can be written into it, before a long run.

    Raises:
        OSError: they cannot.
    """
    directory.mkdir(parents=True, exist_ok=True)
    try:
        tempfile.TemporaryFile(dir=directory).close()
    except OSError as error:
        raise type(error)(error.errno, error.strerror, str(directory)) from None


def write(report: Report, directory: Path) -> list[Path]:
    """Write all forms, and a badge for each testee; what was written."""
    directory.mkdir(parents=True, exist_ok=True)
    told = summary.of(report)
    texts = {
        "report.json": as_json.render(report),
        "summary.json": summary.render(told),
        "junit.xml": junit.render(report),
        "index.html": html.render(report),
        "conformance.md": markdown.render(told),
    }
    for index, testee in enumerate(told.testees):
        suffix = f"-{index}" if index else ""
        texts[f"badge{suffix}.svg"] = badge.render(testee, report.version)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]
