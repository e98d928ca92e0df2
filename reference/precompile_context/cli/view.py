"""`precompile view`: a page of this machine that shows a bundle, for whoever is at its screen."""

import html
import os
import re
import secrets
import sys
import tempfile
import threading
import webbrowser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import typer

from precompile_context.bundle.source import ByteSource, ranges
from precompile_context.cli import text
from precompile_context.cli.page import page
from precompile_context.cli.stores import opened
from precompile_context.files import BundleFile
from precompile_context.stores import is_store_name
from precompile_context.trust import UNSIGNED

app = typer.Typer()

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})")


@app.command()
def view(
    file: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
    port: Annotated[int, typer.Option(help="The port; 0: any that is free.", min=0, max=65535)] = 0,
) -> None:
    """Show a bundle in a page, until Ctrl-C: segments, artifacts, who signed it, where it fits.

    A refused file is shown, too, with what it is refused for. The address holds a word that
    nobody guesses, and only this machine reaches it.
    """
    if is_store_name(file):
        source: ByteSource = opened(file, policy=UNSIGNED).source
    else:
        source = BundleFile(file).source()
    name = file.rstrip("/").rsplit("/", 1)[-1]
    server = Server(source, name, port)
    print(f"{text.safe(file)}: {server.address}", flush=True)
    print("precompile: Ctrl-C ends it", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="precompile-") as folder:
        if browser:
            address = leading_to(server, Path(folder))
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
        try:
            server.serve_forever()
        finally:
            server.server_close()


def leading_to(server: "Server", folder: Path) -> str:
    """The address of a page that leads to the server's, in a folder that nobody else may read.

    All users of a machine see what a browser is started with.
    """
    page = folder / "view.html"
    page.write_text(f'<meta http-equiv="refresh" content="0; url={html.escape(server.address)}">')
    return page.as_uri()


class Server(ThreadingHTTPServer):
    """Serves the page and the bytes of one bundle to this machine."""

    daemon_threads = True

    def __init__(self, source: ByteSource, name: str, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.source = source
        self.page = page().encode()
        # Other users of the machine and pages of other sites do not know it.
        self.word = secrets.token_urlsafe(16)
        self.name = quote(os.fsencode(name), safe="")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that wants no more of an answer is no fault."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    @property
    def host(self) -> str:
        """What a browser that means this server calls it."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        """Where the page opens the bundle."""
        return f"http://{self.host}/{self.word}/#url={quote(self.name, safe='')}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = 60

    def do_GET(self) -> None:
        server = self.server
        if self.headers.get("host") != server.host:  # a name that was made to lead here
            self._answer(403, b"", {})
        elif self.path == f"/{server.word}/":
            self._answer(200, server.page, {"content-type": "text/html; charset=utf-8"})
        elif self.path == f"/{server.word}/{server.name}":
            self._bundle()
        else:
            self._answer(404, b"", {})

    def _bundle(self) -> None:
        source = self.server.source
        match = _RANGE.fullmatch(self.headers.get("range", ""))
        start, last = (int(match[1]), int(match[2])) if match else (0, source.size - 1)
        end = min(last + 1, source.size)
        if match and (start >= end):
            self._answer(416, b"", {"content-range": f"bytes */{source.size}"})
            return
        self.send_response(206 if match else 200)
        self.send_header("content-type", "application/vnd.precompile.bundle")
        self.send_header("content-length", str(end - start))
        self.send_header("accept-ranges", "bytes")
        self.send_header("cache-control", "no-store")
        if match:
            self.send_header("content-range", f"bytes {start}-{end - 1}/{source.size}")
        self.end_headers()
        for chunk in ranges(source, start, end):
            self.wfile.write(chunk)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        common = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
        for name, value in {**headers, **common, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nobody watches."""
