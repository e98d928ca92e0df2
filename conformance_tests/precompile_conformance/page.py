"""`precompile-conformance page`: the page of who conforms to what, made of runs' results alone."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from precompile_conformance import corpus
from precompile_conformance.reports import badge, markdown, summary
from precompile_conformance.reports.summary import SummaryError


def page(
    results: Annotated[list[Path], typer.Argument(help="The summary.json of runs.")],
    *,
    into: Annotated[Path, typer.Option(help="The page; badges, named as RESULTS, beside it.")],
    vectors: Annotated[Path, typer.Option(help="Folder of the versions' vectors.")] = (
        corpus.VECTORS
    ),
    check: Annotated[bool, typer.Option("--check", help="Write nothing, compare.")] = False,
) -> None:
    """Make a page and badges of the results of runs; with --check, exit 1 where they differ."""
    try:
        texts = {into: markdown.render(_believed(results, vectors))}
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
    except (SummaryError, corpus.CorpusError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"ERROR: {error.filename}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
    for path in stale:
        print(f"ERROR: {path} is not what the results say", file=sys.stderr)
    raise typer.Exit(1 if stale else 0)


def _believed(results: Sequence[Path], vectors: Path) -> summary.Summary:
    """The results as one, each of a whole run of the vectors that are here."""
    told = summary.load(results)
    directory = vectors / f"v{told.version}"
    if (told.corpus, told.frozen) != (corpus.digest(directory), corpus.frozen_digest(directory)):
        raise SummaryError(f"results of other vectors than {directory}; --vectors names theirs")
    cases = corpus.load(directory)
    for testee in told.testees:
        if wrong := summary.miscounted(testee, cases):
            counts = f"{testee.name}: counts of {', '.join(wrong)}"
            raise SummaryError(f"{counts} that no whole run of {directory} comes to")
    return told
