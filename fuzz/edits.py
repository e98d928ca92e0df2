"""Programs that are compiled, edited and compiled again, compared with what they do uncompiled.

Both processes of a program are forked from this one, which has imported torch and compiled
once; the second starts with what the first saved, and with an empty cache directory.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.edit_programs import EDITS, HOLDERS, MODES, REACHES, Program, program
from tests.guard_timing import time_no_guards

_BATCH = 24  # programs that share a process


def run(seconds: int, seed: int, only: str | None) -> int:
    """Programs of a seed for so many seconds; 1 where one was served what is not its own."""
    began, number = time.monotonic(), 0
    counts: Counter[str] = Counter()
    while not number or (only is None and time.monotonic() - began < seconds):
        batches: dict[str, list[Program]] = {}
        for made in _named(only, seed) if only else _sequence(seed, number):
            batches.setdefault(made.mode, []).append(made)
        number += _BATCH
        for mode, programs in batches.items():
            for made, outcome in outcomes(mode, programs):
                counts[outcome] += 1
                if outcome.startswith("WRONG") or only:
                    print(f"--seed {seed} --program {made.title!r}: {outcome}", flush=True)
    wrong = sum(count for outcome, count in counts.items() if outcome.startswith("WRONG"))
    fine = ", ".join(f"{n} {what}" for what, n in sorted(counts.items()) if what[:5] != "WRONG")
    print(
        f"edits: {sum(counts.values())} programs of {len(HOLDERS) * len(REACHES)} x {len(EDITS)}"
        f" x {len(MODES)}, seed {seed}: {wrong} wrong; {fine}"
    )
    return 1 if wrong else 0


def _sequence(seed: int, number: int) -> list[Program]:
    return [program(seed, number + i) for i in range(_BATCH)]


def _named(title: str, seed: int) -> list[Program]:
    holder, reach, edit, mode = title.split("/")
    return [Program(holder, reach, edit, mode, f"edit_{seed}_named")]


@functools.cache
def _prepare() -> None:
    """What all processes would do: import torch, and compile for the first time."""
    import torch
    import torch._inductor.compile_fx
    import torch._inductor.config as config

    torch.set_num_threads(1)
    config.compile_threads = 1
    config.fallback_by_default = True  # no kernel is built: the C++ compiler is not tested here
    config.cpp.vec_isa_ok = True
    config.cpp_cache_precompile_headers = False
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = scratch
        compiled: Any = torch.compile(torch.mm)
        compiled(torch.ones(4, 4), torch.ones(4, 4))
    torch._dynamo.reset()
    time_no_guards()


def outcomes(mode: str, programs: list[Program]) -> Iterator[tuple[Program, str]]:
    """What came of each program, which all run in one mode."""
    _prepare()
    with tempfile.TemporaryDirectory(prefix="edits-") as scratch:
        place = Path(scratch)
        cold = _in_a_process(mode, programs, place, edited=False)
        warm = _in_a_process(mode, programs, place, edited=True)
        for made, before, after in zip(programs, cold, warm, strict=True):
            yield made, _outcome(made, before, after)


def _outcome(made: Program, before: dict[str, Any], after: dict[str, Any]) -> str:
    if before["result"] != "equal":
        return "not compiled by torch as they run"
    if after["result"] != "equal":
        return f"WRONG: {after['result']}"
    if made.edit == "moved" and made.mode != "graphs":
        return "only moved, and served" if after["served"] else "only moved, and compiled"
    return "right, with all served" if after["served"] and not after["compiled"] else "right"


def _in_a_process(
    mode: str, programs: list[Program], place: Path, *, edited: bool
) -> list[dict[str, Any]]:
    modules = place / ("edited" if edited else "first")
    modules.mkdir()
    for made in programs:
        for name, source in made.sources(edited=edited).items():
            (modules / f"{name}.py").write_text(source)
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        gc.freeze()  # compiling looks for garbage often, and what is here by now is none
        try:
            rows = _work(mode, programs, place, modules)
            with open(writing, "w") as pipe:
                json.dump(rows, pipe)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    if not text:
        return [{"result": "the process died", "served": 0, "compiled": 0}] * len(programs)
    made_rows: list[dict[str, Any]] = json.loads(text)
    return made_rows


def _work(mode: str, programs: list[Program], place: Path, modules: Path) -> list[dict[str, Any]]:
    import torch

    # In a forked process torch makes its pool of threads anew when it is first asked for; threads
    # of autograd that ask at once find none.
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  # torch's warnings on unusual programs
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(modules / "cache")
    os.environ["XDG_STATE_HOME"] = str(place / "state")
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(modules))
    rows = []
    with _mode(mode, place / f"{mode}.precompile") as report:
        for made in programs:
            before = (report.served, report.compiled) if report else (0, 0)
            result = _compare(made)
            after = (report.served, report.compiled) if report else (0, 0)
            row = {"result": result, "served": after[0] - before[0]}
            rows.append({**row, "compiled": after[1] - before[1]})
    return rows


@contextlib.contextmanager
def _mode(mode: str, saved: Path) -> Iterator[Any]:
    """torch in a mode of ours, with what was saved; its report on frames, where it has one."""
    from precompile_context import UNSIGNED, PrecompileContext
    from precompile_context.adapters import pytorch

    if mode == "context":
        context = PrecompileContext(environment=pytorch.host_environment(), policy=UNSIGNED)
        if saved.exists():
            context.load(saved.read_bytes())
        with pytorch.precompiling(context) as report:
            yield report
        if (made := context.serialize()) is not None:
            saved.write_bytes(made[0])
        return
    opening = pytorch.caching_precompile if mode == "frames" else pytorch.warm_start
    with opening(saved, trust=UNSIGNED) as started:
        yield started.precompile


def _compare(made: Program) -> str:
    """Whether a program gives compiled what it gives uncompiled."""
    import torch

    try:
        module = importlib.import_module(made.name)
        expected = _result(module, module.step)
    except Exception as error:
        return f"uncompiled: {_told(error)}"
    try:
        dynamic = getattr(module, "DYNAMIC", None)
        result = _result(module, torch.compile(module.step, dynamic=dynamic))
    except Exception as error:
        return _told(error)
    pairs = zip(result, expected, strict=True)
    same = all(a.shape == b.shape and torch.allclose(a, b) for a, b in pairs)
    return "equal" if same else "another result"


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def _result(module: Any, step: Any) -> list[Any]:
    import torch

    x = torch.arange(64.0).reshape(8, 8) / 64
    if not getattr(module, "GRADIENT", False):
        with torch.no_grad():
            return [step(x)]
    x.requires_grad_()
    y = step(x)
    y.backward(torch.ones_like(y) / 8)
    return [y.detach(), x.grad]
