"""The automatic mode in one process: what is recorded, how it travels, and that it never breaks."""

import functools
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, ArtifactKind, BundleFile, PrecompileContext

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from precompile_context.adapters import pytorch  # noqa: E402
from precompile_context.adapters.pytorch import private  # noqa: E402
from precompile_context.adapters.pytorch.precompile import frames, guard_loading, guard_saving  # noqa: E402
from precompile_context.adapters.pytorch.precompile.entry import DynamoEntry  # noqa: E402
from precompile_context.adapters.pytorch.precompile.recorder import FrameRecorder  # noqa: E402
from precompile_context.adapters.pytorch.session import bundle_path  # noqa: E402
from precompile_context.errors import MisuseError  # noqa: E402

ENTRY, BACKEND = "precompile_dynamo", "precompile_aot_autograd"


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a new process: no cache, nothing compiled, and no probe for instruction sets."""
    import torch._inductor.config as config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    torch._dynamo.reset()
    with config.patch({"cpp.vec_isa_ok": True, "cpp_cache_precompile_headers": False}):
        yield
    torch._dynamo.reset()


def numbers(size: int = 8) -> Any:
    return torch.arange(float(size * size)).reshape(size, size) / size**2


def square(x: Any) -> Any:
    return x @ x


def again(x: Any) -> Any:
    """Another function with the same graph."""
    return x @ x


def measured(x: Any) -> Any:
    return torch.sin(x) * len(x.shape)


def check(function: Callable[[Any], Any] = square, size: int = 8) -> None:
    """Compile the function anew, as a new process would, and compare."""
    torch._dynamo.reset()
    assert torch.allclose(torch.compile(function)(numbers(size)), function(numbers(size)))


def test_entries_and_backends_are_artifacts_and_a_shared_backend_is_stored_once(
    tmp_path: Path,
) -> None:
    with pytorch.caching_precompile(tmp_path / "b.precompile") as report:
        check(square)
        check(again)
    assert report.precompile is not None
    assert (report.precompile.compiled, report.precompile.saved) == (2, 2)
    current = BundleFile(tmp_path / "b.precompile").open(policy=UNSIGNED).current().values()
    entries = [stored for stored in current if stored.kind == ArtifactKind.ENTRY]
    backends = [stored for stored in current if stored.kind == ArtifactKind.BACKEND]
    assert {stored.type for stored in entries} == {ENTRY}
    assert {stored.type for stored in backends} == {BACKEND}
    assert len(entries) == 2
    (backend,) = backends
    for entry in entries:
        (named,) = entry.backends
        assert (named.key, named.content_digest) == (backend.key, backend.content_digest)


def test_second_session_serves_and_appends_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()
    before = bundle.read_bytes()
    with pytorch.caching_precompile(bundle) as report:
        check()
    assert report.precompile is not None
    assert (report.precompile.served, report.precompile.compiled) == (1, 0)
    assert (report.appended, report.not_saved) == ([], None)
    assert bundle.read_bytes() == before


def test_program_that_is_served_may_recurse_as_deep_as_one_that_compiled(tmp_path: Path) -> None:
    before, deepest = sys.getrecursionlimit(), []
    try:
        for _ in range(2):
            sys.setrecursionlimit(1000)
            with pytorch.caching_precompile(tmp_path / "b.precompile"):
                check()
            deepest.append(sys.getrecursionlimit())
    finally:
        sys.setrecursionlimit(before)
    assert 1000 < deepest[0] == deepest[1]


def test_sessions_that_compile_alike_give_versions_one_name(tmp_path: Path) -> None:
    names = []
    for bundle in (tmp_path / "one.precompile", tmp_path / "other.precompile"):
        with pytorch.caching_precompile(bundle):
            check(measured)
        current = BundleFile(bundle).open(policy=UNSIGNED).current()
        names.append([key for type_name, key in current if type_name == ENTRY])
    assert len(names[0]) == 1  # of what guards name, dynamo's name of the builtins is random
    assert names[0] == names[1]


def test_read_only_session_serves_and_saves_nothing(tmp_path: Path) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()
    before = bundle.read_bytes()
    with pytorch.caching_precompile(bundle, read_only=True) as report:
        check()
        check(again)
    assert report.precompile is not None
    assert (report.precompile.served, report.precompile.compiled) == (1, 1)
    assert bundle.read_bytes() == before


def test_each_compile_is_saved_at_once(tmp_path: Path) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()
        assert ENTRY in {
            type_name for type_name, _ in BundleFile(bundle).open(policy=UNSIGNED).current()
        }


def test_context_of_ones_own_is_serialized_loaded_and_served() -> None:
    def context() -> PrecompileContext:
        return PrecompileContext(environment=pytorch.host_environment(), policy=UNSIGNED)

    producer = context()
    with pytorch.precompiling(producer) as report:
        check()
    assert (report.served, report.compiled) == (0, 1)
    serialized = producer.serialize()
    assert serialized is not None
    data, info = serialized
    assert len(info.keys_of(ENTRY)) == len(info.keys_of(BACKEND)) == 1

    consumer = context()
    consumer.load(data)
    with pytorch.precompiling(consumer) as report:
        check()
    assert (report.served, report.compiled) == (1, 0)
    assert consumer.serialize() == serialized


def test_context_without_facts_of_torch_is_misuse() -> None:
    with (
        pytest.raises(MisuseError, match="host_environment"),
        pytorch.precompiling(PrecompileContext()),
    ):
        pass


def test_missing_name_of_torch_runs_cold_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gone = private.PrivateName("torch._dynamo.convert_frame", "_compile_of_old", "")
    monkeypatch.setattr(private, "PRECOMPILE_NAMES", (*private.PRECOMPILE_NAMES, gone))
    compiler = torch._dynamo.convert_frame._compile
    with pytorch.caching_precompile(tmp_path / "b.precompile") as report:
        check()
        assert torch._dynamo.convert_frame._compile is compiler
    assert report.precompile is not None
    assert "it has no torch._dynamo.convert_frame._compile_of_old" in str(report.precompile.off)
    assert "unsupported torch version, running cold" in caplog.text
    assert report.precompile.compiled == 0


def test_tool_that_wrapped_torchs_frame_compiler_has_its_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = torch._dynamo.convert_frame._compile

    def hiding(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    bundle = tmp_path / "b.precompile"
    with monkeypatch.context() as patch:
        patch.setattr(torch._dynamo.convert_frame, "_compile", hiding)
        with pytorch.caching_precompile(bundle) as report:
            check()
    assert report.precompile is not None
    assert "in the place of torch._dynamo.convert_frame._compile" in str(report.precompile.off)
    assert "takes no code" in caplog.text
    monkeypatch.setattr(torch._dynamo.convert_frame, "_compile", functools.wraps(original)(hiding))
    for count in ({"compiled": 1}, {"served": 1}):
        with pytorch.caching_precompile(bundle) as report:
            check()
        assert report.precompile is not None
        assert {name: getattr(report.precompile, name) for name in count} == count


def test_release_of_torch_that_is_not_known_runs_cold_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()
    monkeypatch.setattr(torch, "__version__", type(torch.__version__)("9.9.0"))
    with pytorch.caching_precompile(bundle) as report:
        check()
    assert report.precompile is not None
    assert "torch 9.9.0 is not supported" in str(report.precompile.off)
    assert "torch.version: needs" in str(report.reason)
    assert (report.precompile.served, report.precompile.compiled) == (0, 0)
    with pytorch.caching_precompile(tmp_path / "new.precompile"):
        check()
    assert "unsupported torch version, running cold: torch 9.9.0" in caplog.text


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        (FrameRecorder, "version"),
        (frames, "frame_key"),
        (guard_saving, "save_guards"),
        (guard_loading, "_live_values"),
    ],
)
def test_failure_of_ours_leaves_the_program_cold(
    owner: Any, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()

    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("of ours")

    monkeypatch.setattr(owner, name, fail)
    with pytorch.caching_precompile(bundle) as report:
        check(size=8)
        check(again, size=12)
    assert report.precompile is not None
    reasons = [*report.precompile.cold.values()]
    reasons += [text for why in report.precompile.differs.values() for text in why.values()]
    assert any("of ours" in reason for reason in reasons)


def test_entry_that_cannot_be_read_is_compiled_anew(tmp_path: Path) -> None:
    context = PrecompileContext(environment=pytorch.host_environment(), policy=UNSIGNED)
    with pytorch.precompiling(context):
        check()
    (id_,) = [id_ for id_ in context.current() if id_.type == ENTRY]
    entry = context.lookup(ENTRY, id_.key)
    assert isinstance(entry, DynamoEntry)
    garbage = PrecompileContext(environment=context.environment, policy=UNSIGNED)
    garbage.register(DynamoEntry)
    garbage.record_artifact(ENTRY, id_.key, b"no pickle", frame=entry.frame)
    with pytorch.precompiling(garbage) as report:
        check()
    assert (report.served, report.compiled) == (0, 1)
    ((reason,),) = [why.values() for why in report.differs.values()]
    assert "UnpicklingError" in reason


def test_torchs_own_mode_is_off_meanwhile_and_as_it_was_afterwards(tmp_path: Path) -> None:
    with torch._dynamo.config.patch(caching_precompile=True):
        with pytorch.caching_precompile(tmp_path / "b.precompile"):
            assert torch._dynamo.config.caching_precompile is False
        assert torch._dynamo.config.caching_precompile is True


def test_names_of_this_process_are_taken_away_where_a_version_is_not_for_it(
    tmp_path: Path,
) -> None:
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        check()
    before = set(globals())
    with pytorch.caching_precompile(bundle, read_only=True) as report:
        torch.set_grad_enabled(False)
        try:
            check()
        finally:
            torch.set_grad_enabled(True)
        torch._dynamo.reset()
    assert report.precompile is not None
    assert report.precompile.served == 0
    left = {name for name in set(globals()) - before if name.startswith("__compiled_fn")}
    assert not left


def test_directory_holds_a_bundle_of_its_own(tmp_path: Path) -> None:
    assert bundle_path(tmp_path) == tmp_path / "torch.precompile"
    assert bundle_path(f"{tmp_path}/new{os.sep}") == tmp_path / "new" / "torch.precompile"
    assert (tmp_path / "new").is_dir()
    assert bundle_path(tmp_path / "file") == tmp_path / "file"


POWER = 2


def helper(x: Any) -> Any:
    return torch.linalg.matrix_power(x, POWER)


def uses_much(x: Any, inner: Callable[[Any], Any]) -> Any:
    return inner(helper(x)) @ torch.linalg.multi_dot([x, x])


def guards_of(function: Any, argument: Callable[[Any], Any]) -> list[str]:
    """torch's guards of the one version that the function is compiled to, without addresses."""
    torch._dynamo.reset()
    torch.compile(function)(numbers(), argument)
    from torch._C._dynamo.eval_frame import _debug_get_cache_entry_list

    (entry,) = _debug_get_cache_entry_list(function.__code__)
    text = re.sub(r"\b\d{9,}\b|0x[0-9a-f]+|__builtins_dict___\d+", "#", str(entry.guard_manager))
    # Of which type the value was that the guards were made from: it may stand for a tensor.
    text = re.sub(r"type=<class '[^']*'>", "", text)
    # Where in the program's source a guard comes from is not saved.
    return [line.partition("  # ")[0].rstrip() for line in text.splitlines() if "time" not in line]


def test_served_version_has_the_guards_of_a_compiled_one_and_no_more(tmp_path: Path) -> None:
    alone = guards_of(uses_much, square)
    bundle = tmp_path / "b.precompile"
    with pytorch.caching_precompile(bundle):
        recorded = guards_of(uses_much, square)
    with pytorch.caching_precompile(bundle) as report:
        served = guards_of(uses_much, square)
    assert report.precompile is not None
    assert report.precompile.served == 1
    assert any("ID_MATCH" in line for line in alone)
    assert recorded == alone
    assert sorted(served) == sorted(alone)
