"""Graphs and libraries of a bundle, handed over when they are asked for."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context.adapters.pytorch import relocation
from precompile_context.adapters.pytorch.serving import handing as serving
from precompile_context.adapters.pytorch.serving.handing import Serving
from precompile_context.bundle import Bundle, NewArtifact, StoredArtifact
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED
from tests.toys import flip, new_artifact, noise, write_segment

pytestmark = pytest.mark.torch


class Explodes:
    """Raises when it is unpickled."""

    def __reduce__(self) -> Any:
        return exec, ("raise AssertionError",)


class Asked:
    """A bundle that serves a directory, and what was told of it."""

    def __init__(self, root: Path, data: bytes) -> None:
        self.handed: list[str] = []
        self.refused: list[tuple[str, ErrorCode]] = []
        bundle = Bundle.open(data, policy=UNSIGNED)
        self.serving = Serving(
            bundle, str(root), handed=lambda s: self.handed.append(s.key), refused=self._refuse
        )
        self.others = self.serving.take(bundle.current().values())

    def _refuse(self, stored: StoredArtifact, error: PrecompileError) -> None:
        self.refused.append((stored.key, error.code))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(serving, "_serving", {})
    monkeypatch.setattr(relocation, "_APPLIED", {})
    monkeypatch.setattr(relocation, "_NAMES", {})
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


def graph(key: str, content: bytes, type_name: str = "inductor") -> NewArtifact:
    return new_artifact(key, content, type=type_name, torch_key=key.partition("#")[0])


def library(key: str, content: bytes, name: str = "") -> NewArtifact:
    return new_artifact(key, content, type="inductor_file", portable_name=name)


def ask(cache: str, key: str, *, local: bool = True, original: Any = None) -> Iterator[Any]:
    from torch._functorch._aot_autograd.autograd_cache import AOTAutogradCache
    from torch._inductor.codecache import FxGraphCache

    cls = {"inductor": FxGraphCache, "aot_autograd": AOTAutogradCache}[cache]
    return serving._candidates(original or (lambda *_: iter(())), cls, local, None, key)


def test_only_what_is_asked_for_is_read_and_told(root: Path) -> None:
    graphs = [graph(f"f{n}", pickle.dumps(n)) for n in range(3)]
    asked = Asked(root, write_segment(*graphs, graph("f1", pickle.dumps("aot"), "aot_autograd")))
    asked.serving.start("b")
    assert [value for value, _, _ in ask("inductor", "f1")] == [1]
    assert [value for value, _, _ in ask("aot_autograd", "f1")] == ["aot"]
    assert list(ask("inductor", "f9")) == []
    assert asked.handed == ["f1", "f1"]
    list(ask("inductor", "f1"))
    assert len(asked.handed) == 2


def test_versions_of_a_graph_are_unpickled_one_by_one(root: Path) -> None:
    data = write_segment(graph("f1", pickle.dumps(1)), graph("f1#x", pickle.dumps(Explodes())))
    asked = Asked(root, data)
    asked.serving.start("b")
    candidates = ask("inductor", "f1")
    assert next(candidates)[0] == 1
    assert asked.handed == ["f1"]
    assert list(candidates) == []  # the second one cannot be unpickled: it is no candidate
    assert asked.handed == ["f1", "f1#x"]


def test_torch_s_own_directory_comes_first_and_a_remote_cache_last(root: Path) -> None:
    asked = Asked(root, write_segment(graph("f1", pickle.dumps("ours"))))
    asked.serving.start("b")
    from torch._inductor.codecache import FxGraphCache

    def original(cls: Any, local: bool, remote: Any, key: str) -> Iterator[Any]:
        yield ("local" if local else f"remote {remote}"), b"", local

    found = serving._candidates(original, FxGraphCache, True, "cache", "f1")
    assert [value for value, _, _ in found] == ["local", "ours", "remote cache"]
    found = serving._candidates(original, FxGraphCache, False, None, "f1")
    assert [value for value, _, _ in found] == ["remote None"]


def test_another_cache_directory_finds_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = relocation.portable_name("source", "g++", {})
    data = write_segment(graph("f1", pickle.dumps(1)), library("ab/c1.main.so", b"lib", name))
    Asked(root, data).serving.start("b")
    monkeypatch.setattr(relocation, "_installation", dict)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "fresh"))
    assert list(ask("inductor", "f1")) == []
    serving.wanted(f"{tmp_path}/fresh/ab/c1.main.cpp")
    relocation.looked_for(f"{tmp_path}/fresh/ab/c2.main.so", "source", "g++")
    assert not list(tmp_path.rglob("*.so"))


def test_a_source_that_is_written_brings_what_was_built_of_it(root: Path) -> None:
    data = write_segment(
        library("ab/c1.main.so", b"one"),
        library("ab/c1.o", b"object"),
        library("ab/c2.main.so", b"two"),
        library("ab/c1.py", b"no library"),
        library("../c1.so", b"outside"),
    )
    asked = Asked(root, data)
    asked.serving.start("b")
    (root / "ab").mkdir(parents=True)
    serving.wanted(f"{root}/ab/c1.main.cpp")
    assert sorted(path.name for path in (root / "ab").iterdir()) == ["c1.main.so", "c1.o"]
    serving.wanted(f"{root}/../c1.cpp")
    assert asked.handed == ["ab/c1.main.so", "ab/c1.o"]
    assert asked.refused == [("../c1.so", ErrorCode.APPLY_FAILED)]
    assert not (root.parent / "c1.so").exists()


def test_a_library_that_is_there_stays_and_is_not_asked_for(root: Path) -> None:
    asked = Asked(root, write_segment(library("ab/c1.main.so", b"theirs")))
    asked.serving.start("b")
    (root / "ab").mkdir(parents=True)
    (root / "ab/c1.main.so").write_bytes(b"ours")
    serving.wanted(f"{root}/ab/c1.main.cpp")
    assert (root / "ab/c1.main.so").read_bytes() == b"ours"
    assert asked.handed == []


def test_a_library_comes_under_the_name_that_another_installation_gives_it(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relocation, "_installation", lambda: {"/here/torch": "<torch>"})
    name = relocation.portable_name(
        "source", "g++ -I/there/torch/include", {"/there/torch": "<torch>"}
    )
    asked = Asked(root, write_segment(library("ab/cthere.main.so", b"library", name)))
    asked.serving.start("b")
    wanted = root / "cd/chere.main.so"
    wanted.parent.mkdir(parents=True)
    relocation.looked_for(str(wanted), "source", "g++ -I/here/torch/include")
    assert wanted.read_bytes() == b"library"
    assert asked.handed == ["ab/cthere.main.so"]


def test_damage_is_told_when_the_content_is_asked_for(root: Path) -> None:
    data = write_segment(graph("f1", pickle.dumps(noise(1000))))
    asked = Asked(root, flip(data, 100))
    asked.serving.start("b")
    assert asked.refused == []
    assert list(ask("inductor", "f1")) == []
    list(ask("inductor", "f1"))
    assert asked.refused == [("f1", ErrorCode.DIGEST_MISMATCH)]


def test_a_file_opened_again_stands_in_for_what_it_held_before(root: Path) -> None:
    first = Asked(root, write_segment(graph("f1", pickle.dumps("old"))))
    second = Asked(root, write_segment(graph("f1", pickle.dumps("new"))))
    first.serving.start("b")
    second.serving.start("b")
    assert [value for value, _, _ in ask("inductor", "f1")] == ["new"]


def test_what_is_no_graph_and_no_library_is_left_to_others(root: Path) -> None:
    without_key = new_artifact("f1", b"", type="inductor")
    data = write_segment(new_artifact("x", b"1"), without_key, graph("f2", b""))
    assert [stored.key for stored in Asked(root, data).others] == ["x", "f1"]
