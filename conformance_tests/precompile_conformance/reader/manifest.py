"""DECODE and VALIDATE: what a manifest says, by itself and beside its segment and its chain."""

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from google.protobuf.message import DecodeError

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.frame import MAX_RECORD, Frame
from precompile_conformance.wire import HEADER, block_record_size

Identity = tuple[bytes, int, int]  # digest, compression, content_size
CACHE, BACKEND = 1, 2


def decode(frames: list[Frame], limits: Limits) -> list[bundle_pb2.Manifest]:
    """The manifests, well formed."""
    manifests, items, content = [], 0, 0
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
        if fault := malformed(manifest):
            raise Refused("MALFORMED_MANIFEST", at, fault)
        content += sum(artifact.content_size for artifact in manifest.artifacts)
        if content > limits.total_content:
            raise Refused("LIMIT_EXCEEDED", at, "total content")
        manifests.append(manifest)
    return manifests


def _elements(manifest: bundle_pb2.Manifest) -> tuple[int, int]:
    """List elements in the manifest: values of requirements, and all others."""
    values = sum(len(r.values) for r in manifest.requirements)
    others = len(manifest.blocks) + len(manifest.removed) + len(manifest.requirements)
    for artifact in manifest.artifacts:
        others += 1 + len(artifact.extents) + len(artifact.backends) + len(artifact.attributes)
    return values, others


def count(manifest: bundle_pb2.Manifest) -> int:
    """What the limit `items` counts."""
    return sum(_elements(manifest))


def least_bytes(manifest: bundle_pb2.Manifest) -> int:
    """Bytes that a valid manifest with so many elements takes at least."""
    values, others = _elements(manifest)
    return 2 * values + 4 * others


def malformed(manifest: bundle_pb2.Manifest) -> str:
    """What can never be right, or nothing."""
    entries = [a for a in manifest.artifacts if a.kind not in (CACHE, BACKEND)]
    checks = {
        "previous_manifest_digest": len(manifest.previous_manifest_digest) in (0, 32),
        "match": all(r.match for r in manifest.requirements),
        "compression": all(b.compression for b in manifest.blocks),
        "block digest": all(len(b.digest) == 32 for b in manifest.blocks),
        "kind": all(a.kind for a in manifest.artifacts),
        "content digest": all(len(a.content_digest) == 32 for a in manifest.artifacts),
        "backend digest": all(
            len(b.content_digest) in (0, 32) for e in entries for b in e.backends
        ),
    }
    return next((name for name, holds in checks.items() if not holds), "")


class Chain:
    """The own blocks of the chain so far, by identity: (offset, record size)."""

    def __init__(self) -> None:
        self.blocks: dict[Identity, tuple[int, int]] = {}
        self.previous = b""


def validate(manifest: bundle_pb2.Manifest, frame: Frame, chain: Chain) -> list[tuple[int, int]]:
    """(offset, size) of each block's record; the chain is extended."""
    at = frame.manifest_offset
    for fault in names_at_fault(manifest):
        raise Refused("INVALID_NAME", at, fault)
    names = [(a.type, a.key) for a in manifest.artifacts]
    if len(set(names)) < len(names):
        raise Refused("DUPLICATE_ARTIFACT", at)
    if manifest.previous_manifest_digest not in (b"", chain.previous):
        raise Refused("BROKEN_CHAIN", at)
    if not manifest.previous_manifest_digest:
        chain.blocks = {}
    places = _place(manifest, frame, chain)
    for artifact in manifest.artifacts:
        if not extents_hold(artifact, manifest):
            raise Refused("BAD_REFERENCE", at, f"extents of {artifact.key!r}")
    chain.previous = frame.payload_digest
    return places


def is_name(text: str) -> bool:
    """Whether it may name a type, a fact or an attribute."""
    return re.fullmatch(r"[a-z][a-z0-9_.]{0,127}", text) is not None


def is_key(text: str) -> bool:
    """Whether it may be an artifact's key."""
    controls = any(unicodedata.category(letter) == "Cc" for letter in text)
    return 1 <= len(text.encode()) <= 1024 and not controls


def names_at_fault(manifest: bundle_pb2.Manifest) -> Iterable[str]:
    """Names and lists that break their rules."""
    for requirement in manifest.requirements:
        if not is_name(requirement.name) or not is_sorted(requirement.values):
            yield f"requirement {requirement.name!r}"
        if any(len(value.encode()) > 1024 for value in requirement.values):
            yield f"a value of requirement {requirement.name!r}"
    if not is_sorted(r.name for r in manifest.requirements):
        yield "requirements"
    for artifact in manifest.artifacts:
        backends = [] if artifact.kind in (CACHE, BACKEND) else artifact.backends
        names = [(artifact.type, artifact.key), *((b.type, b.key) for b in backends)]
        if not all(is_name(type_name) and is_key(key) for type_name, key in names):
            yield f"artifact {artifact.key!r}"
        if not all(is_name(a.name) for a in artifact.attributes):
            yield f"attributes of {artifact.key!r}"
        if not is_sorted(a.name for a in artifact.attributes):
            yield f"attributes of {artifact.key!r}"
    for removed in manifest.removed:
        if not is_name(removed.type) or not is_key(removed.key):
            yield "removed"


def is_sorted(texts: Iterable[str]) -> bool:
    """Whether they ascend by their bytes, none twice."""
    return all(one < other for one, other in pairwise(text.encode() for text in texts))


def _place(manifest: bundle_pb2.Manifest, frame: Frame, chain: Chain) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    own: dict[Identity, tuple[int, int]] = {}
    at = frame.offset + len(HEADER)
    for entry in manifest.blocks:
        identity = (entry.digest, int(entry.compression), entry.content_size)
        if not entry.content_size:
            raise Refused("BAD_REFERENCE", frame.manifest_offset, "a block without content")
        if not entry.size:
            if identity not in chain.blocks:
                raise Refused("BAD_REFERENCE", frame.manifest_offset, "an external block")
            places.append(chain.blocks[identity])
            continue
        if entry.size > MAX_RECORD or not block_record_size(entry.size):
            raise Refused("BAD_REFERENCE", frame.manifest_offset, "no record has this size")
        own[identity] = (at, entry.size)
        places.append(own[identity])
        at += entry.size
    if at != frame.manifest_offset:
        raise Refused("BAD_REFERENCE", frame.manifest_offset, "blocks do not lead to the manifest")
    chain.blocks |= own
    return places


def extents_hold(artifact: artifact_pb2.Artifact, manifest: bundle_pb2.Manifest) -> bool:
    """Whether the extents are the content: inside their blocks, whole where several, adding up."""
    for extent in artifact.extents:
        if extent.block >= len(manifest.blocks) or not extent.size:
            return False
        size = manifest.blocks[extent.block].content_size
        if extent.offset + extent.size > size:
            return False
        if len(artifact.extents) > 1 and extent.size != size:
            return False
    return sum(extent.size for extent in artifact.extents) == artifact.content_size
