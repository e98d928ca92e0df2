"""Cases of the table in one mode, cold or warm, a process each; figures as JSON on stdout."""

import argparse
import contextlib
import functools
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import torch._inductor.compile_fx  # so that no clock measures imports

from benchmarks.pytorch_cases import CASES, Place
from precompile_context import UNSIGNED
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch.recording.observe import Observation, Tally

TOLERANCE = 1e-5
MODES = ("alone", "mega-cache", "caching_precompile", "ours")


@contextlib.contextmanager
def mode_of(mode: str, saved: Path) -> Iterator[Any]:
    """Torch in one of the modes, with what was saved at this path, and saving there."""
    if mode == "ours":
        with pytorch.caching_precompile(saved, trust=UNSIGNED) as report:
            yield report
        return
    torch._dynamo.config.caching_precompile = mode == "caching_precompile"
    if mode != "alone" and saved.exists():
        torch.compiler.load_cache_artifacts(saved.read_bytes())
    yield None
    if mode != "alone" and (artifacts := torch.compiler.save_cache_artifacts()):
        saved.write_bytes(artifacts[0])


def run(title: str, place: Place, warm: bool) -> str:
    """Whether each result of a case is eager mode's: "equal", "WRONG" or "RAISED: what"."""
    try:
        for result, eager in CASES[title](place, warm):
            if result.shape != eager.shape or not torch.allclose(result, eager, atol=TOLERANCE):
                return "WRONG"
    except Exception as error:
        text = " ".join(str(error).split())
        return f"RAISED: {type(error).__name__}: {text[:200]}"
    return "equal"


def figures(
    title: str, mode: str, saved: Path, place: Place, warm: bool, device: str | None
) -> dict[str, Any]:
    """Seconds, graphs compiled and kernels built of one case, and its result."""
    tally = Tally(None)
    observation = Observation(tally)  # outside of the mode: what it answers is not counted
    if device is not None:
        torch.set_default_device(device)
    place.arrive = functools.partial(mode_of, mode, saved)
    began = time.perf_counter()
    with place.arrive() as report:
        result = run(title, place, warm)
    seconds = time.perf_counter() - began
    observation.stop()
    counts = tally.counts()
    return {
        "seconds": round(seconds, 3),
        "graphs": counts["graphs_compiled"],
        "kernels": counts["kernels_built"],
        "result": result,
        "reason": None if report is None else report.reason,
        "precompile": None if report is None else report.precompile.as_json(),
    }


def slug(title: str) -> str:
    """A file name for a case."""
    return re.sub(r"[^a-z0-9]+", "-", title.lower())


def in_a_process(work: Callable[[], dict[str, Any]], home: Path) -> dict[str, Any]:
    """The row that `work` makes in a forked process with empty caches; torch is imported already.

    A process that dies says how.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            for variable, name in (("TORCHINDUCTOR_CACHE_DIR", "cache"), ("TMPDIR", "tmp")):
                os.environ[variable] = tempfile.mkdtemp(prefix=name, dir=home)
            tempfile.tempdir = None  # as TMPDIR says now
            row = json.dumps(work()).encode()
            with open(writing, "wb") as pipe:
                pipe.write(row)
        finally:
            sys.stderr.flush()
            os._exit(0)
    os.close(writing)
    with open(reading, "rb") as pipe:
        row = pipe.read()
    _, status = os.waitpid(pid, 0)
    if not row:
        return {"seconds": 0.0, "graphs": 0, "kernels": 0, "result": f"RAISED: status {status}"}
    result: dict[str, Any] = json.loads(row)
    return result


def main() -> None:
    """Run the cases that are named, all of them by default, each in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--device", help="where tensors are made; torch's own choice without")
    parser.add_argument("--saved", type=Path, required=True, help="where it is saved and loaded")
    parser.add_argument("--place", type=Path, required=True, help="for modules that cases write")
    parser.add_argument("titles", nargs="*", default=list(CASES))
    options = parser.parse_args()
    place = Place(options.place)
    rows = {}
    with tempfile.TemporaryDirectory(prefix="pytorch-run-") as home:
        for title in options.titles:
            saved = options.saved / f"{slug(title)}.precompile"
            mode, device = options.mode, options.device
            work = functools.partial(figures, title, mode, saved, place, options.warm, device)
            rows[title] = in_a_process(work, Path(home))
            print(title, file=sys.stderr, flush=True)
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
