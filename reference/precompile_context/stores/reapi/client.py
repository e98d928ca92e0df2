"""Calls to a build cache: who asks, over which connection, what a refusal says."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from buildgrid.common.protos.google.bytestream import bytestream_pb2 as bytestream
from buildgrid.common.protos.google.bytestream.bytestream_pb2_grpc_aio import ByteStreamStub

from precompile_context.stores.reapi.place import Place
from precompile_context.stores.reapi.slots import BusyError, pause
from precompile_context.stores.registry.reference import is_local
from precompile_context.stores.store import DeniedError, MissingPieceError, StoreError

TOKEN = "PRECOMPILE_REAPI_TOKEN"
AUTHORITIES = "PRECOMPILE_REAPI_CA"
CERTIFICATE = "PRECOMPILE_REAPI_CERTIFICATE"
KEY = "PRECOMPILE_REAPI_KEY"

# Of one call; who waits for a store has a deadline of its own over all calls.
_SECONDS = 30.0
_STREAM_SECONDS = 600.0
# What servers send and take in one message unless they say otherwise.
MOST_BYTES = 4 << 20
# How often one request is sent where the server says that: one that refuses some of many is there.
_BUSY = {"UNAVAILABLE": 3, "ABORTED": 3, "RESOURCE_EXHAUSTED": 6}
_TOLD = {
    "DEADLINE_EXCEEDED": "the build cache did not answer",
    "UNAVAILABLE": "the build cache cannot be reached, or is too busy",
    "RESOURCE_EXHAUSTED": "the build cache is full or too busy, or that is too large for it",
    "UNIMPLEMENTED": "the build cache does not do that: it may be one that nobody may write",
    "INVALID_ARGUMENT": "the build cache does not take that: its instance may have another name",
    "FAILED_PRECONDITION": "the build cache does not do that as it is set up",
    "CANCELLED": "the build cache ended the call",
    "INTERNAL": "the build cache failed, or is none",
    "UNKNOWN": "the build cache failed, or is none",
}


@dataclass
class _Loop:
    """What belongs to one event loop."""

    loop: asyncio.AbstractEventLoop
    channel: grpc.aio.Channel


class Client:
    """One instance of one server. Safe for any number of calls at once.

    A token goes over TLS alone, or to this machine.
    """

    def __init__(self, place: Place) -> None:
        """Asks nothing."""
        self._place = place
        self._here: _Loop | None = None

    @property
    def instance(self) -> str:
        """REAPI's instance name."""
        return self._place.instance

    async def ask(
        self,
        stub: Callable[[grpc.aio.Channel], Any],
        name: str,
        request: Any,
        *,
        what: str,
        is_repeated: bool = True,
    ) -> Any:
        """The answer to one call; again, where the server is too busy. `what` is for a message.

        Raises:
            StoreError: MissingPieceError where it is not there; DeniedError; BusyError.
        """
        number = 0
        while True:
            number += 1
            try:
                with _faults(what):
                    call = getattr(stub(self._at_home()), name)
                    return await call(request, timeout=_SECONDS, metadata=self._metadata())
            except BusyError as error:
                if not is_repeated or number >= error.tries:
                    raise
            await pause(number)

    async def download(self, resource: str, offset: int, size: int, *, what: str) -> bytes:
        """So many bytes of a resource, or fewer, where the server gives fewer.

        No more is taken than was asked for: some servers send a block whatever they are
        asked for.

        Raises:
            StoreError: as `ask`.
        """
        request = bytestream.ReadRequest(
            resource_name=resource, read_offset=offset, read_limit=size
        )
        taken = bytearray()
        with _faults(what):
            call = ByteStreamStub(self._at_home()).Read(
                request, timeout=_STREAM_SECONDS, metadata=self._metadata()
            )
            try:
                async for part in call:
                    taken += part.data
                    if len(taken) >= size:
                        break
            finally:
                call.cancel()
        return bytes(taken[:size])

    async def upload(self, resource: str, data: memoryview, *, what: str) -> None:
        """Send a whole resource; a server that has it meanwhile may end that early.

        Raises:
            StoreError: as `ask`; it is not known to be there.
        """

        async def parts() -> AsyncIterator[bytestream.WriteRequest]:
            step = 1 << 20
            for start in range(0, len(data), step):
                yield bytestream.WriteRequest(
                    resource_name="" if start else resource,
                    write_offset=start,
                    data=bytes(data[start : start + step]),
                    finish_write=start + step >= len(data),
                )

        with _faults(what):
            answer = await ByteStreamStub(self._at_home()).Write(
                parts(), timeout=_STREAM_SECONDS, metadata=self._metadata()
            )
        if answer.committed_size != len(data):
            raise StoreError(f"{what}: the build cache took not all of {len(data)} bytes")

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        token = os.environ.get(TOKEN)
        if not token or not (self._place.has_tls or is_local(self._place.host)):
            return ()
        if not re.fullmatch(r"[\x21-\x7e]+", token):
            raise DeniedError(f"{TOKEN} is no token: it has spaces or characters beyond ASCII")
        return (("authorization", f"Bearer {token}"),)

    def _at_home(self) -> grpc.aio.Channel:
        loop = asyncio.get_running_loop()
        if self._here is None or self._here.loop is not loop:
            self._here = _Loop(loop, self._channel())
        return self._here.channel

    def _channel(self) -> grpc.aio.Channel:
        options = [
            ("grpc.max_receive_message_length", MOST_BYTES + (64 << 10)),
            # What is sent is sent once, but where `ask` says otherwise.
            ("grpc.enable_retries", 0),
            ("grpc.max_reconnect_backoff_ms", 2000),
            # Connections that others of this process have to the same host are not ours.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0 if is_local(self._place.host) else 1),
        ]
        if not self._place.has_tls:
            return grpc.aio.insecure_channel(self._place.host, options=options)
        files = {name: _file(name) for name in (AUTHORITIES, KEY, CERTIFICATE)}
        if (files[KEY] is None) != (files[CERTIFICATE] is None):
            raise StoreError(f"{KEY} and {CERTIFICATE} name files that belong together")
        credentials = grpc.ssl_channel_credentials(*files.values())
        return grpc.aio.secure_channel(self._place.host, credentials, options=options)


@contextlib.contextmanager
def _faults(what: str) -> Iterator[None]:
    """Makes the library's errors ours, without its text, which may hold what a server says."""
    try:
        yield
    except grpc.RpcError as error:
        code = error.code() if hasattr(error, "code") else None
        status = code.name if isinstance(code, grpc.StatusCode) else "UNKNOWN"
        if status == "NOT_FOUND":
            raise MissingPieceError(f"{what} is not there") from None
        if status in ("PERMISSION_DENIED", "UNAUTHENTICATED"):
            raise DeniedError(f"{what}: the build cache refuses the caller") from None
        text = f"{what}: {_TOLD.get(status, 'the build cache did not do it')} ({status})"
        if status in _BUSY:
            raise BusyError(text, _BUSY[status]) from None
        raise StoreError(text) from None
    except (grpc.aio.UsageError, ValueError, TypeError):
        raise StoreError(f"{what}: the build cache's answer cannot be read") from None


def _file(name: str) -> bytes | None:
    path = os.environ.get(name)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise StoreError(f"the file that {name} names cannot be read: {error.strerror}") from None
