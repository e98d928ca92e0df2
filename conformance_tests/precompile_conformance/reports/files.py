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
    """Write all forms; what was written.

    What says who conforms (summary, page, a badge for each testee) is of whole runs alone: of
    another one none is written, nor left from a run before.
    """
    directory.mkdir(parents=True, exist_ok=True)
    told = summary.of(report)
    whole = {"summary.json": summary.render(told), "conformance.md": markdown.render(told)}
    for index, testee in enumerate(told.testees):
        suffix = f"-{index}" if index else ""
        whole[f"badge{suffix}.svg"] = badge.render(testee, report.version)
    texts = {
        "report.json": as_json.render(report),
        "junit.xml": junit.render(report),
        "index.html": html.render(report),
    }
    if report.is_whole:
        texts |= whole
    for name in whole.keys() - texts.keys():
        (directory / name).unlink(missing_ok=True)
    for name, text in texts.items():
        (directory / name).write_text(text, encoding="utf-8")
    return [directory / name for name in texts]
