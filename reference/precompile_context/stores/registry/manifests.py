"""Manifests of a registry, as bytes and as values: which layers make up which piece."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from precompile_context.bundle import Bundle
from precompile_context.environment import Requirement
from precompile_context.errors import PrecompileError
from precompile_context.stores.store import StoreError
from precompile_context.trust import UNSIGNED

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
# An image's is told from a bundle's, so both kinds are asked for.
ACCEPTED = ", ".join(
    (
        MANIFEST,
        INDEX,
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    )
)
# [STORE-011]
BUNDLE = "application/vnd.precompile.bundle"
SEGMENT = "application/vnd.precompile.segment"
EMPTY = b"{}"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
PIECE = "vnd.precompile.piece"
REQUIREMENTS = "vnd.precompile.requirements"
_TITLE = "org.opencontainers.image.title"
_REF = "org.opencontainers.image.ref.name"
# Registries take 4 MiB; what facts say is also in each piece's own manifest.
_MOST_WITH_FACTS = 3 << 20
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PIECE = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Layer:
    """A blob that is one segment.

    Attributes:
        digest: `sha256:` and hex digits.
        size: bytes.
        requirements: the facts that its segment needs of a host, as JSON; empty for none.
    """

    digest: str
    size: int
    requirements: str = field(default="", compare=False)


Pieces = Mapping[str, tuple[Layer, ...]]


@dataclass(frozen=True)
class Manifest:
    """A manifest that is a bundle's.

    Attributes:
        pieces: layers by the piece's name; of layers that name no piece, by the manifest's digest.
        subject: the descriptor of what it is attached to.
    """

    pieces: Pieces
    subject: Mapping[str, Any] | None


class NoBundleError(StoreError):
    """The manifest is of something else, an image, say.

    Attributes:
        descriptor: the manifest's.
    """

    def __init__(self, text: str, descriptor: Mapping[str, Any]) -> None:
        super().__init__(text)
        self.descriptor = descriptor


def digest_of(data: bytes | memoryview) -> str:
    """As registries write it."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def segments(data: bytes) -> list[tuple[Layer, memoryview]]:
    """The layers of a piece with their bytes; one, where it is no bundle."""
    view = memoryview(data)
    try:
        found = Bundle.open(data, policy=UNSIGNED).segments
    except PrecompileError:
        return [(Layer(digest_of(view), len(view)), view)]
    parts = []
    for segment in found:
        part = view[segment.offset : segment.offset + segment.size]
        facts = _facts(segment.manifest.requirements)
        parts.append((Layer(digest_of(part), len(part), facts), part))
    return parts


def _facts(requirements: Sequence[Requirement]) -> str:
    facts = [
        {"name": one.name, "match": int(one.match), "values": list(one.values)}
        for one in requirements
    ]
    return json.dumps(facts, separators=(",", ":")) if facts else ""


def encode(pieces: Pieces, tag: str, subject: Mapping[str, Any] | None = None) -> bytes:
    """A manifest whose layers, one behind another, are these pieces in the order of the norm."""
    for with_facts in (True, False):
        layers: list[dict[str, Any]] = []
        for name in sorted(pieces):
            for layer in pieces[name]:
                notes = {_TITLE: f"{len(layers):06d}.segment"}
                if _PIECE.fullmatch(name):
                    notes[PIECE] = name
                if layer.requirements and with_facts:
                    notes[REQUIREMENTS] = layer.requirements
                layers.append({**descriptor(SEGMENT, layer), "annotations": notes})
        found: dict[str, Any] = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": BUNDLE,
            "config": descriptor(EMPTY_TYPE, Layer(digest_of(EMPTY), len(EMPTY))),
            "layers": layers,
            "annotations": {_REF: tag},
        }
        if subject is not None:
            found["subject"] = dict(subject)
        data = json.dumps(found, separators=(",", ":"), sort_keys=True).encode()
        if len(data) <= _MOST_WITH_FACTS:
            break
    return data


def descriptor(media_type: str, layer: Layer) -> dict[str, Any]:
    """How a manifest names a blob or another manifest."""
    return {"mediaType": media_type, "digest": layer.digest, "size": layer.size}


def decode(data: bytes, what: str) -> Manifest:
    """What a manifest says.

    Raises:
        StoreError: it is malformed; NoBundleError where it is of something else.
    """
    found = parse(data, what)
    config = found.get("config")
    kinds = found.get("artifactType"), config.get("mediaType") if isinstance(config, dict) else None
    if BUNDLE not in kinds:
        itself = descriptor(
            str(found.get("mediaType", MANIFEST)), Layer(digest_of(data), len(data))
        )
        raise NoBundleError(f"{what} is no bundle: it is an image, or of another kind", itself)
    pieces: dict[str, tuple[Layer, ...]] = {}
    layers = found.get("layers")
    for one in layers if isinstance(layers, list) else []:
        layer, notes = layer_of(one, what)
        name = notes.get(PIECE, digest_of(data))
        if PIECE in notes and not (isinstance(name, str) and _PIECE.fullmatch(name)):
            raise StoreError(f"{what} is malformed: a layer's piece is no digest")
        pieces[name] = (*pieces.get(name, ()), layer)
    subject = found.get("subject")
    return Manifest(pieces, subject if isinstance(subject, dict) else None)


def parse(data: bytes, what: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        StoreError: it is none.
    """
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise StoreError(f"{what} is malformed: it is no JSON object")
    return found


def layer_of(one: object, what: str) -> tuple[Layer, Mapping[str, Any]]:
    """A descriptor and its annotations.

    Raises:
        StoreError: it is malformed.
    """
    if isinstance(one, dict):
        digest, size, notes = one.get("digest"), one.get("size"), one.get("annotations", {})
        is_named = isinstance(digest, str) and _DIGEST.fullmatch(digest) is not None
        if is_named and isinstance(size, int) and 0 <= size < 1 << 63:
            notes = notes if isinstance(notes, dict) else {}
            facts = notes.get(REQUIREMENTS, "")
            return Layer(str(digest), int(size), facts if isinstance(facts, str) else ""), notes
    raise StoreError(f"{what} is malformed: a descriptor without a SHA-256 digest and a size")
