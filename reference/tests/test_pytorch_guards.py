"""Guards that cannot be told to another process keep a version from being saved."""

import collections
import functools
import types
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")

from torch._dynamo.guards import _Missing  # noqa: E402

from precompile_context.adapters.pytorch.precompile.digests import UnportableError  # noqa: E402
from precompile_context.adapters.pytorch.precompile.guard_pickling import reduce_opaque  # noqa: E402
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


def test_object_without_a_name_is_told_before_what_else_is_guarded_of_it() -> None:
    graph = types.SimpleNamespace(guard_on_key_order=set())
    builder = types.SimpleNamespace(get=lambda source: Config(), guard_tree_values={})
    guards = [guard("NOT_PRESENT_IN_GENERIC_DICT"), guard("ID_MATCH")]
    with pytest.raises(UnportableError, match=r"L\['x'\] is guarded by identity: one object of"):
        save_guards(never, None, builder, guards, graph)


class Config:
    """As a program's own: one among others."""


def test_what_no_guard_looks_at_and_pickles_cannot_find_by_its_name_is_left_out() -> None:
    pickler = types.SimpleNamespace(guard_tree_values={})

    def reduced(value: Any) -> Any:
        return reduce_opaque(lambda pickler, value: NotImplemented, pickler, value)

    def annotations(variable: Any) -> list[Any]:
        in_list = types.GenericAlias(list, (variable,))
        return [variable, in_list, Callable[[variable], int], dict[str, in_list], int | in_list]  # type: ignore[valid-type]

    # Of a class, and named as though of the module.
    for unnamed in annotations(torch.nn.Module.T_destination):
        assert reduced(unnamed)[0] is _Missing
    for named in (*annotations(NAMED), collections.deque([1]), functools.partial(len)):
        assert reduced(named) is NotImplemented


NAMED = TypeVar("NAMED")
