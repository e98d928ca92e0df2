"""What torch's pickler of guarded values leaves out: what travels in words, and what none looks at
and no pickle can hold. What a guard looks at is not left out without a word.
"""

import contextlib
import copyreg
import functools
import operator
import pickle
import sys
import threading
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile import guarded_objects
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    is_pinned,
    module_name,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.guarded_constants import (
    constant,
    reduce_constant,
)
from precompile_context.adapters.pytorch.precompile.guarded_operators import reduce_operator
from precompile_context.adapters.pytorch.precompile.guarded_tensors import reduce_tensor
from precompile_context.adapters.pytorch.precompile.identity import builtin_of_extension
from precompile_context.adapters.pytorch.precompile.program import imported
from precompile_context.adapters.pytorch.precompile.taking_apart import (
    OF_ANNOTATIONS,
    is_made_by_code,
)

# Objects of torch's that are nothing by themselves, or that no pickle takes apart.
_PARTS_OF_OTHERS = frozenset(
    (
        "torch.utils.hooks.RemovableHandle",
        "torch.storage.UntypedStorage",
        "torch._ops.OpOverloadPacket",
    )
)
# Of which Python has one each, and whose pickles are their names.
_SINGLE = (type(None), type(Ellipsis), type(NotImplemented))


class _Local(threading.local):
    """What torch's pickler of guarded values leaves out meanwhile, in this thread."""

    opaque: frozenset[int] = frozenset()
    needed: Mapping[int, tuple[str, Any]] = {}  # never changed


_local = _Local()


@contextlib.contextmanager
def told_in_words(objects: Iterable[int], needed: Mapping[int, tuple[str, Any]]) -> Iterator[None]:
    """The objects of these ids are left out of pickles that this thread makes; not so those that
    are `needed`: by the id of each, the name of what is guarded, and the object.
    """
    _local.opaque, _local.needed = frozenset(objects), needed
    try:
        yield
    finally:
        _local.opaque, _local.needed = frozenset(), {}


def reduce_opaque(original: Callable[..., Any], pickler: Any, value: Any) -> Any:
    """Around torch's pickler of guarded values: what is told in words does not travel itself.

    Raises:
        UnportableError: what a guard looks at would not travel.
    """
    from torch._dynamo.guards import _Missing

    reduced = _reduce(original, pickler, value)
    if id(value) in _local.needed:
        is_left_out = isinstance(reduced, tuple) and reduced[0] is _Missing
        if is_left_out or (reduced is NotImplemented and not _can_be_pickled(value)):
            name, _ = _local.needed[id(value)]
            raise UnportableError(f"{name} is a {type_name(type(value))}, which cannot be pickled")
    return reduced


def _reduce(original: Callable[..., Any], pickler: Any, value: Any) -> Any:
    import torch
    from torch._dynamo.guards import _Missing
    from torch.utils import _pytree

    if id(value) in _local.opaque:
        return _Missing, ("told in words",)
    if (reduced := reduce_operator(value)) is not None:
        return reduced
    # torch leaves out what a module or an argument has and no guard looks at, and so would the
    # dtype of each tensor be.
    if (reduced := reduce_constant(value)) is not None:
        return reduced
    if isinstance(value, types.ModuleType):
        if id(value) not in pickler.guard_tree_values:
            return _Missing, ("no guard looks at it",)
        return imported, (module_name(value.__name__),)
    if type(value).__qualname__ == "LeafSpec" and isinstance(value, _pytree.TreeSpec):
        return _pytree.treespec_leaf, ()  # of which there is one; unpickling another warns
    if isinstance(value, types.BuiltinFunctionType) and builtin_of_extension(value) is not None:
        return constant, (module_name(value.__module__), value.__name__)
    if (named := _renamed(value)) is not None:
        return constant, named
    if isinstance(value, type | types.BuiltinFunctionType) and _is_pythons(value):
        return NotImplemented  # by its name; pickles call some
    if isinstance(value, torch.Generator):
        return torch.Generator, (value.device,)  # no guard looks at its state, which is a tensor
    if isinstance(value, torch.Tensor):
        return reduce_tensor(original, pickler, value)
    if isinstance(value, types.MethodType) and not _has_its_name(value):
        return bound, (value.__func__, value.__self__)
    is_looked_at = id(value) in pickler.guard_tree_values
    is_nested = isinstance(value, types.FunctionType) and "<locals>" in value.__qualname__
    # torch would take a nested function apart, without an end where it closes over itself.
    try:
        reduced = NotImplemented if is_nested and not is_looked_at else original(pickler, value)
    except torch._dynamo.exc.PackageError:
        if is_looked_at:
            raise
        return _Missing, ("no guard looks at it",)
    if reduced is not NotImplemented:
        return reduced
    if not is_looked_at and (is_nested or not _travels(value)):
        return _Missing, ("no guard looks at it",)  # a lock, a context variable
    return guarded_objects.reduce_object(value) or reduced


