"""The dearest inputs that are known: nearly 1 MiB of whatever costs most a byte."""

from collections.abc import Iterator

from fuzz.mega_cache import number, sealed, text
from precompile_conformance.build import ZSTD, Artifact, Block, Segment, bundle
from precompile_conformance.wire import block_record, footer, record, zstd_frame

_SIZE = 1_040_000
# Begins an artifact that decoding takes for one: type, key, kind and a digest.
_ARTIFACT = b"\x0a\x01t\x12\x01k\x18\x01\x22\x20" + bytes(32)
_ENTRY = _ARTIFACT.replace(b"\x18\x01", b"\x18\x03")


def _filled(element: bytes) -> bytes:
    return element * (_SIZE // len(element))


_PAYLOADS = {
    "empty artifacts": _filled(b"\x32\x00"),
    "empty artifacts, as many as may be": _filled(b"\x32\x00\x78\x00"),
    "artifacts of one unknown field": _filled(b"\x32\x02\x70\x00"),
    "blocks of a size alone": _filled(b"\x2a\x02\x18\x01"),
    "removed without a type": _filled(b"\x3a\x02\x12\x00"),
    "removed": _filled(record(0x3A, b"\x0a\x01a\x12\x01b")),
    "requirements": _filled(record(0x22, b"\x0a\x01a\x10\x01")),
    "empty values": record(0x22, b"\x0a\x01a\x10\x01" + _filled(b"\x1a\x00")),
    "empty features": _filled(b"\x0a\x00"),
    "unknown fields": _filled(b"\x78\x00"),
    "groups": _filled(b"\x7b\x7c"),
    "extents": record(0x32, _ARTIFACT + _filled(b"\x32\x02\x18\x01")),
    "empty extents": record(0x32, _ARTIFACT + _filled(b"\x32\x00\x70\x00")),
    "attributes of a name": record(0x32, _ARTIFACT + _filled(b"\x42\x03\x0a\x01a")),
    "empty attributes": record(0x32, _ARTIFACT + _filled(b"\x42\x00\x70\x00")),
    "backends without a type": record(0x32, _ENTRY + _filled(b"\x3a\x02\x12\x00")),
    "one text": record(0x0A, b"\xc3\xa9" * (_SIZE // 2)),
}


def dearest() -> Iterator[tuple[str, str, bytes]]:
    """(name, target, input) of each."""
    for name, payload in _PAYLOADS.items():
        yield name, "reader", bundle(Segment(payload=payload)).data
    small = bundle(Segment()).data
    yield "least segments", "reader", small * (_SIZE // len(small))
    yield "least segments, appended to", "append", small * (_SIZE // len(small))
    yield "footers in a torn block", "append", small + _torn(footer(23, 60))
    yield "headers in a torn block", "append", small + _torn(small[:23])
    yield "least blocks", "framing", small[:23] + _filled(block_record(b"x"))
    many = tuple(Artifact(str(number), b"x", extents=[(0, 0, 1)]) for number in range(14_000))
    yield "least artifacts", "reader", bundle(Segment(many, blocks=(Block(b"x"),))).data
    yield "least artifacts, loaded", "context", bundle(Segment(many, blocks=(Block(b"x"),))).data
    yield "a bomb", "reader", _bomb(8 << 20)
    yield "a bomb over the limit", "reader", _bomb(1 << 40)
    word, none, many_pairs = text("abc"), number(0), number(_SIZE // 20)
    yield "groups of a mega-cache", "megacache", _mega_cache(_filled(word + none))
    yield "its artifacts", "megacache", _mega_cache(word + many_pairs + _filled(word + none))


def _torn(content: bytes) -> bytes:
    return bundle(Segment()).data[:23] + block_record(_filled(content))


def _bomb(content: int) -> bytes:
    """Zeros, four bytes of input for 128 KiB of them."""
    frame = zstd_frame([("rle", 128 << 10)] * min(content >> 17, 200_000), content_size=content)
    block = Block(b"", ZSTD, stored=frame, entry={"content_size": content})
    artifact = Artifact("k", extents=[(0, 0, content)])
    segment = Segment(
        artifacts=(artifact,),
        blocks=(block,),
        edit=lambda m: setattr(m.artifacts[0], "content_size", content),
    )
    return bundle(segment).data


def _mega_cache(groups: bytes) -> bytes:
    return sealed(number(1) + groups)
