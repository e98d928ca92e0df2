"""A build cache in this process that a test bends; asks for TLS where it is told to."""

# ruff: noqa: N802, the services' own names

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from buildgrid.common.protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as reapi,
)
from buildgrid.common.protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2_grpc as services,
)
from buildgrid.common.protos.google.bytestream import bytestream_pb2 as bytestream
from buildgrid.common.protos.google.bytestream import bytestream_pb2_grpc as stream


class FakeBuildCache(
    services.ActionCacheServicer,
    services.ContentAddressableStorageServicer,
    stream.ByteStreamServicer,
):
    """Does what it is asked for, but for `fault`.

    Attributes:
        entries, blobs: what it holds, by digests.
        fault: "deny", "busy", "busy once", "stall", "readonly", "truncated", "longer", "altered",
            "sizes"; None for nothing.
        tokens: the Authorization of each call, None where it had none.
        calls: their names.
    """

    def __init__(self) -> None:
        self.entries: dict[tuple[str, int], Any] = {}
        self.blobs: dict[str, bytes] = {}
        self.fault: str | None = None
        self.tokens: list[str | None] = []
        self.calls: list[str] = []
        self._stop = threading.Event()

    def _begin(self, name: str, context: grpc.ServicerContext) -> None:
        said = dict(context.invocation_metadata())
        self.tokens.append(said.get("authorization"))
        self.calls.append(name)
        secret = f"server's own words: {said.get('authorization')}"
        if self.fault == "deny":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, secret)
        if self.fault == "busy" or (self.fault == "busy once" and len(self.calls) == 1):
            context.abort(grpc.StatusCode.UNAVAILABLE, secret)
        if self.fault == "stall":
            self._stop.wait(60)
        if self.fault == "readonly" and name in ("UpdateActionResult", "BatchUpdateBlobs"):
            context.abort(grpc.StatusCode.UNIMPLEMENTED, secret)

    def GetActionResult(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("GetActionResult", context)
        found = self.entries.get(_key(request.action_digest))
        if found is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "none")
        assert found is not None
        if self.fault == "sizes" and found.output_files:
            found = reapi.ActionResult.FromString(found.SerializeToString())
            found.output_files[0].digest.size_bytes = (1 << 63) - 1
        return found

    def BatchReadBlobs(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("BatchReadBlobs", context)
        answer = reapi.BatchReadBlobsResponse()
        for digest in request.digests:
            data = self.blobs.get(digest.hash)
            one = answer.responses.add(digest=digest, data=self._bent(data or b""))
            one.status.code = 5 if data is None else 0
        return answer

    def GetTree(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not for stores")

    def QueryWriteStatus(self, request: Any, context: grpc.ServicerContext) -> Any:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not for stores")

    def UpdateActionResult(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("UpdateActionResult", context)
        self.entries[_key(request.action_digest)] = request.action_result
        return request.action_result

    def FindMissingBlobs(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("FindMissingBlobs", context)
        missing = [one for one in request.blob_digests if one.hash not in self.blobs]
        return reapi.FindMissingBlobsResponse(missing_blob_digests=missing)

    def BatchUpdateBlobs(self, request: Any, context: grpc.ServicerContext) -> Any:
        self._begin("BatchUpdateBlobs", context)
        answer = reapi.BatchUpdateBlobsResponse()
        for one in request.requests:
            self.blobs[one.digest.hash] = one.data
            answer.responses.add(digest=one.digest).status.code = 0
        return answer

    def Write(self, requests: Iterator[Any], context: grpc.ServicerContext) -> Any:
        self._begin("Write", context)
        parts = list(requests)
        data = b"".join(one.data for one in parts)
        self.blobs[parts[0].resource_name.split("/")[-2]] = data
        return bytestream.WriteResponse(committed_size=len(data))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Iterator[Any]:
        self._begin("Read", context)
        data = self.blobs.get(request.resource_name.split("/")[-2])
        if data is None:
            context.abort(grpc.StatusCode.NOT_FOUND, "none")
        assert data is not None
        end = request.read_offset + request.read_limit if request.read_limit else len(data)
        data = self._bent(data[request.read_offset : end])
        for start in range(0, len(data), 1 << 20):
            yield bytestream.ReadResponse(data=data[start : start + (1 << 20)])
        while self.fault == "longer" and context.is_active():
            yield bytestream.ReadResponse(data=bytes(1 << 20))

    def _bent(self, data: bytes) -> bytes:
        if self.fault == "truncated":
            return data[: len(data) // 2]
        return bytes([data[0] ^ 1]) + data[1:] if self.fault == "altered" else data

    def close(self) -> None:
        self._stop.set()


def _key(digest: Any) -> tuple[str, int]:
    return digest.hash, digest.size_bytes


@contextmanager
def fake_build_cache(
    credentials: grpc.ServerCredentials | None = None,
) -> Iterator[tuple[FakeBuildCache, str]]:
    """The cache, and its host and port."""
    cache = FakeBuildCache()
    server = grpc.server(ThreadPoolExecutor(32))
    services.add_ActionCacheServicer_to_server(cache, server)
    services.add_ContentAddressableStorageServicer_to_server(cache, server)
    stream.add_ByteStreamServicer_to_server(cache, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    try:
        yield cache, f"127.0.0.1:{port}"
    finally:
        cache.close()
        server.stop(None).wait()
