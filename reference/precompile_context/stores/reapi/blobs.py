"""Pieces as blobs of a content-addressed storage: what is there, what goes, what is read."""

import asyncio
import hashlib
import secrets
import uuid
from collections.abc import Sequence

from buildgrid.common.protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as reapi,
)
from buildgrid.common.protos.build.bazel.remote.execution.v2.remote_execution_pb2_grpc_aio import (
    ContentAddressableStorageStub,
)

from precompile_context.stores.reapi.client import MOST_BYTES, Client
from precompile_context.stores.reapi.slots import Blob
from precompile_context.stores.store import MissingPieceError, StoreError

# Half of what a message may have: digests and framing count, too.
_BATCH_BYTES = MOST_BYTES // 2
# Digests asked for in one call: 128 bytes each at most.
_DIGESTS = 10_000


def blob_of(data: bytes | memoryview) -> Blob:
    """The name of these bytes."""
    return Blob(hashlib.sha256(data).hexdigest(), len(data))


def split(data: bytes, sizes: Sequence[int]) -> list[tuple[Blob, memoryview]]:
    """The bytes as blobs of these sizes."""
    view, parts, start = memoryview(data), [], 0
    for size in sizes:
        part = view[start : start + size]
        parts.append((blob_of(part), part))
        start += size
    return parts


async def missing(client: Client, blobs: Sequence[Blob]) -> set[Blob]:
    """Those of the blobs that are not there."""
    found: set[Blob] = set()
    for start in range(0, len(blobs), _DIGESTS):
        digests = [_digest(blob) for blob in blobs[start : start + _DIGESTS]]
        request = reapi.FindMissingBlobsRequest(instance_name=client.instance, blob_digests=digests)
        answer = await client.ask(
            ContentAddressableStorageStub, "FindMissingBlobs", request, what="the blobs' list"
        )
        found |= {Blob(one.hash, one.size_bytes) for one in answer.missing_blob_digests}
    return found


async def upload(client: Client, parts: Sequence[tuple[Blob, memoryview]]) -> None:
    """Put those that are not there: small ones several in a call, large ones by streams.

    Raises:
        StoreError: one of them is not known to be there.
    """
    absent = await missing(client, [blob for blob, _ in parts])
    batch: list[tuple[Blob, memoryview]] = []
    size = 0
    for blob, part in dict(parts).items():
        if blob not in absent:
            continue
        if blob.size > _BATCH_BYTES // 2:
            name = f"uploads/{_uuid()}/blobs/{blob.digest}/{blob.size}"
            await client.upload(_resource(client, name), part, what=f"blob {blob.digest}")
            continue
        if size + blob.size + 256 > _BATCH_BYTES:
            await _upload_batch(client, batch)
            batch, size = [], 0
        batch.append((blob, part))
        size += blob.size + 256
    if batch:
        await _upload_batch(client, batch)


async def _upload_batch(client: Client, batch: Sequence[tuple[Blob, memoryview]]) -> None:
    requests = [
        reapi.BatchUpdateBlobsRequest.Request(digest=_digest(blob), data=bytes(part))
        for blob, part in batch
    ]
    request = reapi.BatchUpdateBlobsRequest(instance_name=client.instance, requests=requests)
    answer = await client.ask(
        ContentAddressableStorageStub, "BatchUpdateBlobs", request, what="blobs"
    )
    done = {(one.digest.hash, one.status.code) for one in answer.responses}
    for blob, _ in batch:
        if (blob.digest, 0) not in done:
            raise StoreError(f"blob {blob.digest}: the build cache did not take it")


async def read(client: Client, blobs: Sequence[Blob], offset: int, size: int, what: str) -> bytes:
    """A range of the blobs one behind another; a whole blob is compared with its digest.

    Raises:
        StoreError: MissingPieceError where one is gone.
    """
    works, start = [], 0
    for blob in blobs:
        first, last = max(offset - start, 0), min(offset + size - start, blob.size)
        if first < last:
            works.append(_read(client, blob, first, last - first, what))
        start += blob.size
    return b"".join(await asyncio.gather(*works))


async def _read(client: Client, blob: Blob, offset: int, size: int, what: str) -> bytes:
    name = _resource(client, f"blobs/{blob.digest}/{blob.size}")
    try:
        data = await client.download(name, offset, size, what=what)
    except MissingPieceError:
        text = f"{what} is listed, and its content is gone: build caches drop what is not used"
        raise MissingPieceError(text) from None
    if len(data) != size:
        raise StoreError(f"{what}: {len(data)} bytes came of the {size} asked for")
    if size == blob.size and blob_of(data) != blob:
        raise StoreError(f"{what}: a blob is not what its digest says: it was altered")
    return data


def _digest(blob: Blob) -> reapi.Digest:
    return reapi.Digest(hash=blob.digest, size_bytes=blob.size)


def _resource(client: Client, name: str) -> str:
    return f"{client.instance}/{name}" if client.instance else name


def _uuid() -> str:
    # Of random bytes alone: a forked child does not repeat its parent's.
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
