"""Random changes of a table of artifacts that leave it one: by rows, and by single cells."""

import random
from collections.abc import MutableSequence
from typing import Any

from fuzz.message import change, copy_of, integer
from precompile.v1.artifact_pb2 import ArtifactDetail, ArtifactTable

_DIGEST = 32
_MOST, _LARGEST = 2**32 - 1, 2**64 - 1  # of an index; of a size
_KEYS = ("a", "b", "e", "k", "empty", "again", "x" * 1024, "é", "")


def change_table(table: ArtifactTable, choose: random.Random) -> None:
    """One row more, fewer, elsewhere or otherwise, or another detail or type."""
    kind = choose.choice(["cell"] * 4 + ["copy", "delete", "move", "many", "detail", "type"])
    if kind == "type":
        change(choose.choice([*table.types, table.types.add()]), choose)
    elif kind == "detail" and table.key:
        _change_detail(table, choose)
    elif kind == "cell" and table.key:
        _change_cell(table, choose)
    elif kind == "copy" or not table.key:
        _insert_row(table, choose)
    elif kind == "many":
        for _ in range(choose.choice([2, 10, 100])):
            _insert_row(table, choose)
    else:
        row = _take_row(table, choose.randrange(len(table.key)))
        if kind == "move":
            _put_row(table, choose.randrange(len(table.key) + 1), row)


def digests(table: ArtifactTable) -> list[bytes]:
    """Those of each row, zeros where there are none."""
    count = len(table.key)
    whole = table.content_digest[: _DIGEST * count].ljust(_DIGEST * count, b"\0")
    return [whole[at : at + _DIGEST] for at in range(0, len(whole), _DIGEST)]


def columns(table: ArtifactTable) -> tuple[MutableSequence[Any], ...]:
    """The repeated ones, keys last."""
    return table.type, table.content_size, table.block, table.offset, table.key


def make_rectangular(table: ArtifactTable) -> None:
    """As many elements in each column as there are keys, and as many digests."""
    for column in columns(table)[:-1]:
        del column[len(table.key) :]
        column.extend([0] * (len(table.key) - len(column)))
    table.content_digest = b"".join(digests(table))


Row = tuple[list[Any], bytes, list[ArtifactDetail]]


def _take_row(table: ArtifactTable, at: int) -> Row:
    make_rectangular(table)
    every = digests(table)
    cells = [column.pop(at) for column in columns(table)]
    table.content_digest = b"".join(every[:at] + every[at + 1 :])
    taken = [copy_of(detail) for detail in table.details if detail.artifact == at]
    _set_details(table, [_at(d, d.artifact - (d.artifact > at)) for d in table.details
                         if d.artifact != at])  # fmt: skip
    return cells, every[at], taken


def _put_row(table: ArtifactTable, at: int, row: Row) -> None:
    make_rectangular(table)
    every = digests(table)
    for column, cell in zip(columns(table), row[0], strict=True):
        column.insert(at, cell)
    table.content_digest = b"".join([*every[:at], row[1], *every[at:]])
    behind = [_at(d, d.artifact + (d.artifact >= at)) for d in table.details]
    _set_details(table, behind + [_at(detail, at) for detail in row[2]])


def _insert_row(table: ArtifactTable, choose: random.Random) -> None:
    key = f"{choose.randrange(10_000)}"
    if not table.key:
        _put_row(table, 0, ([0, 0, 0, 0, key], bytes(_DIGEST), []))
        return
    make_rectangular(table)
    at = choose.randrange(len(table.key))
    cells = [*(column[at] for column in columns(table)[:-1]), key]
    taken = [detail for detail in table.details if detail.artifact == at]
    _put_row(table, choose.randrange(len(table.key) + 1), (cells, digests(table)[at], taken))


def _change_cell(table: ArtifactTable, choose: random.Random) -> None:
    at = choose.randrange(len(table.key))
    *numbers, keys = columns(table)
    if choose.random() < 0.2:
        keys[at] = choose.choice([*_KEYS, *keys])
        return
    make_rectangular(table)
    column, most = choose.choice(
        list(zip(numbers, (_MOST, _LARGEST, _MOST, _LARGEST), strict=True))
    )
    if choose.random() < 0.5:  # what another row has there may be right here
        column[at] = choose.choice(column)
    else:
        column[at] = integer(choose, column[at], 0, most)


def _change_detail(table: ArtifactTable, choose: random.Random) -> None:
    at = choose.randrange(len(table.key))
    found = [detail for detail in table.details if detail.artifact == at]
    changed = found[0] if found else ArtifactDetail(artifact=at)
    change(changed, choose)
    if not found:
        _set_details(table, [*map(copy_of, table.details), changed])


def _at(detail: ArtifactDetail, artifact: int) -> ArtifactDetail:
    moved: ArtifactDetail = copy_of(detail)
    moved.artifact = min(artifact, _MOST)
    return moved


def _set_details(table: ArtifactTable, details: list[ArtifactDetail]) -> None:
    ascending = sorted(details, key=lambda detail: detail.artifact)
    del table.details[:]
    table.details.extend(ascending)
