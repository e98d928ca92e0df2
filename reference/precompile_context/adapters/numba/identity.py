"""What names machine code: no path, no time, and nothing left out that it depends on."""

import hashlib
import inspect
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from numba.core.typing.templates import Signature

from precompile_context.adapters.numba.description import (
    Description,
    UndescribedError,
    options_of,
    source_digest,
)
from precompile_context.adapters.numba.extensions import extensions
from precompile_context.adapters.numba.settings import settings

_MOST_TEXT = 2000  # of a name that a person may want to read, in characters
_MOST_READS = 1000


@dataclass(frozen=True, slots=True)
class Identity:
    """A key, and in words what it is made of."""

    key: str
    function: str
    signature: str
    source: str
    reads: str


def identity(cache: Any, signature: Any, codegen: Any) -> Identity:
    """What `cache`, of one function, is asked for.

    Raises:
        UndescribedError: the machine code depends on what cannot be told.
    """
    function: types.FunctionType = cache._py_func
    own, read, asked = Description(), Description(), Description()
    # The file as it is, for what a function's code does not show: decorators and classes.
    own.word(cache._impl.filename_base, source_digest(function))
    own.code(function.__code__)
    own.word(*_owner_words(cache))
    read.function(function)
    read.word(extensions())
    asked.add(_types_of(signature))
    words = [
        *(own.digest(), read.digest(), asked.digest()),
        *codegen.magic_tuple(),
        *(f"{name}={value}" for name, value in settings().items()),
    ]
    name = f"{function.__module__}.{function.__qualname__}"[:_MOST_TEXT]
    digest = hashlib.sha256("\n".join(map(str, words)).encode()).hexdigest()
    return Identity(
        key=f"{_printable(name)[:200]}-{digest}",
        function=name,
        signature=_told(signature)[:_MOST_TEXT],
        source=own.digest()[:16],
        reads="\n".join(f"{d} {n}"[:200] for n, d in list(read.reads.items())[:_MOST_READS]),
    )


def _told(signature: Any) -> str:
    if isinstance(signature, tuple):
        return f"({', '.join(map(str, signature))})"
    return str(signature)


def _printable(name: str) -> str:
    return "".join(char if char.isascii() and char.isprintable() else "?" for char in name)


def _types_of(signature: Any) -> object:
    """The types as told apart by numba, with what the names of some do not show."""
    if isinstance(signature, Signature):
        return ("signature", signature.return_type, *signature.args)
    return ("arguments", *signature) if isinstance(signature, tuple) else str(signature)


def _owner_words(cache: Any) -> list[str]:
    """What the decorator was told. Only the decorated function knows; it is asking its cache now.

    Raises:
        UndescribedError: somebody else is asking.
    """
    for owner in _callers():
        if not any(value is cache for value in _attributes(owner)):
            continue
        words = [f"{name}={value}" for name, value in options_of(owner)]
        if hasattr(owner, "sin"):  # what calls a @guvectorize function; it links that by its name
            words += [str(owner.sin), str(owner.sout), owner.fndesc.llvm_func_name]
            words += [str(options_of(other)) for other in _callers() if hasattr(other, "nb_func")]
        return [type(owner).__qualname__, *words]
    raise UndescribedError("what its decorator was told is not known")


def _callers() -> Iterator[Any]:
    frame = inspect.currentframe()
    while frame is not None:
        owner = frame.f_locals.get("self")
        if owner is not None:
            yield owner
        frame = frame.f_back


def _attributes(owner: Any) -> list[object]:
    return list(getattr(owner, "__dict__", {}).values())
