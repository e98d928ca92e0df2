"""The bundles that the page's tests open, made by the reference into viewer/build/."""

import base64
import hashlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from precompile.v1 import bundle_pb2
from precompile_context import CacheArtifact, Environment, PrecompileContext, SigningKey
from precompile_context.bundle import Bundle
from precompile_context.cli.page import embedded
from precompile_context.trust import UNSIGNED, TrustPolicy

HOSTILE = '<img src=x onerror="globalThis.ran=1"></script><script>globalThis.ran=1</script>'


@dataclass(frozen=True)
class Kernel(CacheArtifact):
    """A content that nobody applies."""

    TYPE = "demo.kernel"

    def populate_cache(self) -> None:
        """Nothing is done with it."""


@dataclass(frozen=True)
class Graph(Kernel):
    """Another one."""

    TYPE = "demo.graph"


def main(folder: Path) -> None:
    """Make all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        path.unlink()
    key, other = SigningKey.generate(), SigningKey.generate()
    (folder / "key.pub").write_bytes(key.verifying_key.to_pem())
    (folder / "other.pub").write_bytes(other.verifying_key.to_pem())
    policy = TrustPolicy([key.verifying_key])
    context = PrecompileContext(
        environment=Environment.of(os__name="Toy", cpu__flags=["a", "b"]), policy=policy, signer=key
    )
    context.register(Kernel)
    context.register(Graph)
    for number in range(40):
        kind = "demo.kernel" if number % 3 else "demo.graph"
        context.record_artifact(kind, f"{kind}/{number}", os.urandom(500 * (number + 1)))
    context.record_artifact("demo.kernel", "same", b"the same" * 1000)
    context.save_to(folder / "sample.precompile")
    context.record_artifact("demo.graph", "same", b"the same" * 1000)
    context.record_artifact("demo.kernel", "demo.kernel/1", b"another one")
    context.save_to(folder / "sample.precompile")
    sample = Bundle.open((folder / "sample.precompile").read_bytes(), policy=UNSIGNED)
    (folder / "sample.html").write_text(embedded("sample.precompile", sample, full=False))

    many = PrecompileContext(policy=UNSIGNED)
    many.register(Kernel)
    for number in range(100_000):
        many.record_artifact("demo.kernel", f"key-{number:07}", b"%d" % number)
    many.save_to(folder / "many.precompile")
    hostile = PrecompileContext(policy=UNSIGNED)
    hostile.register(Kernel)
    hostile.record_artifact("demo.kernel", HOSTILE, b"<script>globalThis.ran=1</script>")
    hostile.save_to(folder / "hostile.precompile")
    (folder / "large.json").write_text(json.dumps(_large()))


def _large() -> dict[str, object]:
    """A bundle of more than 1 GiB whose blocks nobody reads: its index, and where that lies."""
    block, blocks = 64 << 20, 17
    header = b"\x0a\x15\x0a\x11precompile.bundle\x10\x01"
    data = _varint(block)
    record = 1 + len(_varint(1 + len(data) + block)) + 1 + len(data) + block
    manifest = bundle_pb2.Manifest()
    table = manifest.artifacts
    table.types.add(name="demo.kernel", kind=1)
    for number in range(blocks):
        digest = hashlib.sha256(b"%d" % number).digest()
        manifest.blocks.add(digest=digest, size=record, compression=1, content_size=block)
        table.type.append(0)
        table.key.append(f"kernel-{number}")
        table.content_digest += digest
        table.content_size.append(block)
        table.block.append(number)
        table.offset.append(0)
    payload = manifest.SerializeToString()
    envelope = bundle_pb2.Envelope(
        payload=payload,
        payload_type="application/vnd.precompile.manifest.v1+protobuf",
        payload_digest=hashlib.sha256(payload).digest(),
    ).SerializeToString()
    manifest_offset = len(header) + blocks * record
    tail = b"\x1a" + _varint(len(envelope)) + envelope
    size = manifest_offset + len(tail) + 20
    tail += (
        b"\x22\x12\x09"
        + manifest_offset.to_bytes(8, "little")
        + b"\x11"
        + size.to_bytes(8, "little")
    )
    parts = [(0, header), (manifest_offset, tail)]
    head = [(at, base64.b64encode(part).decode()) for at, part in parts]
    return {"head": head, "holes": blocks, "size": size}


def _varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
