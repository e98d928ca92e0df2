"""An S3 server of its own process, and a proxy that counts what passes it and makes it wait."""

import os
import socket
import socketserver
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).parents[2]


def moto() -> str | None:
    """The command that serves S3: what `make test-stores` says, or what it has installed."""
    told = os.environ.get("PRECOMPILE_MOTO")
    here = ROOT / ".moto" / "bin" / "moto_server"
    return os.path.abspath(told) if told else str(here) if here.exists() else None


@contextmanager
def s3_server(command: str, folder: Path) -> Iterator[str]:
    """Its address, until the block ends."""
    port = free_port()
    with (folder / "moto.log").open("wb") as log:
        server = subprocess.Popen(
            [command, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(1200):
            with suppress(OSError), urllib.request.urlopen(address, timeout=5):
                break
            time.sleep(0.05)
        yield address
    finally:
        server.kill()
        server.wait()


def make_bucket(address: str, name: str) -> None:
    """Make a bucket, which needs no credentials here."""
    request = urllib.request.Request(f"{address}/{name}", method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class _Streams:
    """Counts the streams that begin in one direction of an HTTP/2 connection: its requests."""

    _PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

    def __init__(self) -> None:
        self._data = b""
        self._is_http2: bool | None = None
        self._skip = 0

    def begun(self, data: bytes) -> int:
        """How many begin in what comes next."""
        if self._is_http2 is False:
            return 0
        self._data += data
        if self._is_http2 is None:
            if len(self._data) < len(self._PREFACE):
                return 0
            self._is_http2 = self._data.startswith(self._PREFACE)
            self._skip = len(self._PREFACE)
        found = 0
        while self._is_http2 and len(self._data) >= self._skip + 9:
            head = self._data[self._skip : self._skip + 9]
            found += head[3] == 1  # HEADERS
            self._data = self._data[self._skip + 9 :]
            self._skip = int.from_bytes(head[:3], "big")
        return found


class Proxy:
    """Passes bytes on to a port of this machine.

    Attributes:
        address: where it listens.
        requests: how many it has seen, of HTTP/1 and of HTTP/2 without TLS.
        up, down: bytes to and from the server, headers among them.
        latency: seconds that each request waits.
    """

    def __init__(self, port: int) -> None:
        self.requests = self.up = self.down = 0
        self.latency = 0.0
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with socket.create_connection(("127.0.0.1", port)) as server:
                    back = threading.Thread(target=proxy._down, args=(server, self.request))
                    back.start()
                    streams = _Streams()
                    with suppress(OSError):
                        while data := self.request.recv(1 << 16):
                            proxy.up += len(data)
                            if data.split(b" ", 1)[0] in (b"GET", b"PUT", b"HEAD", b"DELETE"):
                                proxy.requests += 1
                                time.sleep(proxy.latency)
                            proxy.requests += streams.begun(data)
                            server.sendall(data)
                        server.shutdown(socket.SHUT_WR)
                    back.join()

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True

        self._server = Server(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _down(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 16):
                self.down += len(data)
                client.sendall(data)
            client.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
