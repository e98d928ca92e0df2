"""Sessions in one process with torch, without compiling: what is put where, and what is told."""

import logging
import os
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from precompile_context import (
    BundleFile,
    Environment,
    ErrorCode,
    MisuseError,
    PrecompileContext,
)
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch import private, session
from precompile_context.adapters.pytorch.artifacts import KNOWN
from precompile_context.bundle import fold
from precompile_context.files import local_key
from precompile_context.session import appending
from precompile_context.trust import UNSIGNED

pytestmark = pytest.mark.torch


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return tmp_path / "b.precompile"


@pytest.fixture(autouse=True)
def fresh_torch_records() -> Iterator[None]:
    from torch.compiler._cache import CacheArtifactManager

    CacheArtifactManager._ensure_cache_artifacts_registered()
    with CacheArtifactManager.with_fresh_cache():
        yield


def record(type_name: str, key: str, content: object) -> None:
    """As one of torch's caches does it."""
    from torch.compiler._cache import CacheArtifactManager

    CacheArtifactManager.record_artifact(type_name, key, content)


def graph(guards: str | None, seconds: float) -> bytes:
    return pickle.dumps({"seconds": seconds, "guards_expr": guards})


def candidates(torch_key: str) -> list[object]:
    """What torch's cache of graphs finds under a key."""
    from torch._inductor.codecache import FxGraphCache

    return [graph for graph, _, _ in FxGraphCache.iterate_over_candidates(True, None, torch_key)]


