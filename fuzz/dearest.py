"""The dearest inputs that are known: nearly 1 MiB of whatever costs most a byte."""

from collections.abc import Iterator

from fuzz.mega_cache import number, sealed, text
from precompile_conformance.build import ZSTD, Artifact, Block, Segment, bundle
from precompile_conformance.wire import block_record, footer, record, zstd_frame

_SIZE = 1_040_000


def _filled(element: bytes) -> bytes:
    return element * (_SIZE // len(element))


def _table(fields: bytes) -> bytes:
    return record(0x32, fields)


def _type(number: int) -> bytes:
    return record(0x0A, record(0x0A, b"t%06x" % number) + b"\x10\x01")


_PAYLOADS = {
    "empty tables": _filled(b"\x32\x00"),
    "empty keys": _table(_filled(b"\x1a\x00")),
    "keys, as many as may be": _table(_filled(record(0x1A, b"k" * 30))),
    "types of a kind": _table(_filled(b"\x0a\x02\x10\x01")),
    "types of a name": _table(b"".join(_type(number) for number in range(_SIZE // 13))),
    "details of an index": _table(_filled(b"\x42\x02\x08\x01")),
    "backends without a type": _table(record(0x42, _filled(b"\x12\x02\x12\x00"))),
    "attributes of a name": _table(record(0x42, _filled(b"\x1a\x03\x0a\x01a"))),
    "empty attributes": _table(record(0x42, _filled(b"\x1a\x00\x70\x00"))),
    "a column": _table(record(0x2A, bytes(_SIZE))),
    "a column of large numbers": _table(record(0x2A, _filled(b"\xff" * 9 + b"\x01"))),
    "a column unpacked": _table(_filled(b"\x28\x01")),
    "empty columns": _table(_filled(b"\x2a\x00")),
    "columns alone": _table(
        b"".join(record(tag, bytes(_SIZE // 4)) for tag in (0x12, 0x2A, 0x32, 0x3A))
    ),
    "blocks of a size alone": _filled(b"\x2a\x02\x18\x01"),
    "blocks of a digest alone": _filled(record(0x2A, record(0x0A, bytes(32)))),
    "removed without a type": _filled(b"\x3a\x02\x12\x00"),
    "removed": _filled(record(0x3A, b"\x0a\x01a\x12\x01b")),
    "requirements": _filled(record(0x22, b"\x0a\x01a\x10\x01")),
    "empty values": record(0x22, b"\x0a\x01a\x10\x01" + _filled(b"\x1a\x00")),
    "empty features": _filled(b"\x0a\x00"),
    "unknown fields": _filled(b"\x78\x00"),
    "groups": _filled(b"\x7b\x7c"),
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
    many = tuple(Artifact(f"{number:x}", b"x", place=(0, 0)) for number in range(24_000))
    least = bundle(Segment(many, blocks=(Block(b"x"),))).data
    yield "least artifacts", "reader", least
    yield "least artifacts, loaded", "context", least
    yield "least artifacts, verified", "verify", least
    yield "least signatures", "reader", _signatures(b"\x1a\x00")
    yield "signatures behind another's name", "trust", _signatures(b"\x1a\x03\x12\x01a")
    yield "a run over the least blocks", "verify", _runs([(0, 10_000)] * 6_000)
    yield "runs over the least blocks", "verify", _runs([(n, 2) for n in range(0, 12_000, 2)])
    yield (
        "places over one another",
        "verify",
        _runs([(0, 10_000), *[(n % 9_999, 1) for n in range(12_000)]]),
    )
    yield "a bomb", "reader", _bomb(8 << 20)
    yield "a bomb over the limit", "reader", _bomb(1 << 40)
    word, none, many_pairs = text("abc"), number(0), number(_SIZE // 20)
    yield "groups of a mega-cache", "megacache", _mega_cache(_filled(word + none))
    yield "its artifacts", "megacache", _mega_cache(word + many_pairs + _filled(word + none))


def _signatures(one: bytes) -> bytes:
    return bundle(Segment(envelope_tail=_filled(one))).data


def _runs(places: list[tuple[int, int]]) -> bytes:
    """An artifact for each first block and size, over blocks of a byte."""
    runs = [Artifact(f"{n:x}", b"x" * size, place=(at, 0)) for n, (at, size) in enumerate(places)]
    again = (Block(b"x", external=True),) * max(at + size for at, size in places)
    return bundle(Segment(blocks=(Block(b"x"),)), Segment(runs, again)).data


def _torn(content: bytes) -> bytes:
    return bundle(Segment()).data[:23] + block_record(_filled(content))


def _bomb(content: int) -> bytes:
    """Zeros, four bytes of input for 128 KiB of them."""
    frame = zstd_frame([("rle", 128 << 10)] * min(content >> 17, 200_000), content_size=content)
    block = Block(b"", ZSTD, stored=frame, entry={"content_size": content})
    segment = Segment(
        artifacts=(Artifact("k"),),
        blocks=(block,),
        edit=lambda m: m.artifacts.content_size.__setitem__(0, content),
    )
    return bundle(segment).data


def _mega_cache(groups: bytes) -> bytes:
    return sealed(number(1) + groups)
