"""The conversation: one request, one response."""

import struct
import sys
from collections.abc import Callable
from typing import BinaryIO

from precompile.conformance.v1 import testee_pb2, writing_pb2
from precompile_context import MisuseError, PrecompileError, __version__
from testees.reference import reading, script, writing
from testees.reference.dump import rejection

PROTOCOL = 2
CLASSES = (
    testee_pb2.CONFORMANCE_CLASS_READER,
    testee_pb2.CONFORMANCE_CLASS_WRITER,
    testee_pb2.CONFORMANCE_CLASS_CONTEXT,
    testee_pb2.CONFORMANCE_CLASS_VERIFIER,
)
CAPABILITIES = (
    testee_pb2.CAPABILITY_ZSTD,
    testee_pb2.CAPABILITY_SIGNATURES,
    testee_pb2.CAPABILITY_RECOVERY,
    testee_pb2.CAPABILITY_LIMITS,
    testee_pb2.CAPABILITY_SIGNING,
)


def serve() -> None:
    """Answer on standard output what standard input asks, until it ends."""
    requests, responses = sys.stdin.buffer, sys.stdout.buffer
    # What a library prints must not stand among the responses.
    sys.stdout = sys.stderr
    while (message := _receive(requests)) is not None:
        data = answer(testee_pb2.Request.FromString(message)).SerializeToString()
        responses.write(struct.pack("<I", len(data)) + data)
        responses.flush()


def _receive(stream: BinaryIO) -> bytes | None:
    head = stream.read(4)
    if len(head) < 4:
        return None
    return stream.read(struct.unpack("<I", head)[0])


def answer(request: testee_pb2.Request) -> testee_pb2.Response:
    """The response to one request."""
    response = testee_pb2.Response(id=request.id)
    kind = request.WhichOneof("request")
    handlers: dict[str, Callable[[], object]] = {
        "hello": lambda: _hello(response.hello),
        "read": lambda: reading.read(request.read, response.bundle),
        "extract": lambda: reading.extract(request.extract, response.extracted),
        "write": lambda: writing.write(request.write, response.written),
        "append": lambda: writing.append(request.append, response.appended),
        "sign": lambda: writing.sign(request.sign, response.signed),
        "concatenate": lambda: writing.concatenate(request.concatenate, response.written),
        "script": lambda: script.run(request.script, response.script),
    }
    if kind is None:
        response.unsupported.detail = "a request of a later version"
        return response
    try:
        handlers[kind]()
    except script.UnknownStepError:
        response.unsupported.detail = "a step of a later version"
    except PrecompileError as error:
        response.rejection.CopyFrom(rejection(error))
    except MisuseError as error:
        response.misuse.CopyFrom(writing_pb2.Misuse(detail=str(error)))
    return response


def _hello(hello: testee_pb2.HelloResponse) -> None:
    hello.name = "precompile-context"
    hello.version = __version__
    hello.protocol = PROTOCOL
    hello.spec_versions.append("1.0")
    hello.classes.extend(CLASSES)
    hello.capabilities.extend(CAPABILITIES)
