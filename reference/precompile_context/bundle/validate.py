"""The VALIDATE stage: what a manifest says agrees with itself, its segment and its chain."""

from bisect import bisect_left
from dataclasses import dataclass
from itertools import accumulate, pairwise
from operator import add, le

from precompile_context.bundle import framing
from precompile_context.bundle.frames import SegmentFrame
from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.names import names_fault, repeated_name
from precompile_context.bundle.stored import BlockEntry
from precompile_context.bundle.table import ArtifactTable
from precompile_context.errors import ErrorCode, PrecompileError


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """Where a block's record lies, in bytes from the bundle's start."""

    offset: int
    size: int


ChainBlocks = dict[tuple[bytes, int, int], BlockPlace]


def validate(
    manifest: Manifest, frame: SegmentFrame, previous_digest: bytes, chain: ChainBlocks
) -> tuple[BlockPlace, ...]:
    """Check one manifest and place its blocks; adds its own blocks to `chain`.

    `previous_digest` is that of the segment before, empty for the first one;
    `chain` holds the own blocks of the chain so far and is emptied where a new
    chain begins.

    Raises:
        PrecompileError: a VALIDATE code, at the manifest's offset.
    """
    at = frame.manifest_offset
    if fault := names_fault(manifest):
        raise PrecompileError(ErrorCode.INVALID_NAME, fault, at)
    if fault := repeated_name(manifest.artifacts):
        raise PrecompileError(ErrorCode.DUPLICATE_ARTIFACT, fault, at)
    # [PCB-CHAIN-002]
    # A chain that points elsewhere would let blocks and removals of one bundle act on another.
    if manifest.previous_manifest_digest not in (b"", previous_digest):
        detail = "previous_manifest_digest is not that of the segment before"
        raise PrecompileError(ErrorCode.BROKEN_CHAIN, detail, at)
    places = place_blocks(manifest, frame, chain)
    if fault := _place_fault(manifest.artifacts, manifest.blocks):
        raise PrecompileError(ErrorCode.BAD_REFERENCE, fault, at)
    return places


def place_blocks(
    manifest: Manifest, frame: SegmentFrame, chain: ChainBlocks
) -> tuple[BlockPlace, ...]:
    """Where each block lies; `chain` becomes that of this segment.

    Raises:
        PrecompileError: BAD_REFERENCE, at the manifest's offset.
    """

    def fault(detail: str) -> PrecompileError:
        return PrecompileError(ErrorCode.BAD_REFERENCE, detail, frame.manifest_offset)

    # [PCB-CHAIN-003]
    if not manifest.previous_manifest_digest:
        chain.clear()
    places = []
    own: ChainBlocks = {}
    at = frame.offset + framing.HEADER_SIZE
    for index, entry in enumerate(manifest.blocks):
        identity = (entry.digest, entry.compression, entry.content_size)
        # [PCB-BLOCK-005]
        if not 0 < entry.content_size <= framing.MAX_BLOCK_CONTENT:
            raise fault(f"block {index} has a content of {entry.content_size} bytes")
        if entry.size == 0:
            # [PCB-BLOCK-006]
            place = chain.get(identity)
            if place is None:
                raise fault(f"external block {index} is in no earlier segment of the chain")
        elif framing.block_data_size(entry.size) is None:
            # [PCB-BLOCK-003]
            raise fault(f"no Block record has the size {entry.size} of block {index}")
        else:
            place = own[identity] = BlockPlace(at, entry.size)
            at += entry.size
        places.append(place)
    # [PCB-BLOCK-004]
    if at != frame.manifest_offset:
        raise fault(f"the blocks' sizes lead to byte {at}, the manifest begins at another")
    chain.update(own)
    return tuple(places)


def _place_fault(table: ArtifactTable, blocks: tuple[BlockEntry, ...]) -> str | None:
    """Which content neither lies in a block nor is a run of whole ones; None where none is."""
    if not len(table) or _all_within_one(table, blocks):
        return None
    ends = list(accumulate((entry.content_size for entry in blocks), initial=0))
    for row, size in enumerate(table.content_size):
        if what := _fault_of_place(size, table.block[row], table.offset[row], blocks, ends):
            type_name, key = table.name(row)
            return f"the content of {type_name} {key!r} {what}"
    runs = {
        (block, bisect_left(ends, ends[block] + size))
        for size, block, offset in zip(table.content_size, table.block, table.offset, strict=True)
        if size and offset + size > blocks[block].content_size
    }
    # [PCB-PLACE-005]
    # Runs over one another would have each block read once for every one of them.
    if any(other < end for (_, end), (other, _) in pairwise(sorted(runs))):
        return "two contents run over a block together and are not the same run"
    return None


def _all_within_one(table: ArtifactTable, blocks: tuple[BlockEntry, ...]) -> bool:
    """Whether no content is empty and each ends within the block in which it begins."""
    if 0 in table.content_size or max(table.block) >= len(blocks):
        return False
    sizes = [entry.content_size for entry in blocks]
    return all(
        map(le, map(add, table.offset, table.content_size), map(sizes.__getitem__, table.block))
    )


def _fault_of_place(
    size: int, block: int, offset: int, blocks: tuple[BlockEntry, ...], ends: list[int]
) -> str | None:
    """`ends` are the sums of the blocks' contents up to each, from 0 on."""
    if not size:
        # [PCB-PLACE-001]
        return "is empty and has a place" if block or offset else None
    # [PCB-PLACE-002]
    if block >= len(blocks) or offset >= blocks[block].content_size:
        return "begins in no block"
    if offset + size <= blocks[block].content_size:
        return None
    # [PCB-PLACE-003]
    # Runs over parts of blocks would make reading one artifact cost many blocks. That a run
    # ends with a block is looked up, not walked to: many rows may run over many blocks.
    end = ends[block] + size
    if offset or end > ends[-1] or ends[bisect_left(ends, end)] != end:
        return "neither ends in its block nor is a run of whole ones"
    return None
