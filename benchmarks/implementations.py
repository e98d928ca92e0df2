"""`python -m benchmarks.implementations`: testees against each other and SHA-256's limit.

One bundle of 1 GiB, in 16 contents of 64 MiB that do not compress. Each testee opens it and
reads one content (`extract`), and reads and verifies all (`read`); in turn, so that what else
the machine does falls on all alike. Ratios are of the best of each.
"""

import hashlib
import shlex
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from precompile.conformance.v1 import reading_pb2, testee_pb2
from precompile_conformance.testee import Testee
from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import Chain, NewArtifact, SegmentWriter

REFERENCE = f"{sys.executable} -m testees.reference"
SIZE, COUNT, ROUNDS = 64 << 20, 16, 3


def main(commands: list[str], place: Path) -> None:
    """Measure and print; `place` is where the file is written."""
    with tempfile.TemporaryDirectory(dir=place) as directory:
        path = Path(directory) / "large.precompile"
        _write(path)
        one = testee_pb2.Request(
            extract=reading_pb2.ExtractRequest(path=str(path), type="test.blob", key="7")
        )
        whole = testee_pb2.Request(read=reading_pb2.ReadRequest(path=str(path)))
        best: dict[tuple[str, str], float] = {}
        for _ in range(ROUNDS):
            for what, size in (("one", SIZE), ("all", SIZE * COUNT)):
                _keep(best, ("SHA-256", what), _hash_seconds(path, size))
            for command in commands:
                testee = Testee(shlex.split(command), seconds=600)
                testee.hello()
                for what, request in (("one", one), ("all", whole)):
                    start = time.perf_counter()
                    kind = testee.ask(request).WhichOneof("response")
                    if kind not in ("extracted", "bundle"):
                        raise SystemExit(f"{command}: answered {kind}")
                    _keep(best, (command, what), time.perf_counter() - start)
                testee.close()
    for command in ["SHA-256", *commands]:
        told = "; ".join(
            f"{what} {best[command, what]:.2f} s, {best[command, what] / best['SHA-256', what]:.2f}"
            " times SHA-256"
            for what in ("one", "all")
        )
        print(f"{command}: {told}")


def _write(path: Path) -> None:
    artifacts = []
    for index in range(COUNT):
        content = Random(index).randbytes(SIZE)
        digest = hashlib.sha256(content).digest()
        artifacts.append(
            NewArtifact("test.blob", str(index), ArtifactKind.CACHE, digest, content, (), ())
        )
    with path.open("wb") as file:
        for chunk in SegmentWriter(Chain()).chunks(artifacts, []):
            file.write(chunk)


def _hash_seconds(path: Path, size: int) -> float:
    """How long the file's first bytes take to be hashed, once they are in memory."""
    with path.open("rb") as file:
        data = file.read(size)
    start = time.perf_counter()
    hashlib.sha256(data).digest()
    return time.perf_counter() - start


def _keep(best: dict[tuple[str, str], float], key: tuple[str, str], seconds: float) -> None:
    best[key] = min(seconds, best.get(key, seconds))


if __name__ == "__main__":
    main([REFERENCE, *sys.argv[1:]], Path.cwd())
