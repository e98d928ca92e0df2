"""How costs grow: against artifacts, bytes, segments and readers; each point one process."""

import json
import random
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from benchmarks.contents import MIB, Named
from benchmarks.peers import ENGINES, BundlePeer
from precompile_context import UNSIGNED, BundleFile

Point = dict[str, float]
_REPEATS = 5


def by_artifacts(peer: str, path: Path, count: int) -> Point:
    """1 KiB each: seconds to save all, to open and read one, to load all, to append."""
    return _engine(peer, path, [(f"key-{i}", c) for i, c in enumerate(_contents(count, 1024))])


def by_mebibytes(peer: str, path: Path, mebibytes: int) -> Point:
    """4 MiB each: the same."""
    contents = _contents(mebibytes // 4, 4 * MIB)
    return _engine(peer, path, [(f"key-{i}", c) for i, c in enumerate(contents)])


def _contents(count: int, size: int) -> list[bytes]:
    generator = random.Random(count)
    return [generator.randbytes(size) for _ in range(count)]


def _engine(peer: str, path: Path, contents: list[Named]) -> Point:
    session = ENGINES[peer]()
    path.unlink(missing_ok=True)

    def save() -> None:
        session.record(contents)
        session.save(path)

    point = {"save": _seconds(save)}
    point["read one"] = _median(lambda: session.read_one(path, contents[-1][0]))
    point["load all"] = _median(lambda: session.load_all(path))
    count = 0

    def append() -> None:
        nonlocal count
        count += 1
        session.record([(f"more {count}", b"%d" % count * 100)])
        session.save(path)

    point["append another"] = _median(append)  # the first, which may read the file, is no median
    return point


def by_segments(peer: str, path: Path, segments: int) -> Point:
    """Ten artifacts of 1 KiB each: seconds to open, and to append one segment more."""
    session = BundlePeer()
    path.unlink(missing_ok=True)
    for index, content in enumerate(_contents(segments, 10 * 1024)):
        pieces = ((f"{index}/{i}", content[i * 1024 : (i + 1) * 1024]) for i in range(10))
        session.record(pieces)
        session.save(path)
    point = {"open": _median(lambda: BundleFile(path).open(policy=UNSIGNED))}
    session.record([("more", b"more")])
    point["append another"] = _seconds(lambda: session.save(path))
    return point


def by_readers(peer: str, path: Path, readers: int) -> Point:
    """Processes that load the same 64 MiB at once: seconds until all have."""
    session = BundlePeer()
    path.unlink(missing_ok=True)
    session.record((f"key-{i}", c) for i, c in enumerate(_contents(64, MIB)))
    session.save(path)
    with ProcessPoolExecutor(readers, mp_context=get_context("fork")) as pool:
        list(pool.map(_load, [path] * readers))  # the processes are there
        return {"load all": _median(lambda: list(pool.map(_load, [path] * readers)))}


def _load(path: Path) -> int:
    bundle = BundleFile(path).open(policy=UNSIGNED)
    return sum(len(bundle.read(stored)) for stored in bundle.current().values())


def _median(run: Callable[[], object]) -> float:
    return statistics.median(_seconds(run) for _ in range(_REPEATS))


def _seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


BOTH, OURS = ("bundle", "mega-cache"), ("bundle",)
Series = tuple[Callable[[str, Path, int], Point], tuple[str, ...], list[int]]
SERIES: dict[str, Series] = {
    "artifacts": (by_artifacts, BOTH, [100, 1_000, 10_000, 100_000]),
    "MiB": (by_mebibytes, BOTH, [16, 64, 256, 1024]),
    "segments": (by_segments, OURS, [1, 10, 100, 1_000]),
    "readers": (by_readers, OURS, [1, 2, 4, 8]),
}


if __name__ == "__main__":
    name, peer, path, size = sys.argv[1:]
    print(json.dumps(SERIES[name][0](peer, Path(path), int(size))))
