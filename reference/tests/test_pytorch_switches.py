"""torch's switches that rule caches out rule ours out, too, and one line says so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from precompile_context import UNSIGNED, PrecompileContext  # noqa: E402
from precompile_context.adapters import pytorch  # noqa: E402
from precompile_context.adapters.pytorch.facts.switches import (  # noqa: E402
    compiles_in_step,
    ruled_out,
)
from precompile_context.adapters.pytorch.session import WarmStart  # noqa: E402

SWITCHES = [
    ("torch.compiler.config", "force_disable_caches", True),
    ("torch._inductor.config", "force_disable_caches", True),
    ("torch._inductor.config", "fx_graph_cache", False),
    ("torch._functorch.config", "enable_autograd_cache", False),
]


@pytest.fixture(autouse=True)
def _empty_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    import torch._inductor.config as config

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "cache"))
    torch._dynamo.reset()
    with config.patch({"cpp.vec_isa_ok": True, "cpp_cache_precompile_headers": False}):
        yield
    torch._dynamo.reset()


def square(x: Any) -> Any:
    return x @ x


def compile_square(**options: Any) -> None:
    torch._dynamo.reset()
    x = torch.ones(4, 4)
    assert torch.equal(torch.compile(square, **options)(x), square(x))


def switched(module: str, name: str, value: bool) -> Any:
    """The block within which a switch is set."""
    config: Any = torch
    for part in module.split(".")[1:]:
        config = getattr(config, part)
    return config.patch({name: value})


@pytest.mark.parametrize(("module", "name", "value"), SWITCHES)
@pytest.mark.parametrize("precompile", [True, False])
def test_nothing_is_served_or_saved_while_a_switch_is_set(
    tmp_path: Path, module: str, name: str, value: bool, precompile: bool
) -> None:
    file = tmp_path / "b.precompile"
    told: list[str] = []
    with WarmStart(file, precompile=precompile, trust=UNSIGNED):
        compile_square()
    before = file.read_bytes()
    with (
        switched(module, name, value),
        WarmStart(file, precompile=precompile, trust=UNSIGNED, tell=told.append) as report,
    ):
        compile_square()
    assert file.read_bytes() == before
    assert not report.applied
    assert not report.appended
    assert len(told) == 1
    assert name in told[0]
    assert "nothing is served or saved" in told[0]


@pytest.mark.parametrize(("module", "name", "value"), SWITCHES)
def test_a_switch_that_is_set_later_counts_from_then_on(
    tmp_path: Path, module: str, name: str, value: bool
) -> None:
    file = tmp_path / "b.precompile"
    told: list[str] = []
    with WarmStart(file, precompile=True, trust=UNSIGNED):
        compile_square()
    with WarmStart(file, precompile=True, trust=UNSIGNED, tell=told.append) as report:
        given = list(report.applied)
        with switched(module, name, value):
            compile_square()
        assert report.applied == given
        assert report.precompile is not None
        assert report.precompile.served == 0
        assert [name in reason for reason in report.precompile.cold.values()] == [True]
        assert [name in line for line in told] == [True]
        compile_square()
        assert report.precompile.served == 1


def test_an_option_of_one_compile_counts_for_that_one(tmp_path: Path) -> None:
    with pytorch.caching_precompile(tmp_path / "b.precompile", trust=UNSIGNED) as report:
        compile_square(options={"fx_graph_cache": False})
    assert report.precompile is not None
    assert report.precompile.saved == 0
    assert "fx_graph_cache" in report.precompile.cold[f"{__name__}.square"]


@pytest.fixture
def _two_ranks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.distributed, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 2)


@pytest.mark.usefixtures("_two_ranks")
def test_nothing_is_served_where_ranks_that_compile_wait_for_each_other() -> None:
    assert ruled_out() is None
    assert not compiles_in_step()
    with switched("torch._functorch.config", "_sync_decision_cross_ranks", True):
        assert "ranks compile together" in str(ruled_out())
        assert compiles_in_step()


@pytest.mark.usefixtures("_two_ranks")
def test_graphs_are_served_where_torch_makes_hits_unanimous_and_frames_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch._functorch, "config", UnanimousConfig())
    assert ruled_out() is None
    assert compiles_in_step()


class UnanimousConfig:
    """What torch 2.15 has of these; 2.13 lets no setting be added."""

    enable_autograd_cache = True
    _sync_decision_cross_ranks = True
    _sync_cache_decision_cross_ranks = True


def test_context_of_ones_own_records_nothing_while_a_switch_is_set() -> None:
    context = PrecompileContext(environment=pytorch.host_environment(), policy=UNSIGNED)
    with torch.compiler.config.patch(force_disable_caches=True), pytorch.precompiling(context):
        compile_square()
    assert not context.current()
