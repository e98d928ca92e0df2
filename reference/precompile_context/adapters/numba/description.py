"""What a function's machine code depends on beside its signature: told in words, without a path.

numba freezes what a function reads (globals, attributes of modules, cells of a closure) into
its code, and links what it calls. So all of it is part of the code's name here: walked as
numba would resolve it, by value, from the very objects of this process.
"""

import enum
import functools
import hashlib
import inspect
import marshal
import os
import struct
import sys
import sysconfig
import types
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba.core import types as nbtypes
from numba.extending import is_jitted

# Their versions are facts: what lies in them is named, and not walked.
_VERSIONED = frozenset({"numba", "numpy", "llvmlite", *sys.stdlib_module_names}) - {"__main__"}
_STDLIB = ("stdlib", "platstdlib")
# A function of a library may reach the whole library; past this it is left to numba alone.
_MOST_OBJECTS = 20_000


class UndescribedError(Exception):
    """Something that machine code may depend on cannot be told in words that stay the same."""


class Description:
    """A digest of objects, and what of them was read by name.

    Attributes:
        reads: by the name under which it was found, a short digest of each thing read.
    """

    def __init__(self) -> None:
        self.reads: dict[str, str] = {}
        self._hash = hashlib.sha256()
        self._seen: dict[int, int] = {}
        self._alive: list[object] = []  # an id stays its object's meanwhile

    def digest(self) -> str:
        """Of all that was added so far: 64 characters."""
        return self._hash.hexdigest()

    def add(self, value: object) -> None:
        """Take it in, with all that it leads to.

        Raises:
            UndescribedError: it is nothing that can be told.
        """
        for kind, handler in _HANDLERS:
            if isinstance(value, kind):
                handler(self, value)
                return
        self._add_object(value)

    def word(self, *words: object) -> None:
        """Take in texts, bytes and numbers, none of which runs into the next one."""
        for word in words:
            data = word if isinstance(word, bytes) else str(word).encode(errors="surrogatepass")
            self._hash.update(struct.pack("<cQ", b"b" if word is data else b"s", len(data)))
            self._hash.update(data)

    def once(self, value: object) -> bool:
        """Whether it is new here; what is not is told by its number."""
        if (place := self._seen.get(id(value))) is not None:
            self.word("again", place)
            return False
        if len(self._seen) == _MOST_OBJECTS:
            raise UndescribedError(f"it reaches more than {_MOST_OBJECTS} objects")
        self._seen[id(value)] = len(self._seen)
        self._alive.append(value)
        return True

    def function(self, function: types.FunctionType) -> None:
        """Take in its code, its defaults, and all that its code names."""
        self.word("function", function.__module__, function.__qualname__)
        # By where it was written: `functools.wraps` gives it another's name and module.
        where = function.__globals__.get("__name__", function.__module__)
        if is_versioned(where) or not self.once(function):
            return
        self.add(function.__defaults__)
        self.add(function.__kwdefaults__)
        self.code(function.__code__)
        cells = function.__closure__ or ()
        for name, cell in zip(function.__code__.co_freevars, cells, strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not bound yet
                continue
            self._read(f"{function.__qualname__}.{name}", value)
        self._names(function)

    def code(self, code: types.CodeType) -> None:
        """Take in what it does; where it lies in which file does not matter."""
        self.word("code", code.co_code, code.co_flags, code.co_argcount)
        self.word(code.co_kwonlyargcount, code.co_posonlyargcount)
        self.word(getattr(code, "co_exceptiontable", b""))
        self.add((code.co_names, code.co_varnames, code.co_freevars, code.co_cellvars))
        self.word(len(code.co_consts))
        for constant in code.co_consts:
            self.add(constant)

    def _names(self, function: types.FunctionType) -> None:
        names = list(dict.fromkeys(_names_in(function.__code__)))
        for name in names:
            if name in function.__globals__:
                self._named(function.__globals__[name], name, names)

    def _named(self, value: object, path: str, names: list[str]) -> None:
        """What stands under a name; of a module, what may be asked of it by the code's names."""
        if not isinstance(value, types.ModuleType):
            self._read(path, value)
        elif is_versioned(value.__name__):
            self.word("module", value.__name__)
        elif path.count(".") < len(names):
            self.word("module", path)
            for name in names:
                if name in vars(value):
                    self._named(vars(value)[name], f"{path}.{name}", names)

    def _read(self, name: str, value: object) -> None:
        self.word("read", name)
        before = self._hash
        self._hash = hashlib.sha256()
        try:
            self.add(value)
            read = self._hash.hexdigest()
        except UndescribedError as error:
            raise UndescribedError(f"{name}: {error}") from None
        finally:
            self._hash = before
        self.word(read)
        self.reads.setdefault(name, read[:16])

    def _add_class(self, cls: type) -> None:
        self.word("class", cls.__module__, cls.__qualname__)
        if is_versioned(cls.__module__) or not self.once(cls):
            return
        if issubclass(cls, enum.Enum):
            self.add([(name, member.value) for name, member in cls.__members__.items()])
        elif hasattr(cls, "_fields"):  # a named tuple, which may be made of any text
            self.add(cls._fields)
        else:
            self.word(source_digest(cls))
        if (compiled := getattr(cls, "class_type", None)) is not None:  # a jitclass
            raise UndescribedError(
                f"{compiled.class_name}: numba numbers jitclasses anew each time"
            )

    def _add_type(self, type_: nbtypes.Type) -> None:
        """A type of numba's, by the key that tells it from others."""
        self.word("type", type(type_).__module__, type(type_).__qualname__)
        if isinstance(type_, nbtypes.Dispatcher | nbtypes.ClassInstanceType):
            # numba itself would not know it again: its name is an address.
            raise UndescribedError(f"a {type(type_).__name__} has another name in each process")
        if not self.once(type_):
            return
        self.add(type_.key)

    def _add_object(self, value: object) -> None:
        """None of the above: what numba cannot take for a constant does not get into code."""
        self.word("object", type(value).__module__, type(value).__qualname__)
        if is_jitted(value):
            self._add_jitted(value)
            return
        for attribute in ("_dispatcher", "gufunc_builder", "_defn", "_pyfunc"):
            # A @vectorize or @guvectorize function, an @intrinsic, a @cfunc.
            inner = getattr(value, attribute, None)
            if inner is not None:
                self.add(options_of(value))
                self.add(getattr(inner, "py_func", inner))
                self.add(options_of(inner))
                return
        try:
            type_ = numba.typeof(value)
        except Exception:  # whatever a type's own rule raises: numba could not either
            return
        if isinstance(type_, nbtypes.Function | nbtypes.NumberClass | nbtypes.Module):
            return
        raise UndescribedError(f"a {type(value).__qualname__} cannot be told by its value")

    def _add_jitted(self, value: Any) -> None:
        if self.once(value):
            self.add(value.py_func)
            self.add(options_of(value))

    def _add_array(self, value: Any) -> None:
        if value.dtype.hasobject:
            raise UndescribedError("an array of objects cannot be told by its bytes")
        self.word("array", value.dtype.descr, value.shape, value.tobytes())

    def _add_items(self, value: Iterable[object]) -> None:
        if isinstance(value, list | dict) and not self.once(value):
            return
        items = list(value.items()) if isinstance(value, dict) else list(value)
        self.word(type(value).__qualname__, len(items))
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            self.add(type(value))
        for item in items:
            self.add(item)

    def _add_set(self, value: Iterable[object]) -> None:
        digests = []
        for item in value:
            one = Description()
            one.add(item)
            digests.append(one.digest())
        self.word("set", *sorted(digests))

    def _add_plain(self, value: Any) -> None:
        # By its bytes: 1, True and 1.0 are equal, and so are 0.0 and -0.0.
        self.word(type(value).__qualname__, marshal.dumps(value, 2))

    def _add_enum(self, value: enum.Enum) -> None:
        self.word(value.name)
        self.add(type(value))


_Handler = Callable[[Description, Any], None]
_HANDLERS: tuple[tuple[Any, _Handler], ...] = (
    (enum.Enum, Description._add_enum),
    ((type(None), bool, int, float, complex, str, bytes, type(...)), Description._add_plain),
    ((np.generic, np.ndarray), Description._add_array),
    (np.dtype, lambda description, value: description.word("dtype", value.descr, value.alignment)),
    ((tuple, list, dict), Description._add_items),
    ((set, frozenset), Description._add_set),
    ((slice, range), lambda description, value: description.word(repr(value))),
    (types.CodeType, Description.code),
    (types.FunctionType, Description.function),
    (types.MethodType, lambda description, value: description.add((value.__func__,))),
    (types.ModuleType, lambda description, value: description.word("module", value.__name__)),
    (nbtypes.Type, Description._add_type),
    (type, Description._add_class),
    (
        (types.BuiltinFunctionType, np.ufunc),
        lambda description, value: description.word(
            "builtin", getattr(value, "__module__", ""), value.__name__
        ),
    ),
)


def options_of(owner: Any) -> list[tuple[str, str]]:
    """What the decorator was given, as far as it changes code; sorted."""
    options: dict[str, object] = {}
    for path in ("targetoptions", "nb_func.targetoptions", "_compiler.targetoptions"):
        options |= _get(owner, path) or {}
    for path in ("locals", "_compiler.locals"):
        options |= {f"local {name}": type_ for name, type_ in (_get(owner, path) or {}).items()}
    pipeline = _get(owner, "_compiler.pipeline_class")
    if pipeline is not None:
        options["pipeline"] = f"{pipeline.__module__}.{pipeline.__qualname__}"
    return sorted((name, _option(value)) for name, value in options.items() if name != "cache")


def _option(value: object) -> str:
    if isinstance(value, set | frozenset):
        return repr(sorted(map(repr, value)))
    text = repr(value)
    if " at 0x" in text:  # an inline or type-mapping function, say
        one = Description()
        one.add(value)
        text = one.digest()
    return text


def _get(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = getattr(value, name, None)
    return value


def _names_in(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names_in(constant)


def is_versioned(module: object) -> bool:
    """Whether a fact tells the version of what lies in the module."""
    root = str(module).partition(".")[0]
    if root not in sys.stdlib_module_names:
        return root in _VERSIONED
    # The program may have a `statistics.py` of its own, which stands before Python's.
    file = getattr(sys.modules.get(root), "__file__", None)
    return root in _VERSIONED and (file is None or _is_pythons(file))


def _is_pythons(file: str) -> bool:
    for folder in _pythons_folders():
        if file.startswith(folder + os.sep):
            return not {"site-packages", "dist-packages"} & set(file[len(folder) :].split(os.sep))
    return False


@functools.cache
def _pythons_folders() -> tuple[str, ...]:
    return (os.path.dirname(os.__file__), *map(sysconfig.get_path, _STDLIB))


def source_digest(thing: Any) -> str:
    """SHA-256 of the file in which a function or class is written; "" where there is none."""
    try:
        path = inspect.getfile(thing)
        now = os.stat(path)
        return _file_digest(path, (now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns))
    except (OSError, TypeError, ValueError):  # made of a text, or in an archive
        return ""


@functools.lru_cache(maxsize=256)  # a file has many functions
def _file_digest(path: str, _as_it_is: tuple[int, ...]) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
