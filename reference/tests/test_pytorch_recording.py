"""What torch records and loads becomes artifacts; whatever goes wrong, the program goes on."""

import contextlib
import importlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from precompile_context import PrecompileContext
from precompile_context.adapters.pytorch.recording.capturing import Capture


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Inductor's cache directory, and as much of torch as says where it is."""
    with contextlib.suppress(ImportError):  # what else is imported of it needs the whole module
        importlib.import_module("torch._inductor.config")
    utils = SimpleNamespace(cache_dir=lambda: str(tmp_path / "cache"))
    monkeypatch.setitem(sys.modules, "torch._inductor.runtime.cache_dir_utils", utils)
    (tmp_path / "cache/ab").mkdir(parents=True)
    return tmp_path / "cache"


def recorded(context: PrecompileContext) -> dict[str, bytes]:
    found: dict[str, Any] = {i.key: context.lookup(i.type, i.key) for i in context.current()}
    return {key: file.content for key, file in found.items()}


def test_a_gpu_library_is_recorded_with_the_object_file_that_torch_asks_for(cache: Path) -> None:
    context = PrecompileContext()
    library = cache / "ab/cutlass.so"
    library.write_bytes(b"library")
    library.with_suffix(".o").write_bytes(b"object")
    Capture(context)._load_dll(lambda dll, path: None, None, str(library))
    assert recorded(context) == {
        "ab/cutlass.so": b"library",
        "ab/cutlass.o": b"object",
    }


def test_a_library_elsewhere_is_not_recorded(cache: Path) -> None:
    context = PrecompileContext()
    elsewhere = cache.parent / "libother.so"
    elsewhere.write_bytes(b"x")
    assert (
        Capture(context)._load_library(lambda *_: "library", None, str(elsewhere), "k") == "library"
    )
    assert not context.current()


def test_a_failure_of_ours_is_kept_from_the_program(cache: Path) -> None:
    capture = Capture(PrecompileContext())
    missing = str(cache / "ab/missing.so")
    assert capture._load_library(lambda *_: "library", None, missing, "k") == "library"
    assert isinstance(capture.fault, FileNotFoundError)


def test_a_failure_of_torch_is_handed_on(cache: Path) -> None:
    def fails(*_: object) -> None:
        raise ImportError("file too short")

    context = PrecompileContext()
    with pytest.raises(ImportError, match="file too short"):
        Capture(context)._load_library(fails, None, str(cache / "ab/c.so"), "k")
    assert not context.current()


def test_a_forked_child_records_nothing(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = PrecompileContext()
    capture = Capture(context)
    (cache / "ab/c.so").write_bytes(b"x")
    monkeypatch.setattr(os, "getpid", lambda: -1)
    capture._load_library(lambda *_: None, None, str(cache / "ab/c.so"), "k")
    assert not context.current()


def test_nothing_is_recorded_or_offered_for_other_instructions_than_at_the_start(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ATEN_CPU_CAPABILITY", raising=False)
    context = PrecompileContext()
    capture = Capture(context)
    path = cache / "ab/kernel.so"
    path.write_bytes(b"kernel")
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    capture._load_library(lambda *_: "library", None, str(path), "k")
    assert not context.current()
    assert list(capture._candidates(lambda: iter("graph"))) == []
    # Once disturbed, torch's own cache holds graphs of both kinds under one key.
    monkeypatch.delenv("ATEN_CPU_CAPABILITY")
    capture._load_library(lambda *_: "library", None, str(path), "k")
    assert not context.current()
    undisturbed = Capture(context)
    assert list(undisturbed._candidates(lambda: iter("graph"))) == list("graph")
