"""Pieces as blobs of a content-addressed storage: what is there, what goes, what is read."""

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
from precompile_context.stores.reapi.slots import Blob, all_of
from precompile_context.stores.store import MissingPieceError, StoreError

# Half of what a message may have: digests and framing count, too.
_BATCH_BYTES = MOST_BYTES // 2
# google.rpc.Code of a blob in a batch.
_NOT_FOUND = 5
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

    Small blobs that are wanted whole come several in a call, all else by streams.

    Raises:
        StoreError: MissingPieceError where one is gone.
    """
    parts: list[tuple[Blob, int, int]] = []
    start = 0
    for blob in blobs:
        first, last = max(offset - start, 0), min(offset + size - start, blob.size)
        if first < last:
            parts.append((blob, first, last - first))
        start += blob.size
    try:
        small = [one for one, _, length in parts if length == one.size <= _BATCH_BYTES // 2]
        known = await _read_batches(client, small, what) if len(small) > 1 else {}
        works = [_read(client, *part, what) for part in parts if part[0] not in known]
        came = iter(await all_of(works))
    except MissingPieceError:
        text = f"{what} is listed, and its content is gone: build caches drop what is not used"
        raise MissingPieceError(text) from None
    return b"".join(
        known[blob][first : first + length] if blob in known else next(came)
        for blob, first, length in parts
    )


async def _read_batches(client: Client, blobs: Sequence[Blob], what: str) -> dict[Blob, bytes]:
    batches: list[list[Blob]] = [[]]
    size = 0
    for blob in dict.fromkeys(blobs):
        if size + blob.size + 256 > _BATCH_BYTES:
            batches.append([])
            size = 0
        batches[-1].append(blob)
        size += blob.size + 256
    known: dict[Blob, bytes] = {}
    for found in await all_of(_read_batch(client, batch, what) for batch in batches):
        known |= found
    return known


async def _read_batch(client: Client, batch: Sequence[Blob], what: str) -> dict[Blob, bytes]:
    request = reapi.BatchReadBlobsRequest(
        instance_name=client.instance, digests=map(_digest, batch)
    )
    answer = await client.ask(ContentAddressableStorageStub, "BatchReadBlobs", request, what=what)
    found = {one.digest.hash: one for one in answer.responses}
    known = {}
    for blob in batch:
        one = found.get(blob.digest)
        if one is not None and one.status.code == _NOT_FOUND:
            raise MissingPieceError(what)
        if one is None or one.status.code:
            raise StoreError(f"{what}: the build cache does not give one of its blobs")
        known[blob] = _checked(blob, one.data, what)
    return known


async def _read(client: Client, blob: Blob, offset: int, size: int, what: str) -> bytes:
    name = _resource(client, f"blobs/{blob.digest}/{blob.size}")
    data = await client.download(name, offset, size, what=what)
    if len(data) != size:
        raise StoreError(f"{what}: {len(data)} bytes came of the {size} asked for")
    return data if size < blob.size else _checked(blob, data, what)


def _checked(blob: Blob, data: bytes, what: str) -> bytes:
    if blob_of(data) != blob:
        raise StoreError(f"{what}: a blob is not what its digest says: it was altered")
    return data


def _digest(blob: Blob) -> reapi.Digest:
    return reapi.Digest(hash=blob.digest, size_bytes=blob.size)


def _resource(client: Client, name: str) -> str:
    return f"{client.instance}/{name}" if client.instance else name


def _uuid() -> str:
    # Of random bytes alone: a forked child does not repeat its parent's.
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
