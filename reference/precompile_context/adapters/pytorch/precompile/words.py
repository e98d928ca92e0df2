"""Values in words: equal where they mean the same to code that reads them, in any process.

The words of a function are its code, its defaults, what its closure holds and, where it ran
while torch compiled, what its global names stand for. Those of a class are what it defines, of
an object its class and its attributes, of a container its items. Nothing is told by its type
alone: what has no words keeps a version from being saved, and is named.
"""

import abc
import builtins
import collections
import contextlib
import contextvars
import enum
import functools
import inspect
import logging
import os
import re
import threading
import types
import weakref
from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.array_words import array_words
from precompile_context.adapters.pytorch.precompile.containers import pairs_of, set_words
from precompile_context.adapters.pytorch.precompile.digests import (
    NOT_OF_THE_CLASS,
    UnportableError,
    apart_by_members,
    canonical,
    code_digest,
    function_name,
    is_pinned,
    is_pinned_file,
    module_name,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.identity import (
    BUILTINS,
    OF_DYNAMO,
    builtin_of_extension,
    found,
    torch_constant,
)
from precompile_context.adapters.pytorch.precompile.scope import (
    Scope,
    is_of_torch,
    names_mentioned,
    names_read,
    package_version,
)
from precompile_context.adapters.pytorch.precompile.taking_apart import (
    OF_ANNOTATIONS,
    attributes_of,
    behind_annotation,
    behind_compile,
    behind_wrapper,
    has_native_state,
)

_CONSTANTS = (type(None), bool, int, str, bytes, complex, float, type(Ellipsis), slice)
_PLAIN: tuple[Any, ...] = (int, float, str, bytes, complex)
_ORDERED = (list, tuple, collections.deque)
_MAPPINGS = (dict, collections.OrderedDict, collections.defaultdict, types.MappingProxyType)
# No value of theirs goes into what is compiled: locks, and caches of objects that live elsewhere.
_WITHOUT_VALUE = (
    *(type(threading.Lock()), type(threading.RLock()), threading.local),
    *(weakref.WeakKeyDictionary, weakref.WeakValueDictionary, weakref.WeakSet),
)
_OF_THE_PLACE = frozenset(
    ("__file__", "__spec__", "__loader__", "__builtins__", "__cached__", "__path__")
)
_LIBRARY = "torch.library.Library"
_READ_UNNAMED = frozenset(("__dataclass_fields__",))
_READING_VARIABLES = frozenset(("environ", "getenv"))
_MOST_NESTED = 60
_MOST_OBJECTS = 20_000


def all_words(value: Any, path: str) -> str:
    """The words of a value with all that its functions can reach by names, called or not.

    Raises:
        UnportableError: it has none.
    """
    names: set[str] = set()
    while True:
        before = len(names)
        scope = Scope(
            follows=lambda code: True,
            reads=lambda code: True,
            mentions=names.__contains__,
            contents=True,
            noted=lambda code: names.update(names_mentioned(code)),
        )
        text = Words(scope).of(value, path)
        if len(names) == before:
            return text


class Words:
    """The words of some values that may hold each other; each object is told once."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._seen: dict[int, int] = {}
        self._held: list[Any] = []  # no other object gets the id of one that is seen
        self._depth = 0

    def of(self, value: Any, path: str) -> str:
        """The words of a value that is found at this path.

        Raises:
            UnportableError: it has none; the text says where in it.
        """
        if type(value) in _CONSTANTS:
            return canonical(value)
        if type(value) is range:
            return f"range {value.start} {value.stop} {value.step}"
        if type(value) is not tuple and type(value).__module__ not in OF_ANNOTATIONS:
            if id(value) in self._seen:
                return f"#{self._seen[id(value)]}"
            self._seen[id(value)] = len(self._seen)
            self._held.append(value)
        if self._depth > _MOST_NESTED or len(self._seen) > _MOST_OBJECTS:
            raise UnportableError(f"{path} holds too much to be told in words")
        self._depth += 1
        try:
            return self._new(value, path)
        finally:
            self._depth -= 1

    def _new(self, value: Any, path: str) -> str:
        kind = type(value)
        if isinstance(value, type):
            return self._class(value, path)
        if (within := behind_compile(value)) is not None:
            return f"compiled {self.of(within, path)}"
        if kind is types.FunctionType:
            return self._function(value, path)
        if kind is types.ModuleType:
            return self._module(value, path)
        if kind is types.CodeType:
            return canonical(value)
        if isinstance(value, BUILTINS):
            return self._builtin(value, path)
        if kind in _ORDERED:
            return f"{kind.__name__} [{self._items(value, path)}]"
        if kind in _MAPPINGS:
            return f"{kind.__name__} {self._pairs(value, path)}"
        if kind in (set, frozenset):
            return f"{kind.__name__} {{{', '.join(self._of_set(value, path))}}}"
        if isinstance(value, weakref.ref):
            return f"weak {self.of(value(), path)}"
        if isinstance(value, _WITHOUT_VALUE):
            return type_name(kind)
        if value is os.environ:
            return "environment"  # of which those variables are told that code names
        if kind is contextvars.ContextVar:
            return f"variable {value.name} {self._items(list(_content(value)), path)}"
        if isinstance(value, logging.Logger):
            return f"logger {value.name}"
        if type_name(kind) == _LIBRARY:  # whose kernels are told by the module that registers them
            return f"library {value.ns} {value.kind} {value.dispatch_key}"
        if kind is re.Pattern:
            return f"pattern {value.flags} {canonical(value.pattern)}"
        if isinstance(value, enum.Enum):
            inner = self.of(value._value_, f"{path}.value")
            return f"{self.of(kind, type_name(kind))}.{value._name_} {inner}"
        if (annotation := behind_annotation(value)) is not None:
            return f"annotation {annotation[0]} [{self._items(annotation[1], path)}]"
        if (text := torch_constant(value)) is not None:
            return text
        if (parts := behind_wrapper(value)) is not None:
            return f"{kind.__name__} {self._items(parts, path)}"
        if isinstance(value, functools._lru_cache_wrapper):
            return self._cached(value, path)
        if (text := array_words(value, path, contents=self._scope.contents)) is not None:
            return text
        return self._object(value, path)

    # --- containers --------------------------------------------------------------------

    def _items(self, values: Any, path: str) -> str:
        return ", ".join(self.of(v, f"{path}[{i}]") for i, v in enumerate(values))

    def _pairs(self, mapping: Any, path: str) -> str:
        pairs = [
            f"{self.of(key, f'a key of {path}')}: {self.of(item, f'{path}[{_short(key)}]')}"
            for key, item in list(mapping.items())
        ]
        factory = getattr(mapping, "default_factory", None)
        return f"{{{', '.join(pairs)}}} {self.of(factory, path)}"

    def _of_set(self, items: Any, path: str) -> list[str]:
        """Each is told for itself, whatever its place."""
        return set_words(items, lambda item: Words(self._scope).of(item, f"an item of {path}"))

    # --- functions ---------------------------------------------------------------------

    def _function(self, function: types.FunctionType, path: str) -> str:
        name, code = function_name(function), function.__code__
        pinned = is_pinned_file(code.co_filename) or is_of_torch(function.__module__ or "")
        if pinned and is_pinned(function.__module__) and found(function) is function:
            return f"function {name}"
        if not (pinned or self._scope.follows(code)):
            seen = self._looked_into(function, path)
            return f"({'; '.join([f'function {name}', *seen])})"
        parts = [f"function {name}" if pinned else f"function {name} {code_digest(code)}"]
        parts += self.state(function, path)
        if not pinned and self._scope.reads(code):
            parts += self._globals(function)
        return f"({'; '.join(parts)})"

    def _looked_into(self, function: types.FunctionType, path: str) -> Iterator[str]:
        """What may be read of a function that took no part."""
        if self._scope.looks_into_functions:
            yield code_digest(function.__code__)
            yield from self.state(function, path)
            return
        for name, value in sorted(vars(function).items()):
            if not name.startswith(OF_DYNAMO) and self._scope.mentions(name):
                yield f".{name} {self.of(value, f'{path}.{name}')}"

    def state(self, function: types.FunctionType, path: str) -> Iterator[str]:
        """What a function has beside its code.

        Raises:
            UnportableError: as `of`.
        """
        for name in filter(self._scope.mentions, ("__doc__", "__name__")):
            yield f"{name} {self.of(getattr(function, name), f'{path}.{name}')}"
        if self._scope.asks_for_annotations and function.__annotations__:
            yield f"annotations {self.of(function.__annotations__, f'{path}.__annotations__')}"
        names = function.__code__.co_varnames[: function.__code__.co_argcount]
        defaults = function.__defaults__ or ()
        for name, value in zip(names[len(names) - len(defaults) :], defaults, strict=True):
            yield f"{name}={self.of(value, f'the default of {name} in {path}')}"
        for name, value in sorted((function.__kwdefaults__ or {}).items()):
            yield f"{name}={self.of(value, f'the default of {name} in {path}')}"
        for name, cell in zip(
            function.__code__.co_freevars, function.__closure__ or (), strict=True
        ):
            try:
                content = cell.cell_contents
            except ValueError:
                yield f"{name} empty"
                continue
            if name != "__class__":  # as `super()` asks for it
                yield f"{name} {self.of(content, f'{name}, which {path} is closed over,')}"
        for name, value in sorted(vars(function).items()):
            if not name.startswith(OF_DYNAMO):
                yield f".{name} {self.of(value, f'{path}.{name}')}"

    def _globals(self, function: types.FunctionType) -> Iterator[str]:
        scope = function.__globals__
        self._scope.noted(function.__code__)
        module = module_name(scope.get("__name__"))
        for name in sorted(names_read(function.__code__) - _OF_THE_PLACE):
            if name in scope:
                yield f"{name} {self.of(scope[name], f'{module}.{name}')}"
            elif not hasattr(builtins, name):
                yield f"{name} absent"
        mentioned = set(names_mentioned(function.__code__))
        if not mentioned.isdisjoint(_READING_VARIABLES):
            for name, value in sorted(os.environ.items()):
                if name in mentioned or self._scope.mentions(name):
                    yield f"the variable {name} {canonical(value)}"

    def _cached(self, value: Any, path: str) -> str:
        """A cached function may have run before: it counts with all that it can reach."""
        return f"cached {all_words(value.__wrapped__, path)}"

    def _builtin(self, value: Any, path: str) -> str:
        owner = getattr(value, "__objclass__", None)
        name = f"{type(value).__name__} {value.__qualname__}"
        if owner is not None:
            return f"{name} of {type_name(owner)}"
        bound = getattr(value, "__self__", None)
        if bound is None or isinstance(bound, types.ModuleType):
            return f"{name} of {getattr(bound, '__name__', value.__module__)}"
        if (of_extension := builtin_of_extension(value)) is not None:
            return of_extension
        return f"{name} of {self.of(bound, path)}"

    # --- classes, objects, modules -----------------------------------------------------

    def _class(self, cls: type, path: str) -> str:
        if is_pinned(cls.__module__):
            return f"class {type_name(cls)}"
        if is_of_torch(cls.__module__):
            return f"class {type_name(cls)} {package_version(cls.__module__)}"
        bases = (*cls.__mro__[1:], type(cls))
        above = [self.of(base, type_name(base)) for base in bases]
        parts = [*above, *self.members(cls), *_registered(cls)]
        return f"(class {type_name(cls)}; {'; '.join(parts)})"

    def members(self, cls: type) -> Iterator[str]:
        """What a class itself defines.

        Raises:
            UnportableError: as `of`.
        """
        members, others = apart_by_members(cls)
        for name, value in members.items():
            yield f"{name}={self.of(value, f'{type_name(cls)}.{name}')}"
        for name, value in others.items():
            if name in NOT_OF_THE_CLASS and not self._is_read(name):
                continue
            yield f"{name}: {self._member(name, value, f'{type_name(cls)}.{name}')}"

    def _is_read(self, name: str) -> bool:
        """Whether code asks for what Python adds to each class."""
        if name == "__annotations__":
            return self._scope.asks_for_annotations
        return name in ("__doc__", "__parameters__") and self._scope.mentions(name)

    def _member(self, name: str, value: Any, path: str) -> str:
        if isinstance(value, types.FunctionType) or behind_wrapper(value) is not None:
            return self.of(value, path)
        if name in _READ_UNNAMED or self._is_read(name) or self._scope.mentions(name):
            return self.of(value, path)
        try:
            return canonical(value)
        except UnportableError:  # nothing that took part reads it
            return type_name(type(value))

    def _module(self, module: types.ModuleType, path: str) -> str:
        name = module_name(module.__name__)
        if is_pinned(name) or not self._scope.contents:
            return f"module {name}"
        if is_of_torch(name):
            return f"module {name} {package_version(name)}"
        read = [
            f"{key} {self.of(value, f'{name}.{key}')}"
            for key, value in sorted(vars(module).items())
            if key == "__getattr__" or (key not in _OF_THE_PLACE and self._scope.mentions(key))
        ]
        return f"(module {name}; {'; '.join(read)})"

    def _object(self, value: Any, path: str) -> str:
        kind = type(value)
        parts = [self.of(kind, type_name(kind))]
        parts += [
            canonical(base.__new__(base, value)) for base in _PLAIN if isinstance(value, base)
        ]
        if isinstance(value, tuple | list | collections.deque):
            parts.append(self._items(list.__iter__([*value]), path))
        if isinstance(value, dict):
            parts.append(self._pairs(types.MappingProxyType(dict(pairs_of(value))), path))
        if isinstance(value, set | frozenset):
            parts += self._of_set(value, path)
        if isinstance(value, BaseException):
            parts.append(self._items(value.args, path))
        if has_native_state(kind):
            return self._reduced(value, path)
        for name, item in sorted(attributes_of(value).items()):
            if not _is_made_anew(value, name, item):
                parts.append(f".{name} {self.of(item, f'{path}.{name}')}")
        return f"({'; '.join(parts)})"

    def _reduced(self, value: Any, path: str) -> str:
        """An object of C code, which only pickling may take apart."""
        try:
            if is_pinned(type(value).__module__):
                return f"made by {self.of(value.__reduce_ex__(2), path)}"
        except (TypeError, RecursionError):
            pass
        raise UnportableError(f"{path} is a {type_name(type(value))}, which has no words")


def _registered(cls: type) -> Iterator[str]:
    """Names of the classes that were registered with an abstract one."""
    if isinstance(cls, abc.ABCMeta) and (dump := vars(abc).get("_get_dump")) is not None:
        classes = (reference() for reference in dump(cls)[0])
        yield from sorted(f"registered {type_name(found)}" for found in classes if found)


def _is_made_anew(value: Any, name: str, item: Any) -> bool:
    """Whether an attribute is the generator of a context manager that decorates a function: one
    that has not begun is told by what it is made of, and each call makes its own.
    """
    return (
        name == "gen"
        and isinstance(value, contextlib._GeneratorContextManager)
        and isinstance(item, types.GeneratorType)
        and inspect.getgeneratorstate(item) == inspect.GEN_CREATED
    )


def _content(variable: contextvars.ContextVar[Any]) -> Iterator[Any]:
    """The value of a variable here, or its default; nothing where it has neither."""
    with contextlib.suppress(LookupError):
        yield variable.get()


def _short(key: Any) -> str:
    return repr(key)[:40] if isinstance(key, str | int) else type(key).__name__
