"""One process of the table: some cases, in one mode, cold or warm; figures as JSON on stdout."""

import argparse
import contextlib
import functools
import json
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


def figures(title: str, place: Place, warm: bool, observation: Observation) -> dict[str, Any]:
    """Seconds, graphs compiled and kernels built of one case, and its result."""
    torch._dynamo.reset()
    before = observation.tally.counts()
    began = time.perf_counter()
    result = run(title, place, warm)
    seconds = time.perf_counter() - began
    after = observation.tally.counts()
    return {
        "seconds": round(seconds, 3),
        "graphs": after["graphs_compiled"] - before["graphs_compiled"],
        "kernels": after["kernels_built"] - before["kernels_built"],
        "result": result,
    }


def main() -> None:
    """Run the cases that are named, all of them by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=MODES, required=True)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--saved", type=Path, required=True, help="what is saved and loaded")
    parser.add_argument("--place", type=Path, required=True, help="for modules that cases write")
    parser.add_argument("titles", nargs="*", default=list(CASES))
    options = parser.parse_args()
    # Outside of the mode: its hooks, too, are counted.
    observation = Observation(Tally(None))
    arrive = functools.partial(mode_of, options.mode, options.saved)
    place = Place(options.place, arrive)
    rows: dict[str, Any] = {}
    began = time.perf_counter()
    with mode_of(options.mode, options.saved) as report:
        entered = time.perf_counter() - began
        for title in options.titles:
            rows[title] = figures(title, place, options.warm, observation)
    automatic = report.precompile.as_json() if report is not None else None
    left = {"enter": round(entered, 3), "reason": report and report.reason}
    print(json.dumps({"rows": rows, "precompile": automatic, **left}))


if __name__ == "__main__":
    main()
