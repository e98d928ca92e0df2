"""Digests that say whether code is still the same: of code objects, constants and classes.

No digest holds a path, an address, a line number of a file or the order of a hash: the same
source gives the same digest in any process and directory. Where a function stands in its
file does not matter; what it says does, and so do the lines within it, which tracebacks name.
"""

import enum
import functools
import hashlib
import os
import sys
import sysconfig
import types
from collections.abc import Iterator
from typing import Any

from precompile_context.adapters.pytorch.precompile.code_places import without_line
from precompile_context.adapters.pytorch.precompile.containers import pairs_of, set_words

# Of a SHA-256, in hexadecimal: enough that two pieces of code never meet by chance.
_DIGEST_CHARACTERS = 20
# A frame, a class or a constant that is nested deeper than this is not told apart.
_MOST_NESTED = 60

_CONSTANTS = (type(None), bool, int, str, bytes, complex, type(Ellipsis), type(NotImplemented))


class UnportableError(Exception):
    """A value that cannot be recognized in another process; the text says which and why."""


def short_digest(text: str) -> str:
    """A digest of a text, as it stands in keys and identities."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]


def canonical(value: Any, depth: int = 0) -> str:
    """A text that is equal for equal constants, code and containers of them, and only for these.

    Raises:
        UnportableError: the value is of another kind.
    """
    if depth > _MOST_NESTED:
        raise UnportableError("it is nested too deeply")
    if isinstance(value, enum.Enum):
        return f"enum {type_name(type(value))}.{value.name}"
    if isinstance(value, float):
        return f"float {value.hex()}"
    if isinstance(value, _CONSTANTS):
        return f"{type(value).__name__} {value!r}"
    if isinstance(value, types.CodeType):
        return f"code {code_digest(value)}"
    if isinstance(value, slice):
        return f"slice {canonical((value.start, value.stop, value.step), depth + 1)}"
    if isinstance(value, tuple | list):
        items = [canonical(item, depth + 1) for item in value]
        return f"{type(value).__name__} [{', '.join(items)}]"
    if isinstance(value, set | frozenset):
        items = set_words(value, lambda item: canonical(item, depth + 1))
        return f"{type(value).__name__} {{{', '.join(items)}}}"
    if isinstance(value, dict):
        pairs = [
            f"{canonical(k, depth + 1)}: {canonical(v, depth + 1)}" for k, v in pairs_of(value)
        ]
        return f"dict {{{', '.join(pairs)}}}"
    raise UnportableError(f"{type_name(type(value))} is no constant")


# By the id of a code, which is kept: Python takes codes for equal that have other names.
_digests: dict[int, tuple[types.CodeType, str]] = {}
_MOST_DIGESTS = 8192


def code_digest(code: types.CodeType) -> str:
    """Equal where two code objects do the same at the same lines within themselves.

    Raises:
        UnportableError: a tool has put something else than constants into the code.
    """
    known = _digests.get(id(code))
    if known is None:
        if len(_digests) >= _MOST_DIGESTS:
            _digests.clear()
        known = _digests[id(code)] = code, _code_digest(code)
    return known[1]


def _code_digest(code: types.CodeType) -> str:
    parts = (
        without_line(code.co_name),
        without_line(code.co_qualname),
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        code.co_code,
        code.co_consts,
        (code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars),
        code.co_exceptiontable,
        code.co_linetable,  # relative to the first line
    )
    return short_digest(canonical(parts))


def nested_codes(code: types.CodeType) -> Iterator[types.CodeType]:
    """The code itself, and that of the functions and classes that it makes."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from nested_codes(constant)


def module_name(name: str | None) -> str:
    """The name under which a module is found again: multiprocessing's children rename __main__."""
    return "__main__" if name == "__mp_main__" else name or ""


def type_name(cls: type) -> str:
    """Module and qualified name."""
    return f"{module_name(cls.__module__)}.{cls.__qualname__}"


def function_name(function: Any) -> str:
    """Module and qualified name."""
    return f"{module_name(function.__module__)}.{function.__qualname__}"


def is_pinned(name: str | None) -> bool:
    """Whether a module is torch's or Python's own, whose versions are facts of the environment."""
    return _is_pinned_top((name or "").partition(".")[0])


@functools.cache
def _is_pinned_top(top: str) -> bool:
    if top in ("torch", "functorch", "torchgen", "builtins", "pybind11_builtins"):
        return True
    module = sys.modules.get(top)
    if top not in sys.stdlib_module_names or module is None:
        return False
    file = getattr(module, "__file__", None)  # the program may have a module of that name
    return file is None or is_pinned_file(file)


