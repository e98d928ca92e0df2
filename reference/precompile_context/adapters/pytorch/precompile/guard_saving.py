"""Guards that mean the same in another process.

Most of torch's guards compare values and travel as they are. Those that compare
identities (an address) travel with the identity of the object in words. Where they are
loaded, the object that stands there now is looked up and named, and if it has the
same name, torch makes its own guard for that very object: what is checked at each call is
exactly what torch checks in a process that compiled. No guard is ever dropped: one that
cannot be told in words keeps the whole from being saved.
"""

import contextlib
import dataclasses
import functools
import re
import sys
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile import (
    aliases,
    guard_texts,
    held,
    key_order,
    overlaps,
    set_order,
    unguarded,
)
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    class_digest,
    code_digest,
    codes_of,
    functions_of,
    has_state,
    is_pinned,
    module_name,
    nested_codes,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.guard_creation import (
    create_hasattr,
    create_named,
    create_native,
    create_recorded,
    create_same,
    create_without_hooks,
    hooks_in_graphs,
)
from precompile_context.adapters.pytorch.precompile.guard_pickling import told_in_words
from precompile_context.adapters.pytorch.precompile.identity import (
    class_identity,
    found,
    guard_identity,
    identity,
)
from precompile_context.adapters.pytorch.precompile.key_order import BY_NAME
from precompile_context.adapters.pytorch.precompile.overridden import patched_classes
from precompile_context.adapters.pytorch.precompile.saved_guards import SavedGuards

# torch's guards that compare an address, by the name of what creates them.
_BY_IDENTITY = frozenset(
    ("ID_MATCH", "FUNCTION_MATCH", "CLASS_MATCH", "MODULE_MATCH", "CLOSURE_MATCH", "BUILTIN_MATCH")
)
# What others turn into for some values.
_ADDRESSES = frozenset(("ID_MATCH", "DICT_VERSION"))
# Those that hold for one object of one process, and say nothing of another's.
_OF_ONE_PROCESS = frozenset(("WEAKREF_ALIVE", "NN_MODULE"))
# Those that take nothing from an object that has an identity: objects of one are of one type;
# two sources are one object, or are not; what is looked for in a dict is the guard's own key; and
# whether there is an attribute travels beside.
_OF_NO_VALUE = frozenset(
    (
        "HASATTR",
        "TYPE_MATCH",
        "DUPLICATE_INPUT",
        "DICT_CONTAINS",
        "DICT_NOT_CONTAINS",
        "NOT_PRESENT_IN_GENERIC_DICT",
    )
)
# Those that tell a constant, whatever else is asked of it: deepcopy() asks for the id() of each.
_OF_CONSTANTS = frozenset(("CONSTANT_MATCH", "EQUALS_MATCH"))
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))
# Those that compare with a state of a guarded value that its pickle has not, so that they would
# be made anew of whatever the unpickled value has. torch 2.15's.
_LOST_IN_PICKLES = frozenset(("COW_TENSOR_MATCH", "CURRENT_STREAM_MATCH"))
# How torch names the globals of functions that are no module's: with an address.
NO_MODULE = "___unnamed_scope"
_NO_MODULES = re.compile(rf"{NO_MODULE}_\w+")
# What is looked up by its identity and need not travel; classes, modules, builtins and functions
# that stand under their names travel by these as it is, and pickles are made of them.
_TRAVELS_AS_WORDS = (types.FunctionType, types.MethodType, types.CodeType, functools.partial)


