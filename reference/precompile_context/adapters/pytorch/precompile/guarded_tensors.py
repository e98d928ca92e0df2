"""A guarded tensor in torch's pickle of guards: its attributes travel too, and nothing warns."""

from collections.abc import Callable
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import is_pinned

# What `mark_dynamic` and its like put on a tensor, where torch guards it.
MARKS = (
    "_dynamo_dynamic_indices",
    "_dynamo_dynamic_range",  # torch 2.15 guards it
    "_dynamo_weak_dynamic_indices",
    "_dynamo_unbacked_indices",
    "_dynamo_strict_unbacked_indices",
    "_dynamo_static_indices",
    "_dynamo_shape_ids",
    "_dynamo_unbacked_bounds",
)
# What else torch puts there.
_TORCH = "_dynamo_"


def reduce_tensor(original: Callable[..., Any], pickler: Any, value: Any) -> Any:
    """Around torch's pickler of guarded values, for a tensor."""
    if _is_wrapper(value) and id(value) in pickler.guard_tree_values:
        return *_wrapper(pickler, value), _attributes(pickler, value), None, None, set_attributes
    reduced = _without_gradient(pickler, original(pickler, _asked_for_grad(pickler, value)))
    attributes = _attributes(pickler, value)
    if not attributes or not isinstance(reduced, tuple):
        return reduced
    # As its state: an attribute may lead back to the tensor.
    return *reduced[:2], attributes, None, None, set_attributes


def _is_wrapper(value: Any) -> bool:
    """Whether a tensor is one that wraps others, of a known size."""
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    if not is_traceable_wrapper_subclass(value):
        return False
    return all(type(size) is int for size in (*value.shape, *value.stride()))


def _wrapper(pickler: Any, value: Any) -> tuple[Any, ...]:
    """How a pickle has one: torch would make another of its class by an operator, and what that
    gives is for the class to say.
    """
    import torch

    names, about = value.__tensor_flatten__()
    inner = {name: getattr(value, name) for name in names}
    for one in inner.values():
        if isinstance(one, torch.Tensor):
            pickler.guard_tree_values[id(one)] = one
    keys = torch._C._dispatch_keys(value).raw_repr()
    sizes = tuple(value.shape), value.stride()
    return wrapping, (type(value), inner, about, *sizes, value.requires_grad, keys)


def wrapping(
    cls: Any, inner: dict[str, Any], about: Any, size: Any, stride: Any, grad: bool, keys: int
) -> Any:
    """What pickles call, for a tensor that wraps others."""
    import torch

    made = cls.__tensor_unflatten__(inner, about, size, stride)
    made.pytype, made.dispatch_keys = cls, torch._C.DispatchKeySet.from_raw_repr(keys)
    return made.requires_grad_() if grad else made


def _without_gradient(pickler: Any, reduced: Any) -> Any:
    """Without a gradient that no guard looks at: torch would put what stands for a missing object
    in its place, which no tensor takes for a gradient.
    """
    if not isinstance(reduced, tuple) or reduced[0] != type(pickler)._unpickle_tensor:
        return reduced
    rebuild, (*arguments, gradient), *rest = reduced
    is_looked_at = id(gradient) in pickler.guard_tree_values
    return rebuild, (*arguments, gradient if is_looked_at else None), *rest


def set_attributes(tensor: Any, attributes: dict[str, Any]) -> None:
    """What pickles call, with a tensor as torch rebuilds it."""
    for name, found in attributes.items():
        setattr(tensor, name, found)


def _attributes(pickler: Any, value: Any) -> dict[str, Any]:
    """What the program gave a tensor, whose guards would be made of one that has none of it: its
    marks, what a guard looks at, and of the rest that it is there.
    """
    from torch._dynamo.guards import _Missing
    from torch.utils._python_dispatch import is_traceable_wrapper_subclass

    marks = {name: found for name in MARKS if (found := getattr(value, name, None)) is not None}
    looked_at = pickler.guard_tree_values
    # A subclass that wraps tensors is made of those, which are its attributes.
    if id(value) not in looked_at or is_traceable_wrapper_subclass(value):
        return marks
    given = {
        name: found if id(found) in looked_at else _Missing("no guard looks at it")
        for name, found in vars(value).items()
        if not name.startswith(_TORCH)
    }
    # What it is unpickled to is of another class.
    of_class = {
        name: found
        for base in reversed(type(value).__mro__)
        if not is_pinned(base.__module__)
        for name, found in vars(base).items()
        if id(found) in looked_at and not hasattr(type(found), "__get__")
    }
    return of_class | given | marks


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
