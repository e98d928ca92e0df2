"""Artifacts of torch go where torch looks, and their keys lead nowhere else."""

from pathlib import Path

import pytest

from precompile_context import ErrorCode, PrecompileContext, Registry
from precompile_context.adapters.pytorch import artifacts, relocation
from precompile_context.adapters.pytorch.artifacts import KNOWN, TorchArtifact, artifact_class
from precompile_context.adapters.pytorch.serving import shortcuts

TORCH_TYPES = [cls.TYPE for cls in KNOWN if issubclass(cls, TorchArtifact)]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stands for inductor's cache directory."""
    directory = tmp_path / "cache"
    directory.mkdir()
    monkeypatch.setattr(artifacts, "_cache_dir", lambda: str(directory))
    return directory


@pytest.fixture
def context() -> PrecompileContext:
    context = PrecompileContext()
    for cls in KNOWN:
        artifact_class(cls.TYPE, context.registry)
    return context


def files(directory: Path) -> list[str]:
    return sorted(str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file())


def test_artifacts_go_where_torch_looks(context: PrecompileContext, cache: Path) -> None:
    context.record_artifact("inductor", "fabc#1", b"graph", torch_key="fabc")
    context.record_artifact("aot_autograd", "aabc", b"entry", torch_key="aabc")
    context.record_artifact("autotune", "ab/cd.best_config", b"{}", torch_key="ab/cd.best_config")
    context.record_artifact("pgo", "job:None:", b"state", torch_key="job:None:")
    context.record_artifact("precompile", "c0de", b"package", torch_key="c0de")
    context.record_artifact("inductor_file", "ab/cabc.main.so", b"library", portable_name="")
    report = context.populate()
    assert not report.outcomes
    assert len(report.info) == 6
    assert files(cache) == [
        "ab/cabc.main.so",
        "ab/cd.best_config",
        "aotautograd/aabc/si76kolgy3gzgq7bdl3xntklaw7dcxvewialalsnlx5q7eu3oo7",
        "dynamo/c0de/entry",
        "dynamo/code_state_job_None_.pkl",
        "fxgraph/ab/fabc/534t4hiujauaij37ziaxersagli2j7n4ym4feqcz7ipimfcuvvg",
    ]


def test_all_versions_of_a_graph_are_applied(context: PrecompileContext, cache: Path) -> None:
    context.record_artifact("inductor", "fabc#1", b"for even", torch_key="fabc")
    context.record_artifact("inductor", "fabc#2", b"for odd", torch_key="fabc")
    context.populate()
    assert len(files(cache)) == 2


@pytest.mark.parametrize("type_name", TORCH_TYPES)
@pytest.mark.parametrize(
    "torch_key",
    [
        *("../../out", "/etc/passwd", "a\\b", "C:/x", "a/../../../b", "nul", "\0", ""),
        *("../../out.best_config", "/tmp/out.best_config"),  # else refused by the suffix alone
    ],
)
def test_a_hostile_key_is_refused_alone(
    type_name: str, torch_key: str, context: PrecompileContext, cache: Path
) -> None:
    context.record_artifact(type_name, "bad", b"x", torch_key=torch_key)
    good = "ab/f00d.best_config" if type_name == "autotune" else "f00d"
    context.record_artifact(type_name, "good", b"x", torch_key=good)
    report = context.populate()
    assert report.info.keys_of(type_name)[-1:] == ("good",)
    if type_name == "pgo" and not report.outcomes:  # torch makes a file name of any such key
        assert all(name.startswith("dynamo/code_state_") for name in files(cache))
    else:
        assert [(o.key, o.code) for o in report.outcomes] == [("bad", ErrorCode.APPLY_FAILED)]
    assert len(files(cache.parent)) == len(files(cache))


@pytest.mark.parametrize(
    "key", ["../x.so", "/tmp/x.so", "a\\b.so", "C:x.so", "a/con.so", "fxgraph/ab/fabc/x", "ab/x.py"]
)
def test_a_file_is_a_library_in_the_cache_or_refused(
    key: str, context: PrecompileContext, cache: Path
) -> None:
    context.record_artifact("inductor_file", key, b"x", portable_name="")
    (outcome,) = context.populate().outcomes
    assert outcome.code is ErrorCode.APPLY_FAILED
    assert not files(cache.parent)


def test_a_library_that_is_there_stays(context: PrecompileContext, cache: Path) -> None:
    (cache / "ab").mkdir()
    (cache / "ab/c.so").write_bytes(b"built here")
    context.record_artifact("inductor_file", "ab/c.so", b"built there", portable_name="")
    assert not context.populate().outcomes
    assert (cache / "ab/c.so").read_bytes() == b"built here"


def test_a_header_is_prepared_only_for_a_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relocation, "looked_for", lambda *_: None)
    headers = shortcuts._Headers()
    source = tmp_path / "c1.main.cpp"

    def look_for_library() -> str | None:
        headers.write(lambda *_: ("c1", str(source)), "source", "main.cpp", "g++")
        return headers.precompile(lambda: "header.h")

    assert headers.precompile(lambda: "header.h") == "header.h"
    assert look_for_library() == "header.h"
    (tmp_path / "c1.main.so").touch()
    assert look_for_library() is None


def test_a_type_that_torch_registers_later_gets_a_class() -> None:
    registry = Registry()
    cls = artifact_class("vendor_cache", registry)
    assert cls is artifact_class("vendor_cache", registry)
    assert (cls.TYPE, issubclass(cls, TorchArtifact)) == ("vendor_cache", True)


def test_a_key_that_a_bundle_cannot_have_is_replaced_by_its_digest() -> None:
    assert artifacts.key_of("fabc", b"") == "fabc"
    for torch_key in ("", "a\nb", "k" * 1025):
        key = artifacts.key_of(torch_key, b"")
        assert key.startswith("sha256:")
        assert key != artifacts.key_of(torch_key + "'", b"")
