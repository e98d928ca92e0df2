"""`python -m self_tests.testee MODE`: a testee over the suite's own reader, and ways to misbehave.

Modes: honest; liar (refuses what is sound, accepts what is not); hang, crash, crash_deep
(with a stack), garbage, endless, too_much, too_little, out_of_order and nothing (an answer
without content), each for every request but the first; mute, wrong_hello and old (made for
protocol 1) for the first one; vandal (changes its input); chatty (prints among its
answers); claims_all (and answers Unsupported); once (crashes on one request in two).
For the matrix: writer (writes and signs, soundly); and writers that leave out an artifact
(forgets), sign with another key (forges) or change a payload as they sign it (rewrites);
readers that overlook damage (lenient), give wrong digests (blurred), trust everybody
(trusting), or find no content (blind).
"""

import os
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from precompile.conformance.v1 import reading_pb2, testee_pb2, writing_pb2
from precompile_conformance import reader
from precompile_conformance.build import Artifact, Segment, bundle
from precompile_conformance.reader.read import open_all
from precompile_conformance.reader.trust import is_public_key, pre_authentication_encoding
from precompile_conformance.wire import FOOTER_SIZE, MANIFEST_TAG, footer, record, sha256

LENGTH = struct.Struct("<I")
WRITERS = ("writer", "forgets", "forges", "rewrites")
CAPABILITIES = (
    testee_pb2.CAPABILITY_ZSTD,
    testee_pb2.CAPABILITY_SIGNATURES,
    testee_pb2.CAPABILITY_RECOVERY,
    testee_pb2.CAPABILITY_LIMITS,
)


def main(mode: str) -> None:
    """Answer until standard input ends."""
    asked = 0
    while head := sys.stdin.buffer.read(LENGTH.size):
        request = testee_pb2.Request.FromString(sys.stdin.buffer.read(*LENGTH.unpack(head)))
        if request.HasField("hello"):
            if mode == "mute":
                time.sleep(600)
            send(
                testee_pb2.Response(id=request.id)
                if mode == "wrong_hello"
                else hello(request, mode)
            )
            continue
        asked += 1
        if mode == "once":
            sys.stderr.write("now answering\n")
            sys.stderr.flush()
        misbehave(mode, request, asked)
        send(answer(request, mode))


def misbehave(mode: str, request: testee_pb2.Request, asked: int) -> None:
    """What comes before, or instead of, an answer."""
    if mode == "hang":
        time.sleep(600)
    if mode == "crash" or (mode == "once" and asked == 2):
        sys.stderr.write("the bad testee dies now\n")
        sys.stderr.flush()
        os._exit(3)
    if mode == "crash_deep":
        traceback = (
            f"wrong at 0x{time.monotonic_ns():x}\n  in {request.read.path}\n  in the depths\n"
        )
        sys.stderr.write(traceback)
        sys.stderr.flush()
        os._exit(1)
    if mode == "endless":
        write(LENGTH.pack(2**32 - 1) + b"x")
    if mode == "garbage":
        write(LENGTH.pack(3) + b"\xff\xff\xff")
    if mode == "chatty":
        write(b"reading the input...\n")
    if mode == "too_little":
        write(LENGTH.pack(1000) + b"\x08\x01")
        os._exit(0)
    if mode == "too_much":
        # In one write, so that both are there when the first one is read.
        data = answer(request, mode).SerializeToString()
        write((LENGTH.pack(len(data)) + data) * 2)
        sys.exit()
    if mode == "vandal":
        Path(request.read.path).write_bytes(b"ha")


def write(data: bytes) -> None:
    """Put bytes on standard output."""
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def send(response: testee_pb2.Response) -> None:
    """Put a message on standard output."""
    data = response.SerializeToString()
    write(LENGTH.pack(len(data)) + data)


def hello(request: testee_pb2.Request, mode: str) -> testee_pb2.Response:
    """Who this is."""
    response = testee_pb2.Response(id=request.id)
    response.hello.name, response.hello.version = f"self-test {mode}", "1"
    response.hello.protocol = 1 if mode == "old" else 2
    response.hello.spec_versions.append("1.0")
    response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_READER)
    response.hello.capabilities.extend(CAPABILITIES)
    response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_VERIFIER)
    if mode in ("claims_all", *WRITERS):
        response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_WRITER)
    if mode in WRITERS:
        response.hello.capabilities.append(testee_pb2.CAPABILITY_SIGNING)
    return response


