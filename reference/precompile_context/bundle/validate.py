"""The VALIDATE stage: what a manifest says agrees with itself, its segment and its chain."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from precompile_context.artifact import ArtifactId, key_fault, name_fault
from precompile_context.bundle import framing
from precompile_context.bundle.manifest import BlockEntry, Manifest, StoredArtifact
from precompile_context.bundle.walk import SegmentFrame
from precompile_context.environment import MAX_VALUE_BYTES
from precompile_context.errors import ErrorCode, PrecompileError


@dataclass(frozen=True, slots=True)
class BlockPlace:
    """Where a block's record lies, in bytes from the bundle's start."""

    offset: int
    size: int


ChainBlocks = dict[tuple[bytes, int, int], BlockPlace]


class _InvalidError(Exception):
    def __init__(self, code: ErrorCode, detail: str) -> None:
        self.code, self.detail = code, detail


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
    try:
        _check_names(manifest)
        _check_unique(manifest)
        # [PCB-CHAIN-002]
        # A chain that points elsewhere would let blocks and removals of one bundle act on another.
        if manifest.previous_manifest_digest not in (b"", previous_digest):
            detail = "previous_manifest_digest is not that of the segment before"
            raise _InvalidError(ErrorCode.BROKEN_CHAIN, detail)
        # [PCB-CHAIN-003]
        if not manifest.previous_manifest_digest:
            chain.clear()
        places = _place_blocks(manifest, frame, chain)
        for artifact in manifest.artifacts:
            _check_extents(artifact, manifest.blocks)
    except _InvalidError as invalid:
        raise PrecompileError(invalid.code, invalid.detail, frame.manifest_offset) from None
    return places


def _check_names(manifest: Manifest) -> None:
    for requirement in manifest.requirements:
        _check_name(name_fault(requirement.name), requirement.name)
        # [PCB-REQ-004]
        _check_sorted(requirement.values, f"values of requirement {requirement.name!r}")
        if any(len(value.encode()) > MAX_VALUE_BYTES for value in requirement.values):
            detail = f"requirement {requirement.name!r} has a value over {MAX_VALUE_BYTES} bytes"
            raise _InvalidError(ErrorCode.INVALID_NAME, detail)
    # [PCB-REQ-002]
    _check_sorted((r.name for r in manifest.requirements), "requirements")
    # [PCB-NAME-001] [PCB-NAME-002] [PCB-NAME-006]
    for type_name in {artifact.type for artifact in manifest.artifacts}:
        _check_name(name_fault(type_name), type_name)
    for artifact in manifest.artifacts:
        if fault := key_fault(artifact.key):
            _check_name(fault, artifact.key)
        for backend in artifact.backends:
            _check_id(backend)
        if artifact.fields:
            _check_attributes(artifact)
    for removed in manifest.removed:
        _check_id(removed)


def _check_attributes(artifact: StoredArtifact) -> None:
    for name, _ in artifact.fields:
        _check_name(name_fault(name), name)
    # [PCB-ART-005]
    _check_sorted((name for name, _ in artifact.fields), f"attributes of {artifact.key!r}")


def _check_id(named: ArtifactId) -> None:
    _check_name(name_fault(named.type), named.type)
    _check_name(key_fault(named.key), named.key)


def _check_name(fault: str | None, name: str) -> None:
    if fault:
        raise _InvalidError(ErrorCode.INVALID_NAME, f"{name[:80]!r}: {fault}")


def _check_sorted(names: Iterable[str], what: str) -> None:
    encoded = [name.encode() for name in names]
    if any(a >= b for a, b in itertools.pairwise(encoded)):
        raise _InvalidError(ErrorCode.INVALID_NAME, f"{what} are not sorted and distinct")


def _check_unique(manifest: Manifest) -> None:
    seen = set()
    for artifact in manifest.artifacts:
        name = (artifact.type, artifact.key)
        # [PCB-NAME-003]
        if name in seen:
            detail = f"{artifact.type} {artifact.key!r} stands twice in the manifest"
            raise _InvalidError(ErrorCode.DUPLICATE_ARTIFACT, detail)
        seen.add(name)


def _place_blocks(
    manifest: Manifest, frame: SegmentFrame, chain: ChainBlocks
) -> tuple[BlockPlace, ...]:
    places = []
    own: ChainBlocks = {}
    at = frame.offset + framing.HEADER_SIZE
    for index, entry in enumerate(manifest.blocks):
        identity = (entry.digest, entry.compression, entry.content_size)
        # [PCB-BLOCK-005]
        if entry.content_size == 0:
            raise _InvalidError(ErrorCode.BAD_REFERENCE, f"block {index} has no content")
        if entry.size == 0:
            # [PCB-BLOCK-006]
            place = chain.get(identity)
            if place is None:
                detail = f"external block {index} is in no earlier segment of the chain"
                raise _InvalidError(ErrorCode.BAD_REFERENCE, detail)
        elif framing.block_data_size(entry.size) is None or entry.size > framing.MAX_BLOCK_RECORD:
            # [PCB-BLOCK-003]
            detail = f"no Block record has the size {entry.size} of block {index}"
            raise _InvalidError(ErrorCode.BAD_REFERENCE, detail)
        else:
            place = own[identity] = BlockPlace(at, entry.size)
            at += entry.size
        places.append(place)
    # [PCB-BLOCK-004]
    if at != frame.manifest_offset:
        detail = f"the blocks' sizes lead to byte {at}, the manifest begins at another"
        raise _InvalidError(ErrorCode.BAD_REFERENCE, detail)
    chain.update(own)
    return tuple(places)


def _check_extents(artifact: StoredArtifact, blocks: tuple[BlockEntry, ...]) -> None:
    total = 0
    for block, offset, size in artifact.extents:
        # [PCB-EXTENT-001]
        if block >= len(blocks):
            raise _bad_extent(artifact, "points at a block that is not there")
        content_size = blocks[block].content_size
        # [PCB-EXTENT-002]
        if size == 0 or offset + size > content_size:
            raise _bad_extent(artifact, "is empty or reaches past its block")
        # [PCB-EXTENT-003]
        # Several extents in parts of blocks would make reading one artifact cost many blocks.
        if size != content_size and len(artifact.extents) > 1:
            raise _bad_extent(artifact, "is one of several and does not cover its block")
        total += size
    # [PCB-EXTENT-004]
    if total != artifact.content_size:
        raise _bad_extent(artifact, f"and its like add up to {total}, not to the content's size")


def _bad_extent(artifact: StoredArtifact, what: str) -> _InvalidError:
    return _InvalidError(
        ErrorCode.BAD_REFERENCE, f"an extent of {artifact.type} {artifact.key!r} {what}"
    )
