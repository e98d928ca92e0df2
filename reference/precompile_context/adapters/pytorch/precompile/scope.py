"""How far words go, and the names in code that decide it."""

import dis
import functools
import importlib.metadata
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from precompile_context.adapters.pytorch.precompile.digests import nested_codes

# Packages that torch compiles with; tqdm shows how far it is.
_OF_TORCH = frozenset(
    (
        *("filelock", "fsspec", "jinja2", "markupsafe", "mpmath", "networkx", "numpy", "optree"),
        *("_distutils_hack", "setuptools", "sympy", "tqdm", "triton", "typing_extensions"),
    )
)
_GLOBAL_READ = frozenset(("LOAD_GLOBAL", "LOAD_NAME"))
# Names by which code asks for annotations, and for what else functions have.
_OF_ANNOTATIONS = frozenset(
    (
        *("__annotations__", "get_annotations", "get_type_hints", "getfullargspec"),
        *("signature", "Signature", "__signature__"),
    )
)
_OF_FUNCTIONS = frozenset(
    (
        *("__code__", "__defaults__", "__kwdefaults__", "__closure__", "__doc__", "__dict__"),
        *("getcallargs", "getclosurevars", "getdoc", "getsource", "unwrap", "vars"),
    )
)


@dataclass(frozen=True)
class Scope:
    """How far words go.

    Attributes:
        follows: whether a function of this code is told by what it does; of others, which
            took no part, the name is enough.
        reads: whether what its global names stand for counts: dynamo guards what it traced.
        mentions: whether the code that took part mentions a name, of a class or a module.
        contents: whether tensors are told by content: where dynamo traced, they are inputs.
        annotations: whether annotations are told where code asks for some: where dynamo traced,
            guards tell those of classes, and those of functions are told apart.
        noted: is told the code of each function whose global names count.
    """

    follows: Callable[[types.CodeType], bool]
    reads: Callable[[types.CodeType], bool]
    mentions: Callable[[str], bool]
    contents: bool
    annotations: bool = True
    noted: Callable[[types.CodeType], None] = lambda code: None

    @property
    def asks_for_annotations(self) -> bool:
        """Whether the code that took part names what gives annotations."""
        return self.annotations and any(map(self.mentions, _OF_ANNOTATIONS))

    @property
    def looks_into_functions(self) -> bool:
        """Whether code that is not guarded names what functions have beside what they do."""
        names = _OF_FUNCTIONS | _OF_ANNOTATIONS if self.contents else _OF_FUNCTIONS
        return self.annotations and any(map(self.mentions, names))


def is_of_torch(module: str) -> bool:
    """Whether a module is of a package that torch compiles with: its version tells its code."""
    return module.partition(".")[0] in _OF_TORCH


@functools.cache
def package_version(module: str) -> str:
    """The version of a module's package; "" where it has none."""
    package = module.partition(".")[0]
    version = getattr(sys.modules.get(package), "__version__", None)
    if isinstance(version, str):
        return version
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


@functools.lru_cache(maxsize=8192)
def names_read(code: types.CodeType) -> frozenset[str]:
    """The global names that code, nested code included, reads."""
    return frozenset(
        instruction.argval
        for nested in nested_codes(code)
        for instruction in dis.get_instructions(nested)
        if instruction.opname in _GLOBAL_READ
    )


def names_mentioned(code: types.CodeType) -> Iterator[str]:
    """Names of attributes and globals in code, and texts that may be some."""
    for nested in nested_codes(code):
        yield from nested.co_names
        for constant in nested.co_consts:
            if isinstance(constant, str):
                yield constant
