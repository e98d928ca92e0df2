"""`python -m self_tests.testee MODE`: a testee over the suite's own reader, and ways to misbehave.

Modes: honest; liar (refuses what is sound, accepts what is not); hang, crash, garbage,
endless, too_much, too_little, out_of_order and nothing (an answer without content), each
for every request but the first; mute and wrong_hello for the first one; vandal (changes
its input); chatty (prints among its answers); claims_all (and answers Unsupported);
once (crashes on one request in two).
"""

import os
import struct
import sys
import time
from pathlib import Path

from precompile.conformance.v1 import testee_pb2
from precompile_conformance import reader
from precompile_conformance.wire import sha256

LENGTH = struct.Struct("<I")
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
    response.hello.spec_versions.append("1.0")
    response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_READER)
    response.hello.capabilities.extend(CAPABILITIES)
    response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_VERIFIER)
    if mode == "claims_all":
        response.hello.classes.append(testee_pb2.CONFORMANCE_CLASS_WRITER)
    return response


def answer(request: testee_pb2.Request, mode: str) -> testee_pb2.Response:
    """What the suite's own reader makes of it, or its opposite."""
    response = testee_pb2.Response(id=request.id + (mode == "out_of_order"))
    if mode == "nothing":
        return response
    if request.WhichOneof("request") not in ("read", "extract"):
        response.unsupported.detail = "only reading"
        return response
    try:
        if request.HasField("extract"):
            extract(request, response)
        else:
            data = Path(request.read.path).read_bytes()
            response.bundle.CopyFrom(reader.read(data, request.read))
    except reader.Refused as fault:
        response.rejection.CopyFrom(fault.message())
    if mode == "liar":
        return lie(response)
    return response


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
