"""A library is found again where torch and Python are installed elsewhere."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from precompile_context import PrecompileContext
from precompile_context.adapters.pytorch import artifacts, relocation
from precompile_context.adapters.pytorch.artifacts import InductorFile

HERE = {"/home/a/venv": "<prefix>", "/usr": "<python>", "/home/a/venv/lib/torch": "<torch>"}
THERE = {"/srv": "<prefix>", "/opt/python": "<python>", "/srv/site/torch": "<torch>"}


def command(roots: dict[str, str], flags: str = "-O3") -> str:
    directory = {word: root for root, word in roots.items()}
    torch, python = directory["<torch>"], directory["<python>"]
    return f"g++ {flags} -I{python}/include -I{torch}/include -L{torch} -lc10"


def test_a_name_does_not_depend_on_the_installation() -> None:
    here = relocation.portable_name("source", command(HERE), HERE)
    assert here == relocation.portable_name("source", command(THERE), THERE)
    assert here == relocation.portable_name(b"source\n", command(HERE), HERE)


def test_a_name_depends_on_all_else() -> None:
    names = {
        relocation.portable_name("source", command(HERE), HERE),
        relocation.portable_name("other", command(HERE), HERE),
        relocation.portable_name("source", command(HERE, "-O1"), HERE),
        relocation.portable_name("source", command(HERE) + " -I/home/a/venv2/x", HERE),
        relocation.portable_name("source", command(HERE) + " -I/home/a/venv/x", HERE),
    }
    assert len(names) == 5


def test_an_applied_library_is_put_where_torch_looks_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "torch._inductor.runtime.cache_dir_utils"
    monkeypatch.setitem(sys.modules, module, SimpleNamespace(cache_dir=lambda: str(tmp_path)))
    monkeypatch.setattr(artifacts, "_cache_dir", lambda: str(tmp_path))
    monkeypatch.setattr(relocation, "_installation", lambda: THERE)
    monkeypatch.setattr(relocation, "_APPLIED", {})
    monkeypatch.setattr(relocation, "_NAMES", {})
    name = relocation.portable_name("source", command(HERE), HERE)
    context = PrecompileContext()
    context.register(InductorFile)
    context.record_artifact("inductor_file", "ab/chere.main.so", b"library", portable_name=name)
    context.populate()
    wanted = tmp_path / "cd/cthere.main.so"
    relocation.looked_for(str(wanted), "source", command(THERE))
    assert wanted.read_bytes() == b"library"
    assert relocation.name_of(str(wanted)) == name
    other = tmp_path / "cd/cother.main.so"
    relocation.looked_for(str(other), "other source", command(THERE))
    assert not other.exists()
