"""DECODE and VALIDATE: what a manifest says, by itself and beside its segment and its chain."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import accumulate, pairwise

from google.protobuf.message import DecodeError

from precompile.v1 import bundle_pb2
from precompile_conformance.reader import table
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.frame import MAX_DATA, Frame
from precompile_conformance.reader.table import Row, rows
from precompile_conformance.wire import HEADER, block_record_size

Identity = tuple[bytes, int, int]  # digest, compression, content_size
# A block's content has at most so many bytes.
MAX_CONTENT = 1 << 26
# So many bytes of content, repeats included, may stand for each byte of a bundle.
MOST_CONTENT = 65_536


def decode(frames: list[Frame], limits: Limits) -> list[bundle_pb2.Manifest]:
    """The manifests, well formed."""
    manifests, items, content = [], 0, 0
    size = frames[-1].offset + frames[-1].size
    most = min(limits.total_content, MOST_CONTENT * size)
    for frame in frames:
        manifest, at = bundle_pb2.Manifest(), frame.manifest_offset
        try:
            manifest.ParseFromString(frame.envelope.payload)
        except DecodeError as error:
            raise Refused("MALFORMED_MANIFEST", at, str(error)) from None
        if len(frame.envelope.payload) < least_bytes(manifest):
            raise Refused("MALFORMED_MANIFEST", at, "more elements than bytes for them")
        if manifest.required_features:
            raise Refused("UNSUPPORTED_FEATURE", at, manifest.required_features[0])
        items += count(manifest)
        if items > limits.items:
            raise Refused("LIMIT_EXCEEDED", at, "items")
        for fault in malformed(manifest):
            raise Refused("MALFORMED_MANIFEST", at, fault)
        content += sum(manifest.artifacts.content_size)
        if content > most:
            raise Refused("LIMIT_EXCEEDED", at, "total content")
        manifests.append(manifest)
    return manifests


def _small_elements(manifest: bundle_pb2.Manifest) -> int:
    """Elements of the lists that may be short."""
    details = manifest.artifacts.details
    inside = sum(len(detail.backends) + len(detail.attributes) for detail in details)
    inside += len(details) + len(manifest.artifacts.types)
    return inside + len(manifest.requirements) + len(manifest.removed)


def _values(manifest: bundle_pb2.Manifest) -> int:
    return sum(len(requirement.values) for requirement in manifest.requirements)


def count(manifest: bundle_pb2.Manifest) -> int:
    """What the limit `items` counts."""
    large = len(manifest.artifacts.key) + len(manifest.blocks)
    return large + _small_elements(manifest) + _values(manifest)


def least_bytes(manifest: bundle_pb2.Manifest) -> int:
    """Bytes that a valid manifest with so many elements takes at least."""
    large = len(manifest.artifacts.key) + len(manifest.blocks)
    shortest = _values(manifest) + len(manifest.required_features)
    return 32 * large + 4 * _small_elements(manifest) + 2 * shortest


def malformed(manifest: bundle_pb2.Manifest) -> Iterator[str]:
    """What can never be right."""
    if len(manifest.previous_manifest_digest) not in (0, table.DIGEST_SIZE):
        yield "previous_manifest_digest"
    if not all(requirement.match for requirement in manifest.requirements):
        yield "a requirement without match"
    if not all(entry.compression for entry in manifest.blocks):
        yield "a block entry without compression"
    if any(len(entry.digest) != table.DIGEST_SIZE for entry in manifest.blocks):
        yield "a block's digest"
    yield from table.faults(manifest.artifacts)


class Chain:
    """The own blocks of the chain so far, by identity: (offset, record size)."""

    def __init__(self) -> None:
        self.blocks: dict[Identity, tuple[int, int]] = {}
        self.previous = b""


def validate(manifest: bundle_pb2.Manifest, frame: Frame, chain: Chain) -> list[tuple[int, int]]:
    """(offset, size) of each block's record; the chain is extended."""
    at = frame.manifest_offset
    artifacts = rows(manifest.artifacts)
    for fault in names_at_fault(manifest, artifacts):
        raise Refused("INVALID_NAME", at, fault)
    if len({row.name for row in artifacts}) < len(artifacts):
        raise Refused("DUPLICATE_ARTIFACT", at)
    if manifest.previous_manifest_digest not in (b"", chain.previous):
        raise Refused("BROKEN_CHAIN", at)
    if not manifest.previous_manifest_digest:
        chain.blocks = {}
    records = _records(manifest, frame, chain)
    ends = list(accumulate((entry.content_size for entry in manifest.blocks), initial=0))
    run_ends = set(ends)
    for row in artifacts:
        if not place_holds(row, ends, run_ends):
            raise Refused("BAD_REFERENCE", at, f"place of {row.key!r}")
    runs = {(ends[r.block], ends[r.block] + r.content_size) for r in artifacts if is_run(r, ends)}
    if any(start < end for (_, end), (start, _) in pairwise(sorted(runs))):
        raise Refused("BAD_REFERENCE", at, "runs over one another")
    chain.previous = frame.payload_digest
    return records