def bound(function: Any, value: Any) -> types.MethodType:
    """What pickles call, with a function that may be left out."""
    return types.MethodType(function, value)


def _has_its_name(method: types.MethodType) -> bool:
    """Whether an object answers for the name of its method's function, as torch takes for granted:
    not where a lambda was put on it.
    """
    return hasattr(method.__self__, getattr(method.__func__, "__name__", ""))


def _renamed(value: Any) -> tuple[str, str] | None:
    """The module, and the name in it, under which a class or a cached function stands, if not where
    pickles would look for it.

    torch has given some classes another name than their qualified one: SDPBackend. A function that
    `functools.lru_cache` made has the name of the one within, which may stand there itself.
    """
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    if isinstance(value, functools._lru_cache_wrapper):
        return None if _is_found(value, value.__qualname__) else _standing(value)
    if not isinstance(value, type) or module is None or value.__qualname__ == value.__name__:
        return None
    is_there = vars(module).get(value.__name__) is value
    is_own = is_there and is_pinned(value.__module__)
    return (module_name(value.__module__), value.__name__) if is_own else None


def _is_pythons(value: Any) -> bool:
    """Whether a class or function is Python's or torch's, where pickle looks for it."""
    return is_pinned(value.__module__) and _is_found(value, value.__qualname__)


def _standing(value: Any) -> tuple[str, str] | None:
    """The module, and the name in it or in a class there, under which a value stands."""
    modules = [m for m in list(sys.modules.values()) if type(m) is types.ModuleType]
    # The one that it says first: there its classes count, too.
    modules.sort(key=lambda module: module.__name__ != value.__module__)
    classes = [found for found in vars(modules[0]).values() if isinstance(found, type)]
    owners: list[Any] = [*modules, *classes]
    for owner in owners:
        for name, found in list(vars(owner).items()):
            if found is value:
                if isinstance(owner, type):
                    return module_name(owner.__module__), f"{owner.__qualname__}.{name}"
                return module_name(owner.__name__), name
    return None


def _travels(value: Any) -> bool:
    """Whether what no guard looks at can be in the pickle: what is compared may hold it."""
    cls = type(value)
    if type_name(cls) in _PARTS_OF_OTHERS or guarded_objects.says_itself(cls):
        return False
    made_of_class = not (is_pinned(cls.__module__) and _reduces_itself(cls))
    if made_of_class and is_made_by_code(cls) and not _is_found(cls, cls.__qualname__):
        return False
    if (
        isinstance(value, type)
        and value not in _SINGLE
        and not _is_found(value, value.__qualname__)
    ):
        return False
    return _can_be_pickled(value)


def _can_be_pickled(value: Any) -> bool:
    """Whether pickle can take this object apart; its parts are another matter."""
    cls: Any = type(value)
    if issubclass(cls, types.FunctionType | type) or cls in _SINGLE:
        return True
    if cls in weakref.ProxyTypes:
        return False  # what would be pickled is the object itself
    if issubclass(cls, types.BuiltinMethodType) and not isinstance(
        value.__self__, types.ModuleType | None
    ):
        return _can_be_pickled(value.__self__)  # a lock's `acquire`
    # An annotation's parts are of its own kind alone: what is left out cannot be one.
    parts = getattr(value, "__args__", ()) if cls.__module__ in OF_ANNOTATIONS else ()
    if not all(map(_travels, parts)):
        return False
    if cls in copyreg.dispatch_table:
        return True
    if _reduces_itself(cls) and not is_pinned(cls.__module__):
        return True  # it says so itself
    try:
        reduced = value.__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    except TypeError:
        return False
    return not isinstance(reduced, str) or _is_found(value, reduced)


def _reduces_itself(cls: Any) -> bool:
    return (cls.__reduce_ex__, cls.__reduce__) != (object.__reduce_ex__, object.__reduce__)


def _is_found(value: Any, name: str) -> bool:
    """Whether an object stands under a name in its module, where pickle looks for it."""
    module = sys.modules.get(getattr(value, "__module__", None) or "")
    try:
        return operator.attrgetter(name)(module) is value
    except AttributeError:  # defined in a class, as a type variable may be
        return False