def files(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*") if p.is_file()}


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def test_artifacts_go_where_torch_itself_puts_them(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The layouts that are written down here are those of the torch that is installed."""
    from torch.compiler._cache import CacheArtifactFactory, CacheArtifactManager

    CacheArtifactManager._ensure_cache_artifacts_registered()
    samples = {
        "inductor": "fabcdef",
        "aot_autograd": "aabcdef",
        "autotune": "ab/cd.best_config",
        "pgo": "job/1:None:tag",
        "precompile": "c0de",
    }
    assert set(samples) == {cls.TYPE for cls in KNOWN} - {"inductor_file", "compiler_answer"}
    assert set(samples) == set(CacheArtifactFactory._artifact_types)
    compiled = pickle.dumps(SimpleNamespace(_triton_bundle=None))
    with pytest.raises(MisuseError), pytorch.capture(PrecompileContext()):
        pass  # what it saved would match any host
    context = PrecompileContext(environment=pytorch.host_environment())
    with pytorch.capture(context):
        for type_name, key in samples.items():
            record(type_name, key, {} if type_name == "autotune" else compiled)
    assert not pytorch.replay(context).outcomes
    ours = files(cache)
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "stock"))
    for id_ in context.current():
        artifact = context.lookup(id_.type, id_.key)
        assert artifact is not None
        CacheArtifactFactory.create(id_.type, samples[id_.type], artifact.content).populate_cache()
    assert ours == {name for name in files(tmp_path / "stock") if not name.endswith(".lock")}


def test_a_session_appends_what_is_new_and_the_next_applies_it(cache: Path, bundle: Path) -> None:
    with pytorch.warm_start(bundle) as first:
        record("inductor", "f1", graph(None, 1.0))
        record("inductor", "f1", graph("s0 < 9", 1.0))
        assert (first.matched, first.loaded) == (None, {})
    assert [id_.key.partition("#")[0] for id_ in first.appended] == ["f1", "f1"]
    assert first.recorded == tuple(first.appended)
    with pytorch.warm_start(bundle) as second:
        assert len(candidates("f1")) == 2
        record("inductor", "f1", graph("s0 < 9", 2.0))  # the same version, compiled again
        record("inductor", "f2", graph(None, 1.0))
    assert (second.matched, len(second.applied), second.refused) == (True, 2, [])
    assert [id_.key for id_ in second.appended] == ["f2"]
    assert len(BundleFile(bundle).open(policy=UNSIGNED).current()) == 3


def test_the_newest_configuration_of_a_kernel_is_kept(bundle: Path, cache: Path) -> None:
    for number in (1, 2):
        with pytorch.warm_start(bundle):
            record("autotune", "ab/c.best_config", {"num_warps": number})
    with pytorch.warm_start(bundle, read_only=True):
        assert (cache / "ab/c.best_config").read_text() == '{"num_warps": 2}'


def test_what_one_run_appended_is_folded_into_a_segment(bundle: Path, cache: Path) -> None:
    from torch._dynamo.callback import CallbackTrigger, callback_handler

    with pytorch.warm_start(bundle):
        for number in range(3):
            with callback_handler.install_callbacks(CallbackTrigger.DYNAMO, "0/0"):
                record("inductor", f"f{number}", graph(None, 1.0))
            assert len(BundleFile(bundle).open(policy=UNSIGNED).segments) == number + 1
    assert len(BundleFile(bundle).open(policy=UNSIGNED).segments) == 1


def test_a_long_run_is_folded_before_its_end(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._dynamo.callback import CallbackTrigger, callback_handler

    monkeypatch.setattr(appending, "MANY_SEGMENTS", 3)
    seen = []
    with pytorch.warm_start(bundle):
        for number in range(5):
            with callback_handler.install_callbacks(CallbackTrigger.DYNAMO, "0/0"):
                record("inductor", f"f{number}", graph(None, float(number)))
            seen.append(len(BundleFile(bundle).open(policy=UNSIGNED).segments))
    assert seen == [1, 2, 1, 2, 1]
    assert len(BundleFile(bundle).open(policy=UNSIGNED).current()) == 5


def test_what_many_runs_appended_is_compacted_by_a_later_one(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fold, "MANY_SEGMENTS", 4)
    counts = []
    for number in range(6):
        with pytorch.warm_start(bundle):
            record("inductor", f"f{number}", graph(None, float(number)))
        counts.append(len(BundleFile(bundle).open(policy=UNSIGNED).segments))
    assert counts == [1, 2, 3, 1, 2, 3]
    assert len(BundleFile(bundle).open(policy=UNSIGNED).current()) == 6


def test_ten_runs_between_which_something_else_is_compiled_lose_nothing(
    bundle: Path, cache: Path
) -> None:
    for number in range(10):
        record("inductor", f"outside{number}", graph(None, 1.0))  # in no session: not ours
        with pytorch.warm_start(bundle) as report:
            assert len(report.loaded) == number
            record("inductor", f"f{number}", graph(None, float(number)))
    current = BundleFile(bundle).open(policy=UNSIGNED).current()
    assert {key for _, key in current} == {f"f{number}" for number in range(10)}


def test_a_process_that_has_compiled_before_finds_what_a_bundle_holds(
    bundle: Path, cache: Path, tmp_path: Path
) -> None:
    with pytorch.warm_start(bundle):
        record("inductor", "f1", graph(None, 1.0))
    with pytorch.warm_start(tmp_path / "other.precompile") as other:
        record("inductor", "f2", graph(None, 1.0))
        with pytorch.warm_start(bundle) as inner:  # two models, a bundle each
            assert len(candidates("f1")) == 1
            assert (len(inner.applied), len(other.loaded)) == (1, 0)


def test_what_torch_did_not_ask_for_is_counted(bundle: Path, cache: Path) -> None:
    with pytorch.warm_start(bundle):
        for key in ("f1", "f2"):
            record("inductor", key, graph(None, 1.0))
    with pytorch.warm_start(bundle) as report:
        candidates("f1")
    size = len(graph(None, 1.0))
    assert report.inert == {("inductor", "f2"): size}
    counts = report.as_json()["artifacts"]
    assert (counts["inert"], counts["inert_bytes"], counts["applied"]) == (1, size, 1)


def test_read_only_writes_nothing(bundle: Path, cache: Path) -> None:
    with pytorch.warm_start(bundle, read_only=True) as report:
        record("inductor", "f1", graph(None, 1.0))
    assert not bundle.exists()
    assert [id_.key for id_ in report.recorded] == ["f1"]


@pytest.mark.parametrize(
    "content", [b"not a bundle at all", b"\n\x15\n\x11precompile.bundle\x10\x02" + b"\0" * 99]
)
def test_a_foreign_file_is_one_line_and_stays_as_it_is(
    content: bytes, bundle: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundle.write_bytes(content)
    with pytorch.warm_start(bundle) as report:
        record("inductor", "f1", graph(None, 1.0))
    assert bundle.read_bytes() == content
    assert (report.matched, report.applied) == (False, [])
    (line,) = lines(caplog)
    assert line.startswith(f"precompile: {bundle}: the program runs cold: ")
    assert "\n" not in line


def test_another_environment_is_named_and_nothing_is_applied(
    bundle: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    facts = dict(pytorch.host_environment().facts)
    facts["cpu.capability"] = frozenset(["AVX9000"])
    other = PrecompileContext(environment=Environment(facts), signer=local_key())
    with pytorch.capture(other):
        record("inductor", "f1", graph(None, 1.0))
    other.save_to(BundleFile(bundle))
    with pytorch.warm_start(bundle) as report:
        record("inductor", "f2", graph(None, 1.0))
        assert not files(cache)
    assert report.matched is False
    assert report.reason is not None
    assert report.reason.startswith(
        "it was saved in another environment: cpu.capability: needs {AVX9000}, here {"
    )
    assert len(lines(caplog)) == 1
    with pytorch.warm_start(bundle) as again:  # this host has a segment of its own now
        assert len(candidates("f1")) == 0
        assert len(candidates("f2")) == 1
        assert [key for _, key in again.applied] == ["f2"]


@pytest.mark.parametrize("seconds_of_next", [1.0, 2.0], ids=["same_bytes", "other_bytes"])
def test_damaged_content_is_refused_alone_and_mended_by_the_run(
    seconds_of_next: float, bundle: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for key, seconds in (("f1", 1.0), ("f2", 3.0)):
        with pytorch.warm_start(bundle):
            record("inductor", key, graph(None, seconds))
    first = BundleFile(bundle).open(policy=UNSIGNED).segments[0]
    data = bytearray(bundle.read_bytes())
    data[40] ^= 1  # within the first segment's block
    assert first.manifest_offset > 40
    bundle.write_bytes(data)
    with pytorch.warm_start(bundle) as report:
        assert (candidates("f1"), len(candidates("f2"))) == ([], 1)
        assert [(o.key, o.code) for o in report.refused] == [("f1", ErrorCode.DIGEST_MISMATCH)]
        assert [key for _, key in report.applied] == ["f2"]
        record("inductor", "f1", graph(None, seconds_of_next))
    assert "DIGEST_MISMATCH" in lines(caplog)[0]
    with pytorch.warm_start(bundle) as mended:
        assert (len(candidates("f1")), len(candidates("f2"))) == (1, 1)
        assert not mended.refused
        assert {key for _, key in mended.applied} == {"f1", "f2"}


def test_an_unsupported_torch_is_one_line(
    bundle: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = replace(private.NAMES[0], name="CacheArtifactManager.renamed")
    monkeypatch.setattr(private, "NAMES", (gone,))
    with pytorch.warm_start(bundle) as report:
        record("inductor", "f1", graph(None, 1.0))
    assert report.reason is not None
    assert "is not supported: it has no torch.compiler._cache.CacheArtifactManager.renamed" in (
        report.reason
    )
    assert len(lines(caplog)) == 1
    assert not bundle.exists()


def test_a_file_that_cannot_be_written_breaks_nothing(
    tmp_path: Path, cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytorch.warm_start(tmp_path / "missing/b.precompile"):
        record("inductor", "f1", graph(None, 1.0))
    (line,) = lines(caplog)
    assert f"not saved: there is no folder {tmp_path / 'missing'}" in line


def test_a_relative_path_is_of_the_directory_at_the_start(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytorch.warm_start("b.precompile"):
        record("inductor", "f1", graph(None, 1.0))
        (tmp_path / "elsewhere").mkdir()
        os.chdir(tmp_path / "elsewhere")
    assert (tmp_path / "b.precompile").exists()


def test_torch_is_as_before_when_the_session_has_ended(bundle: Path, cache: Path) -> None:
    from torch._inductor.codecache import CppCodeCache
    from torch.compiler._cache import CacheArtifactManager

    before = vars(CacheArtifactManager)["record_artifact"], vars(CppCodeCache)["_load_library"]
    with pytorch.warm_start(bundle):
        assert vars(CacheArtifactManager)["record_artifact"] is not before[0]
    assert before == (
        vars(CacheArtifactManager)["record_artifact"],
        vars(CppCodeCache)["_load_library"],
    )


def test_a_type_that_is_registered_with_torch_travels(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch.compiler._cache import CacheArtifact, CacheArtifactFactory

    applied = []

    class Vendor(CacheArtifact):
        def populate_cache(self) -> None:
            applied.append((self.key, self.content))

        @staticmethod
        def type() -> str:
            return "vendor"

    types = {**CacheArtifactFactory._artifact_types, "vendor": Vendor}
    monkeypatch.setattr(CacheArtifactFactory, "_artifact_types", types)
    with pytorch.warm_start(bundle):
        record("vendor", "ab/c", b"theirs")
        record("vendor", "../../c", b"hostile")
    with pytorch.warm_start(bundle) as report:
        pass
    assert applied == [("ab/c", b"theirs")]
    assert [outcome.key for outcome in report.refused] == ["../../c"]


def test_a_mega_cache_goes_to_a_bundle_and_back(cache: Path) -> None:
    import torch
    from torch.compiler._cache import CacheArtifactManager

    contents = [graph(None, 1.0), graph("s0 < 9", 1.0)]
    record("inductor", "f1", contents[0])
    torch.compiler.save_cache_artifacts()
    record("inductor", "f1", contents[1])
    record("autotune", "ab/c.best_config", {"num_warps": 4})
    saved = torch.compiler.save_cache_artifacts()
    assert saved is not None
    context = pytorch.from_mega_cache(saved[0])
    assert not pytorch.replay(context).outcomes
    assert len(files(cache)) == 3
    back = CacheArtifactManager.deserialize(pytorch.to_mega_cache(context))
    assert back is not None
    assert [a.content for a in back["inductor"]] == contents
    assert [a.key for a in back["autotune"]] == ["ab/c.best_config"]


def test_a_directory_that_takes_no_second_file_costs_the_fold_alone(
    bundle: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(file: BundleFile, base: bytes, **options: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(BundleFile, "fold", fails)
    monkeypatch.setattr(appending, "MANY_SEGMENTS", 2)
    running = session.WarmStart(bundle)
    running.start()
    for number in range(5):
        record("inductor", f"f{number}", graph(None, number))
        running._session.parts[0].save()
    running.stop()
    assert len(BundleFile(bundle).open(policy=UNSIGNED).current()) == 5
    assert not caplog.records
