"""`precompile-conformance page`: the page of who conforms to what, made of runs' results alone."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from precompile_conformance.reports import badge, markdown, summary
from precompile_conformance.reports.summary import SummaryError


def page(
    results: Annotated[list[Path], typer.Argument(help="The summary.json of runs.")],
    *,
    into: Annotated[Path, typer.Option(help="The page; badges, named as RESULTS, beside it.")],
    check: Annotated[bool, typer.Option("--check", help="Write nothing, compare.")] = False,
) -> None:
    """Make a page and badges of the results of runs; with --check, exit 1 where they differ."""
    try:
        texts = {into: markdown.render(summary.load(results))}
        for path in results:
            one = summary.load([path])
            for index, testee in enumerate(one.testees):
                suffix = f"-{index}" if index else ""
                name = f"badge-{path.stem}{suffix}.svg"
                texts[into.with_name(name)] = badge.render(testee, one.version)
        if not check:
            for path, text in texts.items():
                path.write_text(text, encoding="utf-8")
            return
        stale = [path for path, text in texts.items() if path.read_text("utf-8") != text]
    except SummaryError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"ERROR: {error.filename}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    for path in stale:
        print(f"ERROR: {path} is not what the results say", file=sys.stderr)
    raise typer.Exit(1 if stale else 0)