def save_guards(
    serialize: Callable[..., bytes],
    manager: Any,
    builder: Any,
    sorted_guards: list[Any],
    output_graph: Any,
) -> tuple[SavedGuards, list[type]]:
    """The guards of one compiled frame, by torch's own `serialize_guards`, and the classes met.

    Raises:
        UnportableError: a guard cannot be told in words.
        Exception: whatever pickling the guarded values raises.
    """
    import torch

    portable: list[Any] = []
    texts = guard_texts.of_state(output_graph)
    opaque: dict[int, Any] = {}
    needed: dict[int, tuple[str, Any]] = {}
    told: set[str] = set()
    met: list[type] = []
    # First of all, since what else is guarded of such an object is not why it has no name.
    names = {
        id(guard): guard_identity(guard.name, guard.create_fn_name(), builder.get(guard))
        for guard in sorted_guards
        if _is_by_identity(guard) and not _is_of_one_process(guard)
    }
    by_identity = {guard.originating_source for guard in sorted_guards if id(guard) in names}
    ordered = key_order.ordered(output_graph.guard_on_key_order, builder.get)
    for guard in sorted_guards:
        kind, source = guard.create_fn_name(), guard.originating_source
        create = _held(guard.create_fn)
        texts.append(guard_texts.of_guard(guard, builder.get, output_graph))
        if _is_of_one_process(guard):
            raise UnportableError(f"{guard.name} is guarded as one object of this process")
        if (scope := _NO_MODULES.search(guard.name)) is not None:
            told_as = output_graph.global_scope.get(scope[0], {}).get("__name__", "a dict")
            raise UnportableError(f"it reads globals that are no module's, but those of {told_as}")
        set_order.check_places(source, builder.get)
        if kind in _LOST_IN_PICKLES:
            raise UnportableError(f"{guard.name} is guarded by {kind}, which does not travel")
        if kind == "AUTOGRAD_SAVED_TENSORS_HOOKS":
            if hooks_in_graphs():
                raise UnportableError("hooks of saved tensors are part of its graph")
            guard = _replaced(guard, functools.partial(create_without_hooks, create=create))
        if guard._unserializable:
            raise UnportableError(_of_nested_class(guard.name, type(builder.get(guard))))
        if kind == "HASATTR":  # the class of what is unpickled may have another answer
            create = _has_attribute(create, builder.get(guard))
            guard = _replaced(guard, create)
        if guard.name and id(guard) not in names and source not in ordered:
            key_order.check_keys(guard.name, kind, builder.get(guard), create)
        if id(guard) in names:
            value, name = builder.get(guard), names[id(guard)]
            texts[-1] = f"{guard.name} {name}"
            told.update(_codes_told(kind, value))
            if isinstance(value, type):
                met.append(value)
            if isinstance(value, _TRAVELS_AS_WORDS) and not _is_found(value):
                opaque[id(value)] = value
            create = functools.partial(create_native, create=create, kind=kind, name=name)
            guard = _replaced(guard, create)
        elif kind == "TYPE_MATCH" and isinstance(value := builder.get(guard), types.FunctionType):
            # It need not travel: torch.compile's, under another name than its function's.
            told_as = class_identity(type(value))
            create = functools.partial(create_native, create=create, kind=kind, name=told_as)
            guard = _replaced(guard, create)
        elif guard.name and (source in by_identity or isinstance(builder.get(guard), BY_NAME)):
            guard = _replaced(guard, _checked(guard, kind, create, builder.get(guard)))
        elif source in ordered:
            key_order.check_kind(guard.name, kind)
            guard = _replaced(guard, create)
        elif guard.name and key_order.is_named(source, builder.get):
            if kind not in key_order.OF_A_KEY:  # a class's dict, with its properties, stays here
                recorded = functools.partial(
                    create_recorded, create=create, value=builder.get(guard)
                )
                guard = _replaced(guard, recorded)
        elif guard.name and id(value := builder.get(guard)) in builder.guard_tree_values:
            needed[id(value)] = (guard.name, value)
        portable.append(guard)
    looked_up = list(output_graph.guard_on_key_order)
    not_guarded = unguarded.unguarded(sorted_guards, output_graph, builder.get)
    for one in not_guarded:
        if (guard := _guard_of(one, builder)) is None:
            continue
        portable.append(guard)
        told_as = guard.create_fn.keywords
        texts.append(f"{guard.name} is {told_as.get('name') or told_as['other'].name}")
        looked_up += (source for source in (one.source, one.other) if source is not None)
    builder.guard_tree_values.update(_modules_on_the_way(looked_up, builder.get))
    classes = _classes(builder.guard_tree_values.values(), opaque)
    told.update(digest for cls in classes for digest in _codes_of_class(cls))
    with told_in_words(opaque, needed):
        try:
            state = serialize(manager, builder, portable, output_graph)
        except Exception as error:
            if isinstance(told_first := error.__cause__ or error.__context__, UnportableError):
                raise told_first from None  # torch 2.15 makes it one of its own
            raise
    if (shapes := manager.shape_code_parts) is not None:
        texts += shapes.python_code_parts.exprs
    witnesses = tuple(
        (module_name(cls.__module__), cls.__qualname__, class_digest(cls)) for cls in classes
    )
    texts += map(repr, witnesses)
    words = {source.name: text for source, text in ordered.items()}
    texts += map(repr, words.items())
    holds, same, over = (
        held.of_guarded(portable, builder.get),
        aliases.of_guarded(portable, builder.get),
        overlaps.of_guarded(portable, builder.get),
    )
    values = (*builder.guard_tree_values.values(), *(one.value for one in not_guarded))
    types_met = [*map(type, values), *met, torch.Tensor]
    patched = patched_classes(base for cls in types_met for base in cls.__mro__)
    texts += map(repr, (*sorted(holds.items()), *same, *over, *patched))
    saved = SavedGuards(
        state,
        witnesses,
        frozenset(told),
        guard_texts.digest(texts, output_graph),
        words,
        holds,
        same,
        over,
        patched,
    )
    return saved, [*met, *classes]


def _modules_on_the_way(sources: list[Any], get: Callable[[Any], Any]) -> dict[int, Any]:
    """The modules, by id, in which these are looked up where guards are loaded. They travel by
    name, as what a guard looks at, and others not at all.
    """
    values = [get(base) for source in sources for base in key_order.bases(source)]
    return {id(value): value for value in values if isinstance(value, types.ModuleType)}


