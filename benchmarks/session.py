"""One process's part of a measurement: `python -m benchmarks.session PEER WORKLOAD PART FILE ...`.

What is timed is each operation by itself; the process's peak memory at its start and
its end are told, too. Contents are made before, and compared after, out of the time.
"""

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.contents import MIB, WORKLOADS, Named
from benchmarks.peers import ENGINES, PEERS

Measured = dict[str, dict[str, float]]
PARTS = ("save", "serialize", "read one", "load all", "populate")
# The operations that each part measures.
OPERATIONS = ("save", "save again", "append one", "append another", *PARTS[1:])


@contextmanager
def _timed(measured: Measured, operation: str) -> Iterator[None]:
    before, cpu, start = _peak(), time.process_time(), time.perf_counter()
    yield
    measured[operation] = {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - cpu,
        "peak_mib": _peak() - before,
    }


def _peak() -> float:
    """The process's peak resident memory so far in MiB, as the kernel accounts it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _save(peer: str, path: Path, contents: list[Named], measured: Measured) -> None:
    path.unlink(missing_ok=True)
    session = PEERS[peer]()
    with _timed(measured, "save"):
        session.record(contents)
        session.save(path)
    measured["save"]["file_mib"] = path.stat().st_size / MIB
    if peer in ENGINES:
        kept = path.with_suffix(".kept")
        with path.open("rb") as source, kept.open("wb") as copy:
            shutil.copyfileobj(source, copy)
            os.fsync(copy.fileno())  # else the next save would wait for these bytes, too
        with _timed(measured, "save again"):
            session.save(path)
        # The first may read what the save before it wrote; all later ones are as the second.
        for operation in ("append one", "append another"):
            with _timed(measured, operation):
                session.record([(operation, b"a small artifact" * 64)])
                session.save(path)
        kept.replace(path)


def _serialize(peer: str, path: Path, contents: list[Named], measured: Measured) -> None:
    session = ENGINES[peer]()
    with _timed(measured, "serialize"):
        session.record(contents)
        session.serialize()


def _read_one(peer: str, path: Path, contents: list[Named], measured: Measured) -> None:
    key, content = contents[len(contents) // 2]
    session = PEERS[peer]()
    with _timed(measured, "read one"):
        found = session.read_one(path, key)
    _expect(found == content)


def _load_all(peer: str, path: Path, contents: list[Named], measured: Measured) -> None:
    session = PEERS[peer]()
    with _timed(measured, "load all"):
        loaded = session.load_all(path)
    _expect(loaded == [content for _, content in contents])


def _populate(peer: str, path: Path, contents: list[Named], measured: Measured) -> None:
    session = ENGINES[peer]()
    with _timed(measured, "populate"):
        count = session.populate(path)
    _expect(count == len(contents))


def _expect(right: bool) -> None:
    if not right:
        sys.exit("what was read is not what was saved")


_RUN: dict[str, Callable[[str, Path, list[Named], Measured], None]] = {
    "save": _save,
    "serialize": _serialize,
    "read one": _read_one,
    "load all": _load_all,
    "populate": _populate,
}


def main() -> None:
    """Measure one part; prints JSON."""
    peer, workload, part, path, capture = sys.argv[1:]
    measured: Measured = {}
    _RUN[part](peer, Path(path), WORKLOADS[workload].contents(Path(capture)), measured)
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
