"""What is saved and loaded, and the operations that are measured; one run each, in its process."""

import hashlib
import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.peers import PEERS, Peer

MIB = 1 << 20
# name: (number of artifacts, bytes each)
WORKLOADS = {
    "256 x 4 MiB": (256, 4 * MIB),
    "100,000 x 1 KiB": (100_000, 1024),
}
OPERATIONS = ("save", "read one", "load all")


def contents(count: int, size: int) -> list[bytes]:
    """Incompressible contents, the same in every process."""
    generator = random.Random(count)
    return [generator.randbytes(size) for _ in range(count)]


@contextmanager
def _timed(result: dict[str, float]) -> Iterator[None]:
    before = _peak()
    start = time.perf_counter()
    yield
    result["seconds"] = time.perf_counter() - start
    result["peak_mib"] = (_peak() - before) / 1024


def _peak() -> int:
    """The process's peak resident memory so far, in KiB, as the kernel accounts it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _save(peer: Peer, path: Path, count: int, size: int, result: dict[str, float]) -> None:
    data = contents(count, size)
    with _timed(result):
        peer.save(path, data)


def _read_one(peer: Peer, path: Path, count: int, size: int, result: dict[str, float]) -> None:
    with _timed(result):
        content = peer.read_one(path, f"key-{count // 2}")
    _expect(hashlib.sha256(content).digest() == _digests(count, size)[count // 2])


def _load_all(peer: Peer, path: Path, count: int, size: int, result: dict[str, float]) -> None:
    with _timed(result):
        loaded = peer.load_all(path)
    _expect([hashlib.sha256(c).digest() for c in loaded] == _digests(count, size))


def _digests(count: int, size: int) -> list[bytes]:
    return [hashlib.sha256(content).digest() for content in contents(count, size)]


def _expect(right: bool) -> None:
    if not right:
        sys.exit("what was read is not what was saved")


_RUN: dict[str, Callable[[Peer, Path, int, int, dict[str, float]], None]] = {
    "save": _save,
    "read one": _read_one,
    "load all": _load_all,
}


def main() -> None:
    """Measure one operation of one peer on one workload; prints JSON."""
    peer_name, workload, operation, path = sys.argv[1:]
    peer = PEERS[peer_name]()
    peer.warm_up()
    result: dict[str, float] = {}
    _RUN[operation](peer, Path(path), *WORKLOADS[workload], result)
    result["file_mib"] = Path(path).stat().st_size / MIB
    print(json.dumps(result))


if __name__ == "__main__":
    main()
