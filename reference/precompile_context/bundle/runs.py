"""What one save writes, in segments whose manifests every reader takes."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate

from precompile_context.artifact import ArtifactId
from precompile_context.bundle.batch import Batch, Writable
from precompile_context.bundle.packing import PROBE_SIZE
from precompile_context.bundle.table import Detail

# Half of the manifest that every reader must accept: an external block entry for each artifact
# that needs one, which the sizes below leave out, has room in the rest.
# [PCB-LIM-006]
MANIFEST_TARGET = 8 << 20
# Digest and numbers of an artifact, tags and lengths, from above.
_ROW = 64
_BLOCK_ENTRY = 48

Run = tuple[Batch, list[ArtifactId]]


def split(batch: Batch, removed: Iterable[ArtifactId]) -> Iterator[Run]:
    """Rows and removals in runs whose manifests stay near MANIFEST_TARGET; at least one run.

    Removals come first: they must not take away what is added here.
    """
    removals: list[ArtifactId] = []
    # Each run may list all types: that counts once for each.
    types = size = sum(8 + len(type_name) for type_name in {name for name, _ in batch.names})
    for id_ in removed:
        size += (item := 16 + _text_size(id_.type) + _text_size(id_.key))
        if size > MANIFEST_TARGET and removals:
            yield Batch(), removals
            removals, size = [], types + item
        removals.append(id_)
    if size + _most_size(batch) <= MANIFEST_TARGET:
        yield batch, removals
        return
    ends = list(accumulate(_row_sizes(batch), initial=0))
    start = 0
    while size + ends[-1] - ends[start] > MANIFEST_TARGET:
        stop = bisect_right(ends, MANIFEST_TARGET - size + ends[start]) - 1
        if stop <= start and not removals:
            stop = start + 1  # one that is large by itself
        if stop == len(batch):
            break
        yield batch.part(start, max(stop, start)), removals
        start, removals, size = max(stop, start), [], types
    yield (batch.part(start, len(batch)) if start else batch), removals


def index_size(artifact: Writable) -> int:
    """About how many bytes the artifact takes in a manifest, from above."""
    (size,) = _row_sizes(Batch.of([artifact]))
    return size


def _most_size(batch: Batch) -> int:
    """No less than the rows' sizes together, and seen at once where there are very many."""
    text = "".join([key for _, key in batch.names])
    blocks = batch.content // PROBE_SIZE  # no more contents are large
    details = sum(map(_detail_size, batch.details.values()))
    return (
        _ROW * len(batch)
        + len(text) * (1 if text.isascii() else 4)
        + _BLOCK_ENTRY * 2 * blocks
        + details
    )


def _row_sizes(batch: Batch) -> list[int]:
    sizes = [_ROW + _text_size(key) for _, key in batch.names]
    for row, content in enumerate(batch.contents):
        if len(content) >= PROBE_SIZE:
            sizes[row] += _BLOCK_ENTRY * (1 + (len(content) >> 23))
    for row, detail in batch.details.items():
        sizes[row] += _detail_size(detail)
    return sizes


def _detail_size(detail: Detail) -> int:
    size = 16
    for backend in detail.backends:
        size += 60 + _text_size(backend.type) + _text_size(backend.key)
    for name, value in detail.fields:
        size += 24 + len(name) + (4 * len(value) if isinstance(value, (str, bytes)) else 0)
    return size


def _text_size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
