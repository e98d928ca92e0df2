"""The testee over `reader`: class Reader, protobuf by hand as there."""

import hashlib
import mmap
import struct
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

if __package__:
    from testees.stdlib import reader
else:  # run as a folder: `python conformance_tests/testees/stdlib`
    import reader  # type: ignore[import-not-found, no-redef]

PROTOCOL, READER = 2, 1
ZSTD, RECOVERY, LIMITS = 1, 3, 4
INLINE = 1 << 20  # content up to this length is sent back whole
# proto/precompile/conformance/v1, as far as this class is asked.
reader.add_messages(
    {
        "HelloRequest": "protocol:uint32",
        "Fact": "name:string values:string*",
        "Host": "facts:Fact*",
        "ReadLimits": "manifest_bytes:uint64 items:uint64 segments:uint64 reserved:uint64 "
        "total_content:uint64 total_decompressed:uint64 signatures:uint64",
        "ReadRequest": "path:string recover:bool trust:bytes host:Host limits:ReadLimits",
        "ExtractRequest": "path:string type:string key:string",
        "Request": "id:uint64 hello:HelloRequest read:ReadRequest extract:ExtractRequest",
    }
)
CODES = {
    "NOT_A_BUNDLE": 101,
    "UNSUPPORTED_VERSION": 102,
    "TRUNCATED": 103,
    "MALFORMED_FRAME": 104,
    "LIMIT_EXCEEDED": 105,
    "MALFORMED_MANIFEST": 301,
    "UNSUPPORTED_FEATURE": 302,
    "INVALID_NAME": 401,
    "DUPLICATE_ARTIFACT": 402,
    "BAD_REFERENCE": 403,
    "BROKEN_CHAIN": 404,
    "INCOMPATIBLE_ENVIRONMENT": 501,
    "MALFORMED_BLOCK": 601,
    "DIGEST_MISMATCH": 602,
    "DECOMPRESSION_FAILED": 603,
    "SIZE_MISMATCH": 604,
}


def number(field: int, value: int) -> bytes:
    """Gives a field that is a varint; nothing for its default."""
    return reader.encoded(field << 3) + reader.encoded(value) if value else b""


def delimited(field: int, value: bytes | str) -> bytes:
    """Gives a field that is bytes, text or a message, empty ones too."""
    data = value.encode() if isinstance(value, str) else value
    return reader.encoded(field << 3 | 2) + reader.encoded(len(data)) + data


def repeated(field: int, values: Iterable[bytes | str]) -> bytes:
    """Gives a repeated field."""
    return b"".join(delimited(field, value) for value in values)


def rejection(fault: reader.Refused) -> bytes:
    """Gives a Rejection."""
    offset = b"" if fault.offset is None else b"\x10" + reader.encoded(fault.offset)
    return number(1, CODES[fault.code]) + offset + delimited(3, fault.detail)


def artifact_id(each: Any, digest: bytes) -> bytes:
    """Gives an ArtifactId."""
    return delimited(1, each.type) + delimited(2, each.key) + delimited(3, digest)


def attribute(each: Any) -> bytes:
    """Gives an Attribute with the type of value that it has, or none."""
    value, name = each.value, delimited(1, each.name)
    if isinstance(value, bool):
        return name + b"\x30" + reader.encoded(value)
    if isinstance(value, int):
        return name + b"\x20" + reader.encoded(value << 1 if value >= 0 else ~(value << 1))
    if isinstance(value, float):
        return name + b"\x29" + struct.pack("<d", value)
    if value is None:
        return name
    return name + delimited(2 if isinstance(value, bytes) else 3, value)


def artifact_dump(bundle: reader.Bundle, artifact: reader.Artifact) -> bytes:
    """Gives an ArtifactDump; its content is read."""
    fault = b""
    try:
        reader.check_content(bundle, artifact)
    except reader.Refused as refused:
        fault = delimited(8, rejection(refused))
    dump = delimited(1, artifact.type) + delimited(2, artifact.key) + number(3, artifact.kind)
    dump += delimited(4, artifact.content_digest) + number(5, artifact.content_size)
    dump += repeated(6, [artifact_id(each, each.content_digest) for each in artifact.backends])
    return dump + repeated(7, map(attribute, artifact.attributes)) + fault


