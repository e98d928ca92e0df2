"""A build cache of its own process: BuildGrid's CAS, ByteStream and action cache."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.s3_server import ROOT, free_port

# "" is the instance without a name; it forgets entries early where a test asks for few.
_CONFIG = """description: tests
server:
  - !channel {address: "127.0.0.1:PORT", insecure-mode: true}
grpc-server-options: {grpc.so_reuseport: 0}
authorization: {method: none}
monitoring: {enabled: false}
instances:
  - name: ""
    storages: [!disk-storage &blobs {path: FOLDER}]
    caches:
      - !lru-action-cache &actions
        {storage: *blobs, max-cached-refs: 100000, allow-updates: true}
    services:
      [!action-cache {cache: *actions}, !cas {storage: *blobs}, !bytestream {storage: *blobs}]
  - name: team/read
    services: [!action-cache {cache: *actions}, !cas {storage: *blobs, read-only: true}]
thread-pool-size: 32
"""


def buildgrid() -> str | None:
    """The server's command: what `make test-stores` says, or what it has installed."""
    told = os.environ.get("PRECOMPILE_BUILDGRID")
    here = ROOT / ".buildgrid" / "bin" / "bgd"
    return os.path.abspath(told) if told else str(here) if here.exists() else None


@contextmanager
def build_cache(command: str, folder: Path) -> Iterator[str]:
    """Its host and port, until the block ends; blobs lie below `folder/blobs`."""
    port = free_port()
    config = folder / "buildgrid.yml"
    blobs = folder / "blobs"
    config.write_text(_CONFIG.replace("PORT", str(port)).replace("FOLDER", str(blobs)))
    with (folder / "buildgrid.log").open("wb") as log:
        server = subprocess.Popen([command, "server", "start", config], stdout=log, stderr=log)
    try:
        for _ in range(1200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()
