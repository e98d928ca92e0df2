"""A function that is captured once, kept in one file with its kernels' libraries (torch 2.15).

`torch.compiler.precompile.capture` writes two files, which leave the libraries out: whoever
loads them runs the compiler. Run it twice, the second time without one, if you like:

    python examples/precompiled_function.py step.precompile
"""

import logging
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from precompile_context import BundleFile, MemoryPrecompileCache, PrecompileContext
from precompile_context.adapters import pytorch
from precompile_context.trust import UNSIGNED


def step(model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What is captured; the model's weights are no part of it."""
    return torch.softmax(model(x).relu(), dim=-1) @ x


def captured(path: Path, model: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
    """Capture one call, keep it, and give its result."""
    # The example takes what it finds. A job would give its key: see docs/security.md.
    context = PrecompileContext(environment=pytorch.host_environment(), policy=UNSIGNED)
    with tempfile.TemporaryDirectory() as folder:
        pair = Path(folder, "step.py"), Path(folder, "step.cache")
        capture: Any = torch.compiler.precompile.capture  # type: ignore[attr-defined]
        with (
            pytorch.capture(context),  # the libraries
            capture(step, artifact_path=pair[0], cache_path=pair[1]) as capturing,
        ):
            result: torch.Tensor = capturing(model, x)
        pytorch.record_precompiled(context, "step", *pair)
    context.save_to(path)
    return result


def loaded(path: Path) -> Callable[..., torch.Tensor]:
    """The function; neither traced nor compiled."""
    bundle = BundleFile(path).open(policy=UNSIGNED)
    environment = pytorch.fitting_environment(pytorch.host_environment(), bundle)
    context = PrecompileContext(environment=environment, policy=UNSIGNED)
    context.load(bundle)
    functions = MemoryPrecompileCache()
    outcomes = pytorch.replay(context, functions).outcomes
    assert not outcomes, outcomes
    return pytorch.load_precompiled(functions, "step")


def main() -> None:
    """Compute one step."""
    path = Path(sys.argv[1])
    torch.manual_seed(0)
    model, x = torch.nn.Linear(8, 8), torch.arange(64.0).view(8, 8) / 64
    is_there = path.exists()
    result = loaded(path)(model, x) if is_there else captured(path, model, x)
    print(f"{'loaded' if is_there else 'captured'}, result {float(result.sum()).hex()}")


if __name__ == "__main__":
    # torch warns of each load that it runs what the files say: whose they are is the policy's.
    logging.getLogger("torch._precompile").setLevel(logging.ERROR)
    with torch.no_grad():
        main()