@functools.cache
def is_pinned_file(file: str) -> bool:
    """Whether a source file is torch's or Python's own."""
    import torch

    if file.startswith("<frozen "):
        return True
    packages = os.path.dirname(os.path.dirname(torch.__file__))
    if file.startswith(tuple(os.path.join(packages, name, "") for name in ("torch", "torchgen"))):
        return True
    paths = sysconfig.get_paths()
    inside = any(file.startswith(paths[name] + os.sep) for name in ("stdlib", "platstdlib"))
    return inside and not any(part in file for part in ("site-packages", "dist-packages"))


def class_digest(cls: type) -> str:
    """Equal where a class and its bases define the same names, with the same code and constants.

    Other attributes are told by their type alone: what a compiled graph takes from
    one is guarded by its value.
    """
    return short_digest("\n".join(_class_lines(cls)))


def _class_lines(cls: type) -> Iterator[str]:
    for base in (*cls.__mro__, type(cls)):
        if is_pinned(base.__module__):
            yield f"{base.__module__}.{base.__qualname__}"
            continue
        yield type_name(base)
        members, others = apart_by_members(base)
        for name, value in (*members.items(), *others.items()):
            if name not in NOT_OF_THE_CLASS:
                yield f"{name}: {_member(value)}"


def apart_by_members(cls: type) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values of an enum's members, none of other classes; and what else a class itself has.

    The tables that an enum keeps of its members are neither: a flag's grows as some are combined.
    """
    members = getattr(cls, "__members__", {}) if issubclass(cls, enum.Enum) else {}
    left_out = {*members, *_OF_ENUMS} if members else set()
    others = {name: value for name, value in sorted(vars(cls).items()) if name not in left_out}
    return {name: member._value_ for name, member in members.items()}, others


_OF_ENUMS = frozenset(("_member_map_", "_value2member_map_", "_member_names_"))


# What Python itself adds to a class, and what depends on when it was last used.
NOT_OF_THE_CLASS = frozenset(
    (
        "__dict__",
        "__weakref__",
        "__doc__",
        "__module__",
        "__firstlineno__",
        "__abstractmethods__",
        "_abc_impl",
        "__annotations__",
        "__annotations_cache__",
        "__parameters__",
        "__slotnames__",
        "__static_attributes__",
    )
)


def _member(value: Any) -> str:
    codes = sorted({code_digest(code) for code in codes_of(value)})
    if codes:
        return f"{type(value).__name__} {' '.join(codes)} {_defaults(value)}"
    try:
        return canonical(value)
    except UnportableError:
        return type_name(type(value))


def _defaults(value: Any) -> str:
    """The defaults of a method, those that are constants."""
    function = getattr(value, "__func__", value)
    if not isinstance(function, types.FunctionType):
        return ""
    texts = []
    for name, default in (
        *enumerate(function.__defaults__ or ()),
        *sorted((function.__kwdefaults__ or {}).items()),
    ):
        try:
            texts.append(f"{name}={canonical(default)}")
        except UnportableError:  # told where it took part
            texts.append(f"{name}={type_name(type(default))}")
    return " ".join(texts)


def codes_of(value: Any) -> Iterator[types.CodeType]:
    """The code of a function, and of those behind it: wrapped, bound, in a property or closure."""
    for item in functions_of(value):
        yield item.__code__ if isinstance(item, types.FunctionType) else item


def functions_of(value: Any) -> Iterator[types.FunctionType | types.CodeType]:
    """A function, and those behind it, and code that stands alone."""
    seen: set[int] = set()
    pending = [value]
    while pending:
        item = pending.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, types.CodeType | types.FunctionType):
            yield item
        pending += behind(item)


def has_state(function: types.FunctionType) -> bool:
    """Whether it has defaults, or is closed over more than its class, which `super()` asks for."""
    names = function.__code__.co_freevars
    return bool(function.__defaults__ or function.__kwdefaults__ or set(names) - {"__class__"})


def behind(value: Any) -> Iterator[Any]:
    """What stands directly behind a function or a wrapper of Python's own."""
    if isinstance(value, types.FunctionType):
        for cell in value.__closure__ or ():
            try:
                yield cell.cell_contents
            except ValueError:  # not filled yet
                continue
        yield getattr(value, "__wrapped__", None)
    elif isinstance(value, staticmethod | classmethod | types.MethodType):
        yield value.__func__
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, functools.partial | functools.partialmethod | functools.cached_property):
        yield value.func
    elif isinstance(value, functools.singledispatchmethod):
        yield from (value.func, value.dispatcher)
    elif isinstance(value, functools._lru_cache_wrapper):
        yield value.__wrapped__
