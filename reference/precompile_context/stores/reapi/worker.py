"""What runs in the process that asks a build cache: calls come in frames, and go on at once."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Mapping
from typing import Any

from precompile_context.stores.reapi import frames
from precompile_context.stores.reapi.build_cache import BuildCache
from precompile_context.stores.reapi.place import Place
from precompile_context.stores.store import StoreError

# How often is looked whether the program is still there; children of it may keep the link open.
_LOOK_SECONDS = 5.0


def main(descriptor: int, program: int, place: Mapping[str, Any]) -> None:
    """Answer until the link is closed, or the program has ended."""
    os.setsid()  # what a terminal sends its programs is not for this one
    link = socket.socket(fileno=descriptor)
    # Its threads, and what they may still wait for, are nobody's.
    with contextlib.suppress(OSError):
        asyncio.run(_serve(link, program, BuildCache(Place(**place))))
    os._exit(0)


async def _serve(link: socket.socket, program: int, cache: BuildCache) -> None:
    reader, writer = await asyncio.open_connection(sock=link)
    lock = asyncio.Lock()
    works: dict[int, asyncio.Task[None]] = {}

    async def answer(number: int, call: str, arguments: list[Any], payload: bytes) -> None:
        header: dict[str, Any] = {"id": number, "result": None}
        data = b""
        try:
            header["result"], data = await cache.call(call, arguments, payload)
        except StoreError as error:
            header["error"] = [type(error).__name__, str(error)]
        except Exception as error:  # as the program would: it cannot be left without an answer
            # Without its text, which may hold what was sent.
            text = f"the build cache's client failed: {type(error).__name__}"
            header["error"] = ["StoreError", text]
        del works[number]
        async with lock:
            writer.write(frames.pack(header, data))
            writer.write(data)
            await writer.drain()

    watching = asyncio.ensure_future(_watch(program))
    with contextlib.suppress(asyncio.IncompleteReadError, OSError):
        while True:
            header, payload = await frames.read(reader)
            number = int(header["id"])
            if header["call"] == "cancel":
                if number in works:
                    works.pop(number).cancel()
                continue
            work = answer(number, header["call"], header["arguments"], payload)
            works[number] = asyncio.ensure_future(work)
    watching.cancel()


async def _watch(program: int) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        try:
            os.kill(program, 0)
        except ProcessLookupError:
            os._exit(0)
        except PermissionError:
            continue
