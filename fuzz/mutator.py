"""Mutators that know the structure: what they change is sealed again, so that it is believed.

A flipped bit is refused by the first digest over it. So a bundle is taken apart into
blocks and manifests, one of them is changed, and lengths, digests, chain and footers
are derived anew, each with a small chance of a lie.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import zstandard
from google.protobuf.message import DecodeError

from fuzz.message import change
from fuzz.signing import signature
from fuzz.table import change_table, digests, make_rectangular
from precompile.v1 import bundle_pb2
from precompile.v1.artifact_pb2 import ArtifactTable
from precompile_conformance.build import NONE, PAYLOAD_TYPE, ZSTD
from precompile_conformance.wire import (
    BLOCK_TAG,
    DATA_TAG,
    FOOTER_SIZE,
    HEADER,
    MANIFEST_TAG,
    block_record,
    compress,
    footer,
    record,
    sha256,
    zstd_frame,
)

# Changes bytes without knowing what they are: libFuzzer's own, where it is there.
Raw = Callable[[bytes, int], bytes]
_TRUTH = 0.95


@dataclass
class Piece:
    """A segment taken apart; `manifest` is bytes where it does not parse."""

    manifest: bundle_pb2.Manifest | bytes
    blocks: list[bytes] = field(default_factory=list)
    envelope: bundle_pb2.Envelope = field(default_factory=bundle_pb2.Envelope)


def mutate_bundle(data: bytes, choose: random.Random, raw: Raw, most: int) -> bytes:
    """Another bundle, or something that was nearly one; at most `most` bytes."""
    pieces, tail = take_apart(data)
    if not pieces or choose.random() < 0.15:
        return raw(data, most)
    for _ in range(choose.choice([1, 1, 2, 4])):
        _change(pieces, choose, raw)
    result = put_together(pieces, choose) + tail
    if choose.random() < 0.15:
        cut = choose.randrange(len(result) + 1)
        result = choose.choice([result[:cut], result + result[:cut], result + raw(HEADER, 200)])
    return result[:most]


def splice(one: bytes, other: bytes, choose: random.Random, most: int) -> bytes:
    """Segments of two bundles in one, chained or not."""
    pieces = take_apart(one)[0] + take_apart(other)[0]
    if not pieces:
        return (one + other)[:most]
    picked = choose.sample(pieces, choose.randint(1, min(4, len(pieces))))
    return put_together(picked, choose)[:most]


def mutate_manifest(data: bytes, choose: random.Random, raw: Raw, most: int) -> bytes:
    """Another manifest's payload."""
    message = bundle_pb2.Manifest()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return raw(data, most)
    if choose.random() < 0.3:
        return raw(data, most)
    for _ in range(choose.choice([1, 1, 2, 5])):
        _change_manifest(message, choose)
    return message.SerializeToString()[:most]


def take_apart(data: bytes) -> tuple[list[Piece], bytes]:
    """The segments that `data` begins with, and what is behind them."""
    pieces, at = [], 0
    while data[at : at + len(HEADER)] == HEADER:
        blocks, position = [], at + len(HEADER)
        while (found := _record(data, position)) and found[0] == BLOCK_TAG:
            inner = _record(found[1], 0)
            if inner is None or inner[0] != DATA_TAG:
                break
            blocks.append(inner[1])
            position = found[2]
        if found is None or found[0] != MANIFEST_TAG:
            break
        envelope = bundle_pb2.Envelope()
        try:
            envelope.ParseFromString(found[1])
        except DecodeError:
            break
        pieces.append(Piece(_manifest(envelope.payload), blocks, envelope))
        at = found[2] + FOOTER_SIZE
    return pieces, data[at:]


def put_together(pieces: list[Piece], choose: random.Random) -> bytes:
    """The segments one behind another, sealed, with few lies."""
    data, previous = b"", b""
    for piece in pieces:
        payload = _payload(piece, previous, choose)
        previous = sha256(payload)
        body = HEADER + b"".join(map(block_record, piece.blocks))
        start = len(body)
        envelope = bundle_pb2.Envelope()
        envelope.CopyFrom(piece.envelope)
        envelope.payload = payload
        envelope.payload_type = PAYLOAD_TYPE
        envelope.payload_digest = previous
        if envelope.signatures and choose.random() < 0.8:
            del envelope.signatures[-1]
            envelope.signatures.append(signature(PAYLOAD_TYPE, payload))
        if choose.random() > _TRUTH:
            change(envelope, choose)
        body += record(MANIFEST_TAG, envelope.SerializeToString())
        numbers = [start, len(body) + FOOTER_SIZE]
        if choose.random() > _TRUTH:
            numbers[choose.randrange(2)] = choose.choice([0, 1, 23, start - 1, 2**63, 2**64 - 1])
        body += footer(*numbers)
        if choose.random() > _TRUTH:
            at = choose.randrange(len(body))
            body = body[:at] + choose.randbytes(1) + body[at + 1 :]
        data += body
    return data


