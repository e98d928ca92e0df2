"""Guards that cannot be told to another process keep a version from being saved."""

import types
from typing import Any

import pytest

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

from precompile_context.adapters.pytorch.precompile.digests import UnportableError  # noqa: E402
from precompile_context.adapters.pytorch.precompile.guard_saving import save_guards  # noqa: E402


def guard(kind: str) -> Any:
    return types.SimpleNamespace(
        create_fn_name=lambda: kind,
        create_fn=lambda builder, guard: None,
        originating_source="L['x']",
        name="L['x']",
        guard_types=None,
        code_list=None,
        _unserializable=False,
    )


def never(*arguments: Any) -> bytes:
    raise AssertionError("it is not pickled")


# torch 2.15 has these two; an older one never makes them.
@pytest.mark.parametrize("kind", ["COW_TENSOR_MATCH", "CURRENT_STREAM_MATCH"])
def test_guard_of_a_state_that_pickles_lose_is_not_saved(kind: str) -> None:
    graph = types.SimpleNamespace(guard_on_key_order=set())
    builder = types.SimpleNamespace(get=lambda source: None, guard_tree_values={})
    with pytest.raises(UnportableError, match=f"guarded by {kind}, which does not travel"):
        save_guards(never, None, builder, [guard(kind)], graph)


@pytest.mark.parametrize("kind", ["WEAKREF_ALIVE", "NN_MODULE"])
def test_guard_of_one_object_of_one_process_is_not_saved(kind: str) -> None:
    graph = types.SimpleNamespace(guard_on_key_order=set())
    builder = types.SimpleNamespace(get=lambda source: None, guard_tree_values={})
    with pytest.raises(UnportableError, match="one object of this process"):
        save_guards(never, None, builder, [guard(kind)], graph)
