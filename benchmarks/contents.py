"""What is saved and loaded: names and contents, the same in every process."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from precompile_context import UNSIGNED, BundleFile

MIB = 1 << 20
Named = tuple[str, bytes]


@dataclass(frozen=True)
class Workload:
    """Contents of one shape; where `capture` is used, those of a real program, multiplied."""

    name: str
    count: int = 0
    size: int = 0
    total: int = 0
    full: bool = False  # run only when asked for

    def contents(self, capture: Path) -> list[Named]:
        """(key, content) of each artifact."""
        if self.total:
            return list(_multiplied(capture, self.total))
        return [(f"key-{index}", content) for index, content in enumerate(self._random())]

    def _random(self) -> Iterator[bytes]:
        if not self.count:
            yield bytes(self.size)
            return
        generator = random.Random(self.count)
        for _ in range(self.count):
            yield generator.randbytes(self.size)


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("256 x 4 MiB", count=256, size=4 * MIB),
        Workload("100,000 x 1 KiB", count=100_000, size=1024),
        Workload("real, 128 MiB", total=128 * MIB),
        Workload("real, 1 GiB", total=1024 * MIB, full=True),
        Workload("1,000,000 x 1 KiB", count=1_000_000, size=1024, full=True),
        Workload("one of 5 GiB, sparse", size=5 * 1024 * MIB, full=True),
    )
}

# Of real content, every so often some bytes are made new in each copy: two compiles of one
# program share no whole content, and most of their bytes.
_FRESH_EVERY, _FRESH = 512, 8


def _multiplied(capture: Path, total: int) -> Iterator[Named]:
    bundle = BundleFile(capture).open(policy=UNSIGNED)
    real = [(stored.key, bundle.read(stored)) for stored in bundle.current().values()]
    made = copy = 0
    while made < total:
        generator = random.Random(copy)
        for key, content in real:
            varied = bytearray(content)
            for start in range(0, len(varied), _FRESH_EVERY):
                at = start + generator.randrange(_FRESH_EVERY - _FRESH)
                if at + _FRESH <= len(varied):
                    varied[at : at + _FRESH] = generator.randbytes(_FRESH)
            yield f"{copy}/{key}", bytes(varied)
            made += len(varied)
        copy += 1