def _change(pieces: list[Piece], choose: random.Random, raw: Raw) -> None:
    at = choose.randrange(len(pieces))
    piece = pieces[at]
    kind = choose.choice(["manifest"] * 5 + ["payload", "block", "block", "blocks", "segments"])
    if kind == "manifest" and isinstance(piece.manifest, bundle_pb2.Manifest):
        _change_manifest(piece.manifest, choose)
    elif kind == "payload":
        payload = piece.manifest
        if isinstance(payload, bundle_pb2.Manifest):
            payload = payload.SerializeToString()
        piece.manifest = _manifest(raw(payload, len(payload) + 100))
    elif kind == "block" and piece.blocks:
        index = choose.randrange(len(piece.blocks))
        piece.blocks[index] = _other_block(piece.blocks[index], choose, raw) or b"x"
    elif kind == "blocks":
        piece.blocks.insert(
            choose.randrange(len(piece.blocks) + 1), _other_block(b"a new block", choose, raw)
        )
        if isinstance(piece.manifest, bundle_pb2.Manifest) and choose.random() < _TRUTH:
            piece.manifest.blocks.add(size=1, compression=choose.choice([NONE, ZSTD]))
    elif kind == "segments":
        others = [Piece(_manifest(_bytes_of(p)), list(p.blocks), p.envelope) for p in pieces]
        pieces[at : at + choose.randrange(2)] = choose.sample(others, choose.randrange(1, 2))


def _change_manifest(message: bundle_pb2.Manifest, choose: random.Random) -> None:
    """Anything in it, and half of the time its table as what it is."""
    if choose.random() < 0.5:
        change_table(message.artifacts, choose)
    else:
        change(message, choose)


def _other_block(stored: bytes, choose: random.Random, raw: Raw) -> bytes:
    kind = choose.randrange(5)
    if kind == 0:
        return raw(stored, len(stored) + 50) or b"x"
    if kind == 1:
        return compress(stored)
    if kind == 2:
        return compress(bytes(choose.choice([1, 100, 10**5, 10**7])))
    sizes = choose.choices([1, 1000, 128 << 10, (1 << 21) - 1], k=choose.choice([1, 3, 100]))
    claimed = choose.choice([sum(sizes), 1, 2**20, 2**40, None])
    return zstd_frame(
        [("rle", size) for size in sizes],
        content_size=claimed,
        window_log=choose.choice([10, 17, 23, 24, 31]),
        dictionary=choose.choice([0, 0, 0, 1]),
    )


def _payload(piece: Piece, previous: bytes, choose: random.Random) -> bytes:
    """The manifest's bytes, with digests and sizes of blocks and contents that are true."""
    message = piece.manifest
    if isinstance(message, bytes):
        return message
    if message.previous_manifest_digest and choose.random() < _TRUTH:
        message.previous_manifest_digest = previous
    if choose.random() < _TRUTH:
        _seal(message, piece.blocks)
    return message.SerializeToString(deterministic=choose.random() < _TRUTH)


def _seal(message: bundle_pb2.Manifest, blocks: list[bytes]) -> None:
    contents: list[bytes] = []
    own = iter(blocks)
    for entry in message.blocks:
        stored = next(own, None) if entry.size else None
        if stored is not None:
            entry.digest = sha256(stored)
            entry.size = len(block_record(stored))
            content = _content(stored, entry.compression)
            entry.content_size = len(content)
            contents.append(content)
        else:
            contents.append(b"")
    _seal_table(message.artifacts, contents)


def _seal_table(table: ArtifactTable, contents: list[bytes]) -> None:
    """Digests of what lies at each place, as far as content is known there; no longer sizes."""
    make_rectangular(table)
    sealed = digests(table)
    for row, size in enumerate(table.content_size):
        block, offset = table.block[row], table.offset[row]
        content = b"".join(_pieces(contents[block:], offset, size))
        if content or not size:
            table.content_size[row] = len(content)
            sealed[row] = sha256(content)
    table.content_digest = b"".join(sealed)


def _pieces(contents: list[bytes], offset: int, size: int) -> Iterator[bytes]:
    """Of one block; or of the whole blocks of a run, up to the last one that it covers."""
    for number, content in enumerate(contents):
        if (number and len(content) > size) or not content or not size:
            return
        yield content[offset : offset + size]
        size -= min(size, len(content) - min(offset, len(content)))
        if offset:
            return


def _content(stored: bytes, compression: int) -> bytes:
    if compression != ZSTD:
        return stored
    try:
        size = zstandard.get_frame_parameters(stored).content_size
        return zstandard.ZstdDecompressor().decompress(stored) if size < 1 << 24 else b""
    except zstandard.ZstdError:
        return b""


def _manifest(payload: bytes) -> bundle_pb2.Manifest | bytes:
    try:
        return bundle_pb2.Manifest.FromString(payload)
    except DecodeError:
        return payload


def _bytes_of(piece: Piece) -> bytes:
    if isinstance(piece.manifest, bytes):
        return piece.manifest
    return piece.manifest.SerializeToString()


def _record(data: bytes, at: int) -> tuple[int, bytes, int] | None:
    """(tag, bytes, end) of the length-delimited record at `at`; None where there is none."""
    value = shift = 0
    for index in range(at + 1, min(at + 6, len(data))):
        value |= (data[index] & 0x7F) << shift
        shift += 7
        if data[index] < 0x80:
            end = index + 1 + value
            return (data[at], data[index + 1 : end], end) if end <= len(data) else None
    return None
