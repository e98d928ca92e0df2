"""What dynamo tells of one frame while it compiles it."""

import contextlib
import dis
import pickle
import re
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from precompile_context.adapters.pytorch.precompile import made_functions
from precompile_context.adapters.pytorch.precompile.asked import Asked
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    code_digest,
    module_name,
    nested_codes,
)
from precompile_context.adapters.pytorch.precompile.entry import Version
from precompile_context.adapters.pytorch.precompile.named_globals import Named
from precompile_context.adapters.pytorch.precompile.observed import Ran
from precompile_context.adapters.pytorch.precompile.parts import took_part
from precompile_context.adapters.pytorch.precompile.saved_guards import SavedGuards
from precompile_context.adapters.pytorch.precompile.sizes import sizes_seen
from precompile_context.adapters.pytorch.precompile.split_graphs import SplitGraph, told_in_steps

_GLOBAL_ACCESS = frozenset(("LOAD_GLOBAL", "LOAD_NAME", "STORE_GLOBAL", "DELETE_GLOBAL"))
# What dynamo's bytecode calls to hand streams and the like to a graph, by number.
_BY_NUMBER = "store_user_object_weakrefs"
# Addresses and counts in names that dynamo makes up.
_NUMBERS = re.compile(r"_\d{5,}|_c[\d_/]+$|_\d+$")


class FrameRecorder:
    """Stands where torch expects a CompilePackage, for the one frame that is being compiled.

    Attributes:
        refused: why this version of the frame cannot be saved; None so far.
    """

    def __init__(self, code: types.CodeType, closure: Any) -> None:
        self.refused: str | None = None
        self._frame_code = code
        self._closure = closure
        self._backends: dict[str, SplitGraph | None] = {}
        self._imports: dict[str, str] = {}
        self._named: dict[str, Named] = {}
        self._resumes: dict[str, tuple[str, types.CodeType]] = {}
        self._traced: list[types.CodeType] = []
        self._code: types.CodeType | None = None
        self._guards: SavedGuards | None = None
        self._classes: list[type] = []
        self._installed: frozenset[str] = frozenset()
        self._builtins = ""
        self._has_overrides = False
        self._globals: dict[str, Any] = {}

    def refuse(self, reason: str) -> None:
        """This version is not saved; the first reason counts."""
        if self.refused is None:
            self.refused = " ".join(reason.split())

    # --- what torch calls --------------------------------------------------------------

    @contextlib.contextmanager
    def code_context(self, code: types.CodeType) -> Iterator[None]:
        """Torch's bracket around the frame."""
        yield

    def add_backend_id(self, backend_id: str, backend: Any = None) -> None:
        """A graph was compiled, and is called by this global name."""
        try:
            self._backends.setdefault(backend_id, told_in_steps(backend, backend_id))
        except UnportableError as error:
            self.refuse(str(error))

    def add_import_source(self, alias: str, module: str) -> None:
        """A module is reached by this global name."""
        self._imports[alias] = module

    def add_resume_function(self, code: types.CodeType, module: str, name: str) -> None:
        """What is behind a graph break is a function of this global name."""
        self._resumes[name] = module, code

    def add_guarded_code(self, guards_state: bytes, code: types.CodeType) -> None:
        """The bytecode is made."""
        self._code = code

    def add_inlined_source(self, codes: list[types.CodeType]) -> None:
        """What was traced into."""
        self._traced = list(codes)

    def update_device_type(self, graph: Any) -> None:
        """Where graphs run is a fact of the environment here."""

    # --- what our hooks call -----------------------------------------------------------

    def add_named(self, named: Named) -> None:
        """It is reached by its global name."""
        self._named[named.alias] = named

    def guarded(self, guards: SavedGuards, classes: list[type], output_graph: Any) -> None:
        """The guards are made, and can be saved; these are the classes that they have met."""
        self._guards = guards
        self._classes = classes
        self._globals = output_graph.global_scope
        self._installed = frozenset(output_graph.installed_globals)
        self._builtins = output_graph.name_of_builtins_dict_key_in_fglobals or ""
        self._has_overrides = output_graph.torch_function_subclass_inlined
        if output_graph.shape_env.specializations:
            self.refuse("its graph is compiled again for specialized sizes")

    # --- the result --------------------------------------------------------------------

    @property
    def backends(self) -> tuple[str, ...]:
        """The graphs that the bytecode calls, by global name; of one that was cut, its pieces."""
        used = self._names_used()
        called = ((name, cut) for name, cut in self._backends.items() if name in used)
        return tuple(n for name, cut in called for n in (cut.pieces if cut else (name,)))

    def _names_used(self) -> set[str]:
        return set() if self._code is None else global_names(self._code)

    def version(
        self,
        ran: Callable[[], Ran],
        operators: Iterable[str],
        variables: Iterable[str],
        annotated: Mapping[int, types.FunctionType],
        asked: Asked,
    ) -> Version:
        """What to save of a frame that was compiled.

        Args:
            ran: tells what Python ran meanwhile.
            operators: names of the program's operators in the graphs.
            variables: names of those of the environment that dynamo has met.
            annotated: the functions that dynamo has asked for annotations.
            asked: what it has asked of classes and of the process.

        Raises:
            UnportableError: it cannot be used in another process.
        """
        if self.refused is not None or self._guards is None or self._code is None:
            raise UnportableError(self.refused or "its guards were not told")
        used = self._names_used()
        if _BY_NUMBER in used:
            raise UnportableError("its graph takes objects by number")
        known = {*self._backends, *self._resumes, *self._imports, *self._named, self._builtins}
        if foreign := sorted((used & self._installed) - known):
            name = _NUMBERS.sub("", foreign[0]).strip("_")
            raise UnportableError(f"its code uses an object of this process: {name}")
        from torch._dynamo.package import SerializedCode

        resumes = tuple(
            (name, module_name(module), SerializedCode.from_code_object(code))
            for name, (module, code) in self._resumes.items()
            if name in used
        )
        return Version(
            code=SerializedCode.from_code_object(
                made_functions.taken_out(self._code, self._frame_code, self._globals)
            ),
            guards=self._guards,
            backends=self.backends,
            cut={name: cut for name, cut in self._backends.items() if cut and name in used},
            imports=self._imports,
            named=tuple(self._named.values()),
            resumes=resumes,
            builtins=self._builtins,
            has_overrides=self._has_overrides,
            parts=(
                took_part(
                    self._traced,
                    ran(),
                    told=self._told(self._guards),
                    classes=self._classes,
                    operators=operators,
                    variables_read=variables,
                    annotated=annotated.values(),
                    asked=asked,
                ),
            ),
            sizes=sizes_seen(self._frame_code, self._closure),
        )

    def _told(self, guards: SavedGuards) -> frozenset[str]:
        return guards.told.union(map(code_digest, nested_codes(self._frame_code)))


def alias_of(module: str) -> str:
    """The global name by which torch, too, reaches a module of this name."""
    return f"__import_{module.replace('.', '_dot_')}"


def encoded(version: Version) -> bytes:
    """A version's bytes.

    Raises:
        UnportableError: it holds something that cannot be pickled.
    """
    try:
        return pickle.dumps(version)
    except Exception as error:  # constants of the bytecode may be any object
        raise UnportableError(f"it cannot be pickled: {error}") from error


def global_names(code: types.CodeType) -> set[str]:
    """The global names that code, nested code included, reads or writes."""
    return {
        instruction.argval
        for nested in nested_codes(code)
        for instruction in dis.get_instructions(nested)
        if instruction.opname in _GLOBAL_ACCESS
    }
