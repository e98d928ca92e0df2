"""The matrix as text: a table, and each disagreement with what one needs to repeat it."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from precompile_conformance import corpus
from precompile_conformance.asking import FILE
from precompile_conformance.interop.matrix import Disagreement, Matrix
from precompile_conformance.interop.produce import AREA

_MOST_TOLD = 20


def lines(matrix: Matrix, vectors: Path, out: Path) -> Iterator[str]:
    """The report line by line; cases that testees disagree about are written below `out`.

    `vectors` is the folder of the versions whose productions were asked for.
    """
    kept = len(list(out.glob(f"{AREA}/*")))  # of an earlier run
    for index, one in enumerate(matrix.disagreements):
        told = list(_disagreement(one, vectors, out, kept + index))
        if index < _MOST_TOLD:
            yield from told
    if len(matrix.disagreements) > _MOST_TOLD:
        yield f"... and {len(matrix.disagreements) - _MOST_TOLD} more; all are in {out}"
    if out.exists() and matrix.disagreements:
        corpus.write_sums(out)
    yield from table(matrix)
    wrong = len(matrix.disagreements)
    asked, bundles = matrix.asked.total(), matrix.bundles.total()
    yield f"{bundles} bundles, {asked} answers, {wrong} disagreements"
    if not asked:
        yield "ERROR: nothing was asked: no testee claims the class writer or context"


def table(matrix: Matrix) -> Iterator[str]:
    """A Markdown table, producer by consumer: answers that agree, of all."""
    yield _row(["written by", "bundles", *(f"read by {name}" for name in matrix.consumers)])
    yield _row(["---"] * (len(matrix.consumers) + 2))
    for row in matrix.rows():
        cells = [_cell(matrix, row, consumer) for consumer in matrix.consumers]
        yield _row([row, f"{matrix.bundles[row]:,}", *cells])


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cell(matrix: Matrix, row: str, consumer: str) -> str:
    asked, agreed = matrix.asked[row, consumer], matrix.agreed[row, consumer]
    return f"{agreed:,} of {asked:,}" if asked else ""


def _disagreement(one: Disagreement, vectors: Path, out: Path, index: int) -> Iterator[str]:
    yield f"{one.result.status} {one.testee} ({one.result.observed}): {one.case.shows}"
    for line in one.result.lines:
        yield "\n".join(f"  {part}" for part in line.splitlines())
    place, id_ = vectors, one.case.id
    if one.data is not None:
        one.case.id = id_ = f"{AREA}/{index:06}"
        corpus.write_case(out, one.case, {FILE: one.data})
        place = out.parent
    command = f"precompile-conformance run --vectors {place} --case {id_}"
    yield f"  repeat: {command} --testee {shlex.quote(shlex.join(one.command))}"