def _guard_of(one: unguarded.Value, builder: Any) -> Any:
    """A guard of an object that torch does not guard; None where none is needed.

    Raises:
        UnportableError: the object cannot be told in words.
    """
    source, value, other = one.source, one.value, one.other
    with contextlib.suppress(Exception):  # a source that cannot be asked, an object without words
        if other is not None and builder.get(source) is builder.get(other):
            return source.make_guard(functools.partial(create_same, other=other))
        if _is_same(builder.get(source), value) and type(value).__module__ != "numpy":
            return source.make_guard(functools.partial(create_named, name=identity(value)))
    if one.only_called:
        return None
    filtered = getattr(builder, "guard_filter_fn", None) is not None
    who = "with the guard_filter_fn that it is compiled with, torch" if filtered else "torch"
    raise UnportableError(f"{who} does not guard {source.name}, a {type_name(type(value))}")


def _is_same(found: Any, value: Any) -> bool:
    """Whether it is that object; of what a builtin is bound to, Python makes another each time."""
    bound = (types.MethodWrapperType, types.BuiltinMethodType)
    return found is value or (isinstance(value, bound) and bool(found == value))


def _replaced(guard: Any, create: Any) -> Any:
    """The guard, to be created by another function where it is loaded."""
    return dataclasses.replace(
        guard, create_fn=create, guard_types=None, code_list=None, _hash=None
    )


def _held(create: Any) -> Any:
    """A guard's `create_fn`, holding what it refers to weakly: so torch, too, pickles it."""
    if not isinstance(create, functools.partial):
        return create
    from torch.utils.weak import TensorWeakRef

    def held(value: Any) -> Any:
        return value() if isinstance(value, TensorWeakRef | weakref.ref) else value

    keywords = {name: held(value) for name, value in create.keywords.items()}
    return functools.partial(create.func, *map(held, create.args), **keywords)


def _codes_told(kind: str, value: Any) -> Iterator[str]:
    """Digests of the code that must be what it was, for the identity to be."""
    if isinstance(value, type):
        yield from _codes_of_class(value)
    elif kind == "CLOSURE_MATCH" and isinstance(value, types.FunctionType):
        yield from map(code_digest, nested_codes(value.__code__))
    else:
        for code in codes_of(value):
            yield from map(code_digest, nested_codes(code))


def _codes_of_class(cls: type) -> Iterator[str]:
    """Of methods that are all code: what others hold beside, a class's digest does not tell."""
    for base in cls.__mro__:
        if not is_pinned(base.__module__):
            for member in vars(base).values():
                for item in functions_of(member):
                    if isinstance(item, types.CodeType):
                        yield from map(code_digest, nested_codes(item))
                    elif not has_state(item):
                        yield from map(code_digest, nested_codes(item.__code__))


def _is_by_identity(guard: Any) -> bool:
    derived = guard.guard_types or ()
    return guard.create_fn_name() in _BY_IDENTITY or not _ADDRESSES.isdisjoint(derived)


def _is_of_one_process(guard: Any) -> bool:
    return guard.create_fn_name() in _OF_ONE_PROCESS or "WEAKREF_ALIVE" in (guard.guard_types or ())


def _checked(guard: Any, kind: str, create: Any, value: Any) -> Any:
    """How to create a guard of something else than identity on an object that has one."""
    if kind in _OF_NO_VALUE or (kind in _OF_CONSTANTS and type(value) in _CONSTANTS):
        return create
    if kind == "SEQUENCE_LENGTH" and isinstance(value, type | tuple):
        return create  # whose identity tells what they hold, the members of an enum too
    raise UnportableError(f"{guard.name} has an identity, and is guarded by {kind}")


def _is_found(value: Any) -> bool:
    return isinstance(value, types.FunctionType) and found(value) is value


def _of_nested_class(name: str, cls: type) -> str:
    """Why torch saves no guards of an object."""
    if is_pinned(cls.__module__):  # what torch.jit.script makes
        return f"{name} is a {cls.__qualname__}, of which torch saves no guard"
    within = "a function" if "<locals>" in cls.__qualname__ else "another class"
    return f"{name} is of class {type_name(cls)}, which is defined within {within}"


def _has_attribute(create: Any, value: Any) -> Any:
    has = hasattr(value, create.keywords["attr"])
    return functools.partial(create_hasattr, create=create, has=has)


def _classes(values: Iterable[Any], opaque: Mapping[int, Any]) -> list[type]:
    """The program's own classes among the guarded values' types."""
    found = {type(value): None for value in values if id(value) not in opaque}
    # Unpickled, such a module would be made by the class that it was before, without arguments.
    sharded = getattr(sys.modules.get("torch.distributed.fsdp"), "FSDPModule", ())
    if any(issubclass(cls, sharded) for cls in found):
        raise UnportableError("it guards a module that fully_shard made another class of")
    classes = [cls for cls in found if not is_pinned(cls.__module__)]
    for cls in classes:
        if "<locals>" in cls.__qualname__:
            raise UnportableError(f"class {type_name(cls)} is defined within a function")
    return sorted(classes, key=type_name)
