"""One process of the table: some cases, in one mode, cold or warm; figures as JSON on stdout."""

import argparse
import contextlib
import functools
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch._inductor.compile_fx  # so that no clock measures imports

from benchmarks.pytorch_cases import CASES, Place
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch.observe import Observation, Tally

TOLERANCE = 1e-5
MODES = ("alone", "mega-cache", "caching_precompile", "ours")


@contextlib.contextmanager
def mode_of(mode: str, saved: Path) -> Iterator[Any]:
    """Torch in one of the modes, with what was saved at this path, and saving there."""
    if mode == "ours":
        with pytorch.caching_precompile(saved) as report:
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


def figures(title: str, mode: str, saved: Path, place: Place, warm: bool) -> dict[str, Any]:
    """Seconds, graphs compiled and kernels built of one case, and its result."""
    torch._dynamo.reset()
    tally = Tally(None)
    observation = Observation(tally)  # outside of the mode: what it answers is not counted
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


def main() -> None:
    """Run the cases that are named, all of them by default, each with a file of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--saved", type=Path, required=True, help="where it is saved and loaded")
    parser.add_argument("--place", type=Path, required=True, help="for modules that cases write")
    parser.add_argument("titles", nargs="*", default=list(CASES))
    options = parser.parse_args()
    place = Place(options.place)
    rows = {
        title: figures(
            title, options.mode, options.saved / f"{slug(title)}.precompile", place, options.warm
        )
        for title in options.titles
    }
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
