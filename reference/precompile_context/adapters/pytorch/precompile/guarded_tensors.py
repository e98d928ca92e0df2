"""A guarded tensor in torch's pickle of guards: its marks travel too, and nothing warns."""

from collections.abc import Callable
from typing import Any

# What `mark_dynamic` and its like put on a tensor, where torch guards it.
MARKS = (
    "_dynamo_dynamic_indices",
    "_dynamo_weak_dynamic_indices",
    "_dynamo_unbacked_indices",
    "_dynamo_strict_unbacked_indices",
    "_dynamo_static_indices",
    "_dynamo_shape_ids",
    "_dynamo_unbacked_bounds",
)


def reduce_tensor(original: Callable[..., Any], pickler: Any, value: Any) -> Any:
    """Around torch's pickler of guarded values, for a tensor."""
    marks = {name: found for name in MARKS if (found := getattr(value, name, None)) is not None}
    reduced = original(pickler, _asked_for_grad(pickler, value))
    if not marks or not isinstance(reduced, tuple):
        return reduced
    return marked, (marks, *reduced[:2])


def marked(marks: dict[str, Any], rebuild: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """What pickles call: a tensor as torch rebuilds it, with its marks."""
    tensor = rebuild(*arguments)
    for name, found in marks.items():
        setattr(tensor, name, found)
    return tensor


def _asked_for_grad(pickler: Any, value: Any) -> Any:
    """The tensor, or one like it that has no gradient and does not warn when it is asked for it.

    Torch asks each tensor for its gradient, which is a warning where the tensor is no leaf.
    """
    import torch

    if type(value) is not torch.Tensor or value.is_leaf or value.retains_grad:
        return value
    if id(value) not in pickler.guard_tree_values:
        return value
    leaf = value.detach().requires_grad_()
    pickler.guard_tree_values[id(leaf)] = leaf
    return leaf
