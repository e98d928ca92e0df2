"""CONTENT: stored bytes to content, the digest before the decompression."""

from collections.abc import Callable, Iterator
from functools import partial

import zstandard

from precompile.v1 import bundle_pb2
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.table import Row, rows
from precompile_conformance.wire import block_prefix, block_record_size, sha256

NONE, ZSTD = 1, 2
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
MAX_WINDOW = 8 << 20
RAW, RLE = 0, 1

Places = list[tuple[int, int]]


class Held:
    """The blocks of one opened bundle that were read: each is held for ever, and counted once."""

    def __init__(self) -> None:
        self.blocks: dict[int, bytes | Refused] = {}  # by the offset of the record
        self.decompressed = 0


class Contents:
    """The content of one segment's artifacts."""

    def __init__(
        self, data: bytes, manifest: bundle_pb2.Manifest, places: Places, limits: Limits,
        manifest_offset: int, held: Held,
    ) -> None:  # fmt: skip
        self._data = data
        self._manifest = manifest
        self._places = places
        self._limits = limits
        self._manifest_offset = manifest_offset
        self._held = held

    def block(self, index: int) -> bytes:
        """A block's content."""
        blocks, at = self._held.blocks, self._places[index][0]
        if at not in blocks:
            try:
                blocks[at] = self._read(index)
            except Refused as fault:
                blocks[at] = fault
        found = blocks[at]
        if isinstance(found, Refused):
            raise found
        return found

    def _read(self, index: int) -> bytes:
        entry, (at, size) = self._manifest.blocks[index], self._places[index]
        if self._held.decompressed + entry.content_size > self._limits.total_decompressed:
            raise Refused("LIMIT_EXCEEDED", at, "decompressed")
        self._held.decompressed += entry.content_size
        record = self._data[at : at + size]
        stored_size = block_record_size(size)
        prefix = block_prefix(stored_size)
        if not record.startswith(prefix):
            raise Refused("MALFORMED_BLOCK", at)
        stored = record[len(prefix) :]
        if entry.compression == NONE and len(stored) != entry.content_size:
            raise Refused("SIZE_MISMATCH", at)
        if sha256(stored) != entry.digest:
            raise Refused("DIGEST_MISMATCH", at)
        if entry.compression == NONE:
            return stored
        if entry.compression == ZSTD:
            return inflate(stored, entry.content_size, at)
        raise Refused("UNSUPPORTED_FEATURE", at, "compression")

    def artifact(self, row: Row) -> bytes:
        """An artifact's content, verified."""
        if row.content_size > self._limits.total_decompressed:
            raise Refused("LIMIT_EXCEEDED", self._manifest_offset, "decompressed")
        content, offset = b"", row.offset
        for index in self.blocks_of(row):
            content += self.block(index)[offset : offset + row.content_size - len(content)]
            offset = 0
        if sha256(content) != row.content_digest:
            at = self._places[row.block][0] if row.content_size else self._manifest_offset
            raise Refused("DIGEST_MISMATCH", at)
        return content

    def blocks_of(self, row: Row) -> range:
        """The indices of the blocks that the content lies in."""
        index, left = row.block, row.offset + row.content_size
        while row.content_size and left > 0:
            left -= self._manifest.blocks[index].content_size
            index += 1
        return range(row.block, index)

    def faults(self) -> Iterator[Refused]:
        """What a full verification meets: block by block, each artifact behind its last one."""
        behind: dict[int, list[Row]] = {}
        for row in rows(self._manifest.artifacts):
            behind.setdefault(max(self.blocks_of(row), default=-1), []).append(row)
        for index in range(-1, len(self._manifest.blocks)):
            checks: list[Callable[[], object]] = []
            if index >= 0 and self._manifest.blocks[index].size:
                checks.append(partial(self.block, index))
            checks += [partial(self.artifact, row) for row in behind.get(index, ())]
            for check in checks:
                try:
                    check()
                except Refused as fault:
                    yield fault


def inflate(stored: bytes, size: int, at: int) -> bytes:
    """What exactly one standard zstd frame holds, its header checked before all else."""

    def refused(detail: str) -> Refused:
        return Refused("DECOMPRESSION_FAILED", at, detail)

    if stored[:4] != ZSTD_MAGIC:
        raise refused("no frame")
    try:
        header = zstandard.get_frame_parameters(stored)
        position = zstandard.frame_header_size(stored)
    except zstandard.ZstdError as error:
        raise refused(str(error)) from None
    if header.content_size == zstandard.CONTENTSIZE_UNKNOWN:
        raise refused("no content size")
    if header.content_size != size:
        raise Refused("SIZE_MISMATCH", at)
    if header.dict_id or header.window_size > MAX_WINDOW:
        raise refused("dictionary or window")
    last, bound = False, 0
    while not last:
        head = int.from_bytes(stored[position : position + 3], "little")
        if position + 3 > len(stored):
            raise refused("cut")
        last, kind, length = bool(head & 1), head >> 1 & 3, head >> 3
        bound += length if kind in (RAW, RLE) else 128 << 10
        position += 3 + (1 if kind == RLE else length)
    if position + 4 * header.has_checksum != len(stored) or bound < size:
        raise refused("end")
    try:
        content = zstandard.ZstdDecompressor().decompress(stored, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise refused(str(error)) from None
    if len(content) != size:
        raise refused("length")
    return content