def is_name(text: str) -> bool:
    """Whether it may name a type, a fact or an attribute."""
    return re.fullmatch(r"[a-z][a-z0-9_.]{0,127}", text) is not None


def is_key(text: str) -> bool:
    """Whether it may be an artifact's key."""
    controls = any(unicodedata.category(letter) == "Cc" for letter in text)
    return 1 <= len(text.encode()) <= 1024 and not controls


def names_at_fault(manifest: bundle_pb2.Manifest, artifacts: Iterable[Row]) -> Iterable[str]:
    """Names and lists that break their rules."""
    for requirement in manifest.requirements:
        if not is_name(requirement.name) or not is_sorted(requirement.values):
            yield f"requirement {requirement.name!r}"
        if any(len(value.encode()) > 1024 for value in requirement.values):
            yield f"a value of requirement {requirement.name!r}"
    if not is_sorted(r.name for r in manifest.requirements):
        yield "requirements"
    for type_ in manifest.artifacts.types:
        if not is_name(type_.name):
            yield f"type {type_.name!r}"
    for row in artifacts:
        if not is_key(row.key) or not all(is_name(b.type) and is_key(b.key) for b in row.backends):
            yield f"artifact {row.key!r}"
        names = [attribute.name for attribute in row.attributes]
        if not all(map(is_name, names)) or not is_sorted(names):
            yield f"attributes of {row.key!r}"
    for removed in manifest.removed:
        if not is_name(removed.type) or not is_key(removed.key):
            yield "removed"


def is_sorted(texts: Iterable[str]) -> bool:
    """Whether they ascend by their bytes, none twice."""
    return all(one < other for one, other in pairwise(text.encode() for text in texts))


def _records(manifest: bundle_pb2.Manifest, frame: Frame, chain: Chain) -> list[tuple[int, int]]:
    records: list[tuple[int, int]] = []
    own: dict[Identity, tuple[int, int]] = {}
    at = frame.offset + len(HEADER)
    for entry in manifest.blocks:
        identity = (entry.digest, int(entry.compression), entry.content_size)
        if not 1 <= entry.content_size <= MAX_CONTENT:
            raise Refused("BAD_REFERENCE", frame.manifest_offset, "content_size of a block")
        if not entry.size:
            if identity not in chain.blocks:
                raise Refused("BAD_REFERENCE", frame.manifest_offset, "an external block")
            records.append(chain.blocks[identity])
            continue
        if not 1 <= block_record_size(entry.size) <= MAX_DATA:
            raise Refused("BAD_REFERENCE", frame.manifest_offset, "no record has this size")
        own[identity] = (at, entry.size)
        records.append(own[identity])
        at += entry.size
    if at != frame.manifest_offset:
        raise Refused("BAD_REFERENCE", frame.manifest_offset, "blocks do not lead to the manifest")
    chain.blocks |= own
    return records


def is_run(row: Row, ends: list[int]) -> bool:
    """Whether content at a place that holds takes several blocks."""
    return (
        row.content_size > 0
        and ends[row.block] + row.offset + row.content_size > ends[row.block + 1]
    )


def place_holds(row: Row, ends: list[int], run_ends: set[int]) -> bool:
    """Whether the content lies in its block, or is a run of whole ones.

    `ends` are the running sums of the blocks' contents, from 0 on: block i's content is what
    lies between ends[i] and ends[i + 1].
    """
    if not row.content_size:
        return row.block == row.offset == 0
    if row.block >= len(ends) - 1:
        return False
    start, end = ends[row.block] + row.offset, ends[row.block + 1]
    if start >= end:
        return False
    last = start + row.content_size
    return last <= end or (row.offset == 0 and last in run_ends)


def runs_overlap(artifacts: Iterable[Row], ends: list[int]) -> bool:
    """Whether two runs of several blocks, which all hold, have some blocks in common, not all."""
    runs = set()
    for row in artifacts:
        if (
            row.content_size
            and ends[row.block] + row.offset + row.content_size > ends[row.block + 1]
        ):
            runs.add((ends[row.block], ends[row.block] + row.content_size))
    return any(end > start for (_, end), (start, _) in pairwise(sorted(runs)))
