"""The process that asks a build cache for this one.

gRPC is not taken into somebody's program: its threads make a fork in that program print
lines and leave the program's own gRPC without its fork handlers, and the messages'
modules register files like `google/api/http.proto`, of which a process takes one
version. So a process of its own speaks gRPC, and nobody's child: a program that waits for
all its children does not wait for that one.
"""

import asyncio
import itertools
import json
import os
import queue
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any

from precompile_context.stores.reapi import frames
from precompile_context.stores.reapi.place import Place
from precompile_context.stores.store import (
    DeniedError,
    MissingPieceError,
    StoreError,
)

# With this program's modules, wherever they are. Its own parent ends at once: we wait for that.
_PROGRAM = (
    "import json, os, sys; os.fork() and os._exit(0); sys.path[:] = json.loads(sys.argv[1]); "
    "from precompile_context.stores.reapi.worker import main; main(*map(json.loads, sys.argv[2:]))"
)
_KINDS = {kind.__name__: kind for kind in (DeniedError, MissingPieceError, StoreError)}
_NO_PROCESS = "no process could be started that asks the build cache"
# Until the interpreter has started; what has no such option as -c would run for ever.
_START_SECONDS = 10.0
_ENDED = "the process that asks the build cache has ended"

Answer = tuple[Any, bytes]


@dataclass
class _Link:
    """One such process.

    Attributes:
        waiting: who waits for which answer.
        outgoing: what is to be sent; None closes the link.
    """

    socket: socket.socket
    pid: int
    waiting: dict[int, "Future[Answer]"] = field(default_factory=dict)
    outgoing: "queue.SimpleQueue[tuple[dict[str, Any], bytes] | None]" = field(
        default_factory=queue.SimpleQueue
    )
    has_ended: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


class Apart:
    """Calls to a process of its own, which begins with the first one. Safe for threads."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._link: _Link | None = None
        self._numbers = itertools.count()
        self._lock = threading.Lock()

    async def call(self, name: str, *arguments: Any, payload: bytes = b"") -> Answer:
        """What a call gives. One that is cancelled here is cancelled there.

        Raises:
            StoreError: what the call raised; or the process could not begin, or has ended.
        """
        link = self._link
        if link is not None and link.pid != os.getpid():  # before a lock that nobody opens here
            text = "this process was forked off one that had asked a store, and asks none"
            raise StoreError(text)
        with self._lock:
            if self._link is None or self._link.has_ended:
                self._link = _begin(self._place)
            link = self._link
        number, future = next(self._numbers), Future[Answer]()
        with link.lock:
            if link.has_ended:
                raise StoreError(_ENDED)
            link.waiting[number] = future
        link.outgoing.put(({"id": number, "call": name, "arguments": arguments}, payload))
        try:
            return await asyncio.wrap_future(future)
        finally:
            if link.waiting.pop(number, None) is not None:
                link.outgoing.put(({"id": number, "call": "cancel", "arguments": []}, b""))

    def __del__(self) -> None:
        """The other process ends when the link does."""
        if self._link is not None:
            self._link.outgoing.put(None)


def _begin(place: Place) -> _Link:
    # An executable that holds a program of its own would run that program once more.
    if not sys.executable or getattr(sys, "frozen", False):
        raise StoreError(_NO_PROCESS)
    ours, theirs = socket.socketpair()
    arguments = [[*map(str, sys.path)], theirs.fileno(), os.getpid(), vars(place)]
    # No module of the working directory is taken for one of Python's.
    flag = "-I" if sys.flags.isolated else "-P"
    # What switches this package's automatic mode on is not for that process.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PRECOMPILE_", "GRPC_TRACE")) or name.startswith("PRECOMPILE_REAPI")
    }
    try:
        with theirs:
            subprocess.run(
                [sys.executable, flag, "-c", _PROGRAM, *map(json.dumps, arguments)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=environment,
                timeout=_START_SECONDS,
                check=False,
            )
    except (OSError, ValueError, subprocess.TimeoutExpired):
        ours.close()
        raise StoreError(_NO_PROCESS) from None
    link = _Link(ours, os.getpid())
    for work in (_receive, _send):
        threading.Thread(target=work, args=(link,), name="precompile-reapi", daemon=True).start()
    return link


def _send(link: _Link) -> None:
    try:
        while (item := link.outgoing.get()) is not None:
            frames.send(link.socket, *item)
        link.socket.shutdown(socket.SHUT_RDWR)
    except OSError:
        _end(link)


def _receive(link: _Link) -> None:
    try:
        while True:
            header, payload = frames.receive(link.socket)
            future = link.waiting.pop(header["id"], None)
            if future is None:
                continue
            if "error" in header:
                kind, text = header["error"]
                _settle(future, _KINDS.get(kind, StoreError)(text))
            else:
                _settle(future, (header["result"], payload))
    except OSError:
        _end(link)
        link.outgoing.put(None)


def _end(link: _Link) -> None:
    """Nothing comes any more: whoever waits is told, and who asks next begins another process."""
    with link.lock:
        link.has_ended = True
    for future in list(link.waiting.values()):
        _settle(future, StoreError(_ENDED))


def _settle(future: "Future[Answer]", result: Answer | StoreError) -> None:
    try:
        if isinstance(result, StoreError):
            future.set_exception(result)
        else:
            future.set_result(result)
    except InvalidStateError:
        return  # cancelled meanwhile