def answer(request: testee_pb2.Request, mode: str) -> testee_pb2.Response:
    """What the suite's own reader makes of it, or its opposite."""
    response = testee_pb2.Response(id=request.id + (mode == "out_of_order"))
    if mode == "nothing":
        return response
    kind = request.WhichOneof("request")
    if mode in WRITERS and kind in ("write", "append", "sign"):
        return put(request, response, mode)
    if kind not in ("read", "extract"):
        response.unsupported.detail = "only reading"
        return response
    try:
        if request.HasField("extract"):
            extract(request, response)
        else:
            data = Path(request.read.path).read_bytes()
            if mode == "trusting":
                request.read.ClearField("trust")
            if request.read.HasField("trust") and not can_be(request.read.trust):
                response.misuse.detail = (
                    "a trusted key is none, or the threshold can be met by nobody"
                )
                return response
            response.bundle.CopyFrom(reader.read(data, request.read))
    except reader.Refused as fault:
        response.rejection.CopyFrom(fault.message())
    if mode == "lenient" and response.HasField("rejection"):
        response.bundle.SetInParent()
    if mode == "blind" and response.HasField("extracted"):
        response.extracted.Clear()
    if mode == "blurred" and response.HasField("bundle"):
        for segment in response.bundle.segments:
            for artifact in segment.artifacts:
                artifact.content_digest = bytes(32)
    if mode == "liar":
        return lie(response)
    return response


def can_be(policy: reading_pb2.TrustPolicy) -> bool:
    """Whether a policy is one."""
    keys = set(policy.trusted_keys)
    return 1 <= policy.threshold <= len(keys) and all(map(is_public_key, keys))


def put(request: testee_pb2.Request, response: testee_pb2.Response, mode: str
        ) -> testee_pb2.Response:  # fmt: skip
    """Writes, appends, signs: one block for each content, and nothing clever."""
    if request.HasField("write"):
        segments = [described(one, mode) for one in request.write.segments]
        response.written.bundle = bundle(*segments).data
    elif request.HasField("append"):
        path = Path(request.append.path)
        data = path.read_bytes()
        before = open_all(data)[-1].frame
        made = bundle(described(request.append.segment, mode)).segments[0]
        chained = chained_to(made.data, before.payload_digest)
        path.write_bytes(data + chained)
        response.appended.SetInParent()
    else:
        path = Path(request.sign.path)
        path.write_bytes(b"".join(signed(path.read_bytes(), request.sign.seed, mode)))
        response.signed.SetInParent()
    return response


def described(segment: writing_pb2.SegmentDescription, mode: str) -> Segment:
    """As the builders of vectors know it: keys, contents and removals."""
    artifacts = [Artifact(one.key, one.content, one.type) for one in segment.artifacts]
    if mode == "forgets":
        artifacts = artifacts[:-1]
    return Segment(artifacts, removed=[(one.type, one.key) for one in segment.removed])


def chained_to(data: bytes, previous: bytes) -> bytes:
    """The one segment of a bundle, behind another."""
    (opened,) = open_all(data)
    opened.manifest.previous_manifest_digest = previous
    payload = opened.manifest.SerializeToString(deterministic=True)
    return with_envelope(data, opened.frame.manifest_offset, opened.frame.envelope, payload)


def with_envelope(body: bytes, at: int, envelope: Any, payload: bytes) -> bytes:
    """A segment with another payload in its envelope, which stands behind `at` bytes."""
    envelope.payload, envelope.payload_digest = payload, sha256(payload)
    manifest = record(MANIFEST_TAG, envelope.SerializeToString(deterministic=True))
    return body[:at] + manifest + footer(at, at + len(manifest) + FOOTER_SIZE)


def signed(data: bytes, seed: bytes, mode: str) -> Iterator[bytes]:
    """The segments, each with a signature more."""
    key = Ed25519PrivateKey.from_private_bytes(bytes(32) if mode == "forges" else seed)
    keyid = sha256(Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw())
    for opened in open_all(data):
        frame, envelope = opened.frame, opened.frame.envelope
        payload = envelope.payload
        if mode == "rewrites":
            opened.manifest.producer.name = "rewritten"
            payload = opened.manifest.SerializeToString(deterministic=True)
        message = pre_authentication_encoding(envelope.payload_type.encode(), payload)
        envelope.signatures.add(sig=key.sign(message), keyid=keyid.hex())
        body = data[frame.offset : frame.footer_offset]
        yield with_envelope(body, frame.manifest_offset - frame.offset, envelope, payload)


def extract(request: testee_pb2.Request, response: testee_pb2.Response) -> None:
    """One content."""
    asked = request.extract
    response.extracted.SetInParent()
    content = reader.extract(Path(asked.path).read_bytes(), asked.type, asked.key)
    if content is not None:
        response.extracted.found, response.extracted.content = True, content
        response.extracted.content_size = len(content)
        response.extracted.content_digest = sha256(content)


def lie(response: testee_pb2.Response) -> testee_pb2.Response:
    """The opposite."""
    lying = testee_pb2.Response(id=response.id)
    if response.HasField("rejection"):
        lying.bundle.SetInParent()
    else:
        lying.rejection.code = 101  # type: ignore[assignment]
    return lying


if __name__ == "__main__":
    main(sys.argv[1])