def segment_dump(bundle: reader.Bundle, segment: reader.Segment, matches: bool) -> bytes:
    """Gives a SegmentDump."""
    manifest = segment.manifest
    dump = number(1, segment.start) + number(2, segment.end - segment.start)
    dump += delimited(3, segment.digest) + number(4, not manifest.previous_manifest_digest)
    dump += number(5, matches)
    producer = manifest.producer
    name, version = (producer.name, producer.version) if producer else ("", "")
    dump += delimited(6, delimited(1, name) + delimited(2, version))
    for each in manifest.requirements:
        values = repeated(3, each.values)
        dump += delimited(7, delimited(1, each.name) + number(2, each.match) + values)
    dump += repeated(8, [artifact_id(each, b"") for each in manifest.removed])
    return dump + repeated(9, (artifact_dump(bundle, each) for each in segment.artifacts()))


def data_of(path: str) -> reader.Data:
    """Gives the bytes of a file; mapped, for it may be larger than memory."""
    if Path(path).stat().st_size == 0:
        return b""
    with open(path, "rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def limits_of(asked: Any) -> reader.Limits:
    """Gives the default limits, and those that were asked for."""
    return replace(reader.DEFAULTS, **{k: v for k, v in vars(asked).items() if v} if asked else {})


def read(request: Any) -> bytes:
    """Gives a BundleDump."""
    limits = limits_of(request.limits)
    bundle = reader.open_bundle(data_of(request.path), limits, request.recover)
    matching = bundle.segments
    if request.host is not None:
        facts = {fact.name: fact.values for fact in request.host.facts}
        matching = reader.matching(bundle, facts)
    digest = hashlib.sha256(b"".join(segment.digest for segment in bundle.segments)).digest()
    dump = delimited(1, digest) + number(2, bundle.segments[-1].end) + number(3, bundle.ignored)
    dump += repeated(4, [segment_dump(bundle, each, each in matching) for each in bundle.segments])
    current = [reader.Artifact(*found) for found in reader.current(matching).values()]
    dump += repeated(5, [artifact_id(each, each.content_digest) for each in current])
    try:  # what reading each artifact spent of the limits does not count here
        bundle.decompressed, bundle.held = 0, (0, b"")
        reader.verify(bundle)
    except reader.Refused as refused:
        dump += delimited(6, rejection(refused))
    return dump


def extract(request: Any) -> bytes:
    """Gives an Extracted."""
    bundle = reader.open_bundle(data_of(request.path))
    found = reader.current(bundle.segments).get((request.type, request.key))
    if found is None:
        return b""
    artifact, content = reader.Artifact(*found), b""
    if artifact.content_size <= INLINE:
        content = reader.read(bundle, artifact)
    else:
        reader.check_content(bundle, artifact)
    inline = delimited(2, content) + number(3, artifact.content_size)
    return number(1, True) + inline + delimited(4, artifact.content_digest)


def hello() -> bytes:
    """Gives a HelloResponse."""
    capabilities = [RECOVERY, LIMITS] + ([ZSTD] if reader.LIBZSTD else [])
    names = delimited(1, "precompile-stdlib") + delimited(2, "1") + delimited(3, "1.0")
    claims = delimited(4, bytes([READER])) + delimited(5, bytes(capabilities))
    return names + claims + number(6, PROTOCOL)


def answer(request: Any) -> bytes:
    """Gives the member of a Response."""
    try:
        if request.hello is not None:
            return delimited(2, hello())
        if request.read is not None:
            return delimited(3, read(request.read))
        if request.extract is not None:
            return delimited(5, extract(request.extract))
    except reader.Refused as refused:
        return delimited(4, rejection(refused))
    return delimited(9, delimited(1, "only the class Reader is here"))


def serve() -> None:
    """Answers on standard output what standard input asks, until it ends."""
    while len(head := sys.stdin.buffer.read(4)) == 4:
        request = reader.decode(sys.stdin.buffer.read(*struct.unpack("<I", head)), "Request")
        response = number(1, request.id) + answer(request)
        sys.stdout.buffer.write(struct.pack("<I", len(response)) + response)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    serve()
