"""Whatever a program compiles first, by whichever way, is seen by the run."""

from pathlib import Path

import pytest

from tests.forking import Interpreters
from tests.programs import Programs
from tests.torch_pairs import QUIET, needs_pairs

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

BEGIN = """
import os, sys, threading, torch

def square(x):
    return x @ x + 1

class Block(torch.nn.Module):
    def forward(self, x):
        return square(x)

def show(function):
    print(function(torch.ones(4, 4)).sum().item(), flush=True)
"""

# What a process compiles first, and what is then served of it: frames, and kernels loaded.
FIRST = {
    "fullgraph": ("show(torch.compile(square, fullgraph=True))", 1),
    "optimize": ("show(torch._dynamo.optimize('inductor')(square))", 1),
    "optimize_assert": ("show(torch._dynamo.optimize_assert('inductor')(square))", 1),
    "module": ("block = Block()\nblock.compile(fullgraph=True)\nshow(block)", 1),
    "regions": (
        "model = torch.nn.Sequential(Block(), Block())\n"
        "for part in model:\n    part.compile(fullgraph=True)\nshow(model)",
        1,
    ),
    "thread": (
        "thread = threading.Thread(target=show, args=[torch.compile(square, fullgraph=True)])\n"
        "thread.start()\nthread.join()",
        1,
    ),
    "import": ("import imported", 1),
    "exported program": (
        "program = torch.export.export(Block(), (torch.ones(4, 4),))\n"
        "show(torch.compile(program.module(), fullgraph=True))",
        0,
    ),
    "lookup of the backend": (
        "from torch._dynamo.backends.registry import lookup_backend\n"
        "show(torch.compile(square, backend=lookup_backend('inductor'), fullgraph=True))",
        1,
    ),
    "aot_compile": (
        "step = torch.compile(square, fullgraph=True)\n"
        "show(step.aot_compile(((torch.ones(4, 4),), {})))",
        0,
    ),
    "standalone_compile": (
        "from torch.fx.experimental.proxy_tensor import make_fx\n"
        "example = [torch.ones(4, 4)]\n"
        "graph = make_fx(square)(*example)\n"
        "options = {'dynamic_shapes': 'from_example_inputs'}\n"
        "built = torch._inductor.standalone_compile(graph, example, **options)\n"
        "show(built)",
        0,
    ),
    "aot_compile, loaded": (
        "if os.path.exists('file'):\n"
        "    with open('file', 'rb') as file:\n"
        "        show(torch.compiler.load_compiled_function(file))\n"
        "else:\n"
        "    step = torch.compile(square, fullgraph=True).aot_compile(((torch.ones(4, 4),), {}))\n"
        "    step.save_compiled_function('file')\n"
        "    show(step)",
        0,
    ),
    "standalone_compile, loaded": (
        "from torch.fx.experimental.proxy_tensor import make_fx\n"
        "from torch._inductor.standalone_compile import CompiledArtifact\n"
        "if os.path.exists('file'):\n"
        "    loaded = CompiledArtifact.load(path='file')\n"
        "    show(lambda x: loaded(x)[0])\n"
        "else:\n"
        "    example = [torch.ones(4, 4)]\n"
        "    graph = make_fx(square)(*example)\n"
        "    options = {'dynamic_shapes': 'from_example_inputs'}\n"
        "    built = torch._inductor.standalone_compile(graph, example, **options)\n"
        "    built.save(path='file')\n"
        "    show(built)",
        0,
    ),
}
# torch 2.15 has these.
PAIRS = {
    "precompile.capture": (
        "pair = {'artifact_path': 'code.py', 'cache_path': 'cache'}\n"
        "with torch.compiler.precompile.capture(square, **pair) as capture:\n"
        "    show(capture)",
        0,
    ),
    "precompile.capture, loaded": (
        f"{QUIET}\n"
        "pair = {'artifact_path': 'code.py', 'cache_path': 'cache'}\n"
        "if os.path.exists('cache'):\n"
        "    show(torch.compiler.precompile.load(**pair))\n"
        "else:\n"
        "    with torch.compiler.precompile.capture(square, **pair) as capture:\n"
        "        show(capture)",
        0,
    ),
}


def test_adapters_wait_for_modules_that_the_programs_import(
    tmp_path: Path, with_torch: Interpreters
) -> None:
    """Else what follows would show nothing of a first import."""
    programs = Programs(tmp_path, with_torch)
    programs.write(
        program="import sys, _precompile_run\n"
        "waited = {name for name, _ in _precompile_run.announced() if name[:6] == 'torch.'}\n"
        "print(len(waited) > 1, waited & set(sys.modules))"
    )
    assert programs.run().stdout == "True set()\n"


@pytest.mark.parametrize("how", [*FIRST, *(pytest.param(how, marks=needs_pairs) for how in PAIRS)])
def test_first_compile_is_seen_cold_and_warm(
    how: str, tmp_path: Path, with_torch: Interpreters
) -> None:
    source, served = {**FIRST, **PAIRS}[how]
    result = "1616.0\n" if how == "regions" else "80.0\n"
    programs = Programs(tmp_path, with_torch)
    programs.write(program=BEGIN + source)
    programs.write(imported=BEGIN + FIRST["fullgraph"][0])
    cold, warm = programs.precompile(), programs.precompile()
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [(result, "")] * 2
    assert cold.report["kernels"] == {"hits": 0, "built": 1}
    assert warm.report["kernels"] == {"hits": 1, "built": 0}
    assert (cold.frames[2], warm.frames[0]) == (served, served)
    for ran in (cold, warm):  # each frame is saved, or has one reason
        assert ran.frames[1] - ran.frames[2] == len(ran.reasons)


def test_first_compile_with_a_backend_of_the_program_says_why_it_is_not_kept(
    tmp_path: Path, with_torch: Interpreters
) -> None:
    programs = Programs(tmp_path, with_torch)
    backend = "def own(graph, inputs):\n    return graph.forward\n"
    programs.write(program=BEGIN + backend + "show(torch.compile(square, backend=own))")
    ran = programs.precompile()
    assert (ran.stdout, ran.stderr) == ("80.0\n", "")
    assert "backend own saves nothing" in ran.reasons["__main__.square"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_first_compile_in_a_child_is_seen(
    method: str, tmp_path: Path, with_torch: Interpreters
) -> None:
    programs = Programs(tmp_path, with_torch)
    child = f"""
def child():
    show(torch.compile(square, fullgraph=True))

if __name__ == "__main__":
    import multiprocessing
    process = multiprocessing.get_context({method!r}).Process(target=child)
    process.start()
    process.join()
"""
    programs.write(program=BEGIN + child)
    cold, warm = programs.precompile(), programs.precompile()
    assert [(ran.stdout, ran.stderr) for ran in (cold, warm)] == [("80.0\n", "")] * 2
    (built,), (served,) = cold.report["children"], warm.report["children"]
    assert (built["precompile"]["saved"], served["precompile"]["served"]) == (1, 1)
    assert served["graphs"]["compiled"] == 0
