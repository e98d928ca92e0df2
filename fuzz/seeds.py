"""The first inputs of each corpus: small, sound, and one of each thing that there is."""

from collections.abc import Iterator
from dataclasses import replace

from fuzz import mega_cache
from fuzz.signing import signature
from precompile.v1.bundle_pb2 import Envelope
from precompile_conformance.build import (
    PAYLOAD_TYPE,
    ZSTD,
    Artifact,
    Block,
    Segment,
    bundle,
    manifest,
)
from precompile_conformance.wire import HEADER, sha256

_CODE = b"backend backend backend"
_FIRST = Segment(
    artifacts=(
        Artifact("a", b"first content, compressed compressed compressed"),
        Artifact("b", _CODE, "test.code", 2, attributes={"flag": True, "note": "n"}),
        Artifact("empty"),
    ),
    compression=ZSTD,
    requirements=[("cpu.capability", 1, ["AVX2"]), ("cpu.flags", 2, ["a", "b"])],
)
_SECOND = Segment(
    artifacts=(
        Artifact("e", b"entry", "test.entry", 3, backends=[("test.code", "b", sha256(_CODE))]),
        Artifact("again", _CODE),
    ),
    blocks=(Block(b"entry"), Block(_CODE, ZSTD, external=True)),
    removed=[("test.blob", "a")],
)
_ENTRY = Segment(
    artifacts=(
        Artifact("b", _CODE, "test.code", 2),
        Artifact("e", b"entry", "test.entry", 3, backends=[("test.code", "b", sha256(_CODE))]),
    ),
)
_LARGE = Segment(
    artifacts=(
        Artifact("two blocks", b"x" * 500 + b"y" * 400, place=(0, 0)),
        Artifact("a part", b"y" * 300, place=(1, 100)),
    ),
    blocks=(Block(b"x" * 500, ZSTD), Block(b"y" * 400, ZSTD)),
    chained=False,
)
_RUN = Segment(
    artifacts=(
        Artifact("run", b"y" * 400 + b"own" + b"x" * 500, place=(0, 0)),
        Artifact("run again", b"x" * 1000, place=(2, 0)),
    ),
    blocks=(
        Block(b"y" * 400, ZSTD, external=True),
        Block(b"own"),
        Block(b"x" * 500, ZSTD, external=True),
        Block(b"x" * 500, ZSTD, external=True),
    ),
    removed=[("test.blob", "a part")],
)


def seeds() -> Iterator[tuple[str, bytes]]:
    """(corpus, input) of each."""
    for segments in (
        *((_FIRST,), (_FIRST, _SECOND), (_ENTRY,), (_LARGE,), (_LARGE, _RUN)),
        (_FIRST, _SECOND, _LARGE, _RUN),
    ):
        yield "bundle", bundle(*segments).data
    yield "bundle", _signed(_FIRST, _SECOND)
    yield "bundle", _signed(_FIRST) + bundle(_LARGE).data
    whole = bundle(_FIRST, _SECOND).data
    yield "bundle", whole + HEADER + b"torn"
    yield "bundle", whole[:-10]
    for segment in (_FIRST, _SECOND, _ENTRY, _LARGE, _RUN):
        blocks = segment.blocks or tuple(Block(a.content) for a in segment.artifacts if a.content)
        yield "manifest", manifest(segment, blocks).SerializeToString(deterministic=True)
    yield (
        "megacache",
        _mega_cache([("inductor", [("k", b"graph"), ("k", b"graph of other guards")])]),
    )
    yield (
        "megacache",
        _mega_cache([("pgo", [("p", b"1")]), ("autotune", []), ("pgo", [("p", b"2")])]),
    )


def _signed(*segments: Segment) -> bytes:
    payloads = [built.payload for built in bundle(*segments).segments]
    tails = [Envelope(signatures=[signature(PAYLOAD_TYPE, payload)]) for payload in payloads]
    signed = zip(segments, tails, strict=True)
    return bundle(*(replace(s, envelope_tail=t.SerializeToString()) for s, t in signed)).data


def _mega_cache(groups: list[tuple[str, list[tuple[str, bytes]]]]) -> bytes:
    body = mega_cache.number(1)
    for name, artifacts in groups:
        body += mega_cache.text(name) + mega_cache.number(len(artifacts))
        for key, content in artifacts:
            body += mega_cache.text(key) + mega_cache.sized(content)
    return mega_cache.sealed(body)
