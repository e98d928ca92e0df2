"""The machine's own limits, measured beside the rest: what no engine can outrun."""

import hashlib
import json
import os
import random
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import zstandard

from benchmarks.contents import MIB

_TOTAL, _STEP = 1024 * MIB, 4 * MIB


def limits(path: Path) -> dict[str, float]:
    """MiB per second of each, on 1 GiB of random bytes (zstd: 64 MiB of text)."""
    data = [random.Random(index).randbytes(_STEP) for index in range(_TOTAL // _STEP)]
    text = b"".join(b"%d: the line with this number\n" % index for index in range(2_000_000))
    target = bytearray(_STEP * 64)
    target[:] = bytes(len(target))  # its pages are there before it is timed

    def sha256(threads: int) -> Callable[[], None]:
        def run() -> None:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(lambda piece: hashlib.sha256(piece).digest(), data))

        return run

    def write() -> None:
        with path.open("wb") as file:
            for piece in data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    def copy() -> None:
        for piece in range(64):
            target[piece * _STEP : (piece + 1) * _STEP] = data[piece]

    def compress(level: int) -> Callable[[], object]:
        return lambda: zstandard.ZstdCompressor(level=level).compress(text)

    measured = {
        "sha256, 1 thread": _rate(sha256(1), _TOTAL),
        "sha256, 2 threads": _rate(sha256(2), _TOTAL),
        "write and fsync": _rate(write, _TOTAL),
        "memory copy": _rate(copy, len(target)),
        "zstd level 3, 1 thread": _rate(compress(3), len(text)),
        "zstd level 7, 1 thread": _rate(compress(7), len(text)),
    }
    path.unlink()
    return measured


def _rate(run: Callable[[], object], size: int) -> float:
    start = time.perf_counter()
    run()
    return size / MIB / (time.perf_counter() - start)


if __name__ == "__main__":
    print(json.dumps(limits(Path(sys.argv[1]))))
