"""What took part in a compile beside what guards compare: code, and what that code reads.

Guards tell the values that dynamo traced, where they have a name. Not told are: a function whose
default, closure or class dynamo took for constant; and all that Python ran meanwhile. Each is
told in words here, and must have the same words where the version is served.
"""

import builtins
import sys
import types
from collections.abc import Iterable
from dataclasses import dataclass

from precompile_context.adapters.pytorch.precompile.asked import NOTHING_ASKED, Answers, Asked
from precompile_context.adapters.pytorch.precompile.asked import check as check_answers
from precompile_context.adapters.pytorch.precompile.digests import (
    UnportableError,
    canonical,
    code_digest,
    has_state,
    is_pinned,
    is_pinned_file,
    module_name,
    short_digest,
    type_name,
)
from precompile_context.adapters.pytorch.precompile.environment_reads import (
    reads_meanwhile,
    variables,
)
from precompile_context.adapters.pytorch.precompile.living_functions import functions_alive
from precompile_context.adapters.pytorch.precompile.named_functions import NamedFunctions
from precompile_context.adapters.pytorch.precompile.observed import Ran
from precompile_context.adapters.pytorch.precompile.operators import (
    functions_registered,
    operator_digest,
)
from precompile_context.adapters.pytorch.precompile.program import find_class, imported
from precompile_context.adapters.pytorch.precompile.program_code import (
    Modules,
    files_of,
    of_program,
    source_digest,
)
from precompile_context.adapters.pytorch.precompile.saved_guards import DiffersError, Witnesses
from precompile_context.adapters.pytorch.precompile.scope import (
    Scope,
    names_mentioned,
    names_read,
    package_version,
)
from precompile_context.adapters.pytorch.precompile.unguarded import NOT_GUARDED
from precompile_context.adapters.pytorch.precompile.words import Words

# Attributes that are numbers of lines.
_LINES = frozenset(("co_firstlineno", "f_lineno", "tb_lineno"))


@dataclass(frozen=True)
class Part:
    """A function that took part.

    Attributes:
        module, name: where it is found, and its qualified name.
        code: its code's digest.
        state: a digest of what it has and reads beside.
    """

    module: str
    name: str
    code: str
    state: str


@dataclass(frozen=True)
class Parts:
    """All that took part in one compile.

    Attributes:
        functions: those that no guard tells.
        annotated: those whose annotations dynamo took for constant; the state is of these.
        classes: (module, qualified name, digest) of the program's classes.
        traced, ran: digests of the code that dynamo traced, and that Python ran.
        mentioned: the names in that code.
        operators: the program's operators in the graphs, each with its digest.
        packages: those that torch compiles with and that ran, each with its version.
        sources: modules that were imported meanwhile, each with the digest of its file.
        environment: variables that were read, each with a digest of its value.
        answers: what classes and the process were asked for.
        builtins: values among Python's builtins that are read by name, and no function's or
            class's; dynamo takes these for constant.
    """

    functions: tuple[Part, ...] = ()
    annotated: tuple[Part, ...] = ()
    classes: Witnesses = ()
    traced: frozenset[str] = frozenset()
    ran: frozenset[str] = frozenset()
    mentioned: frozenset[str] = frozenset()
    operators: tuple[tuple[str, str], ...] = ()
    packages: tuple[tuple[str, str], ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    answers: Answers = NOTHING_ASKED
    builtins: tuple[tuple[str, str], ...] = ()

    @property
    def text(self) -> str:
        """Equal for equal parts."""
        sets = (sorted(self.traced), sorted(self.ran), sorted(self.mentioned))
        named = (
            self.operators,
            self.packages,
            self.sources,
            self.environment,
            self.answers,
            self.builtins,
        )
        return repr((self.functions, self.annotated, self.classes, *sets, *named))


def took_part(
    traced: Iterable[types.CodeType],
    ran: Ran,
    *,
    told: frozenset[str],
    classes: Iterable[type],
    operators: Iterable[str],
    variables_read: Iterable[str],
    annotated: Iterable[types.FunctionType] = (),
    asked: Asked | None = None,
) -> Parts:
    """What is to be the same where a version is served.

    Args:
        traced: code that dynamo traced into.
        ran: what Python ran meanwhile, torch's own code too.
        told: digests of code that guards tell, with all that it has.
        classes: those that guards have met.
        operators: names of the program's own in the graphs.
        variables_read: those of the environment that dynamo has met.
        annotated: functions that dynamo has asked for annotations.
        asked: what traced code has asked for.

    Raises:
        UnportableError: part of it cannot be told in words, or found again.
    """
    ran_codes, packages = of_program(ran.calls)
    imported_meanwhile = files_of(set(sys.modules) - ran.modules_before)
    sources = {
        imported_meanwhile[c.co_filename] for c in ran_codes if c.co_filename in imported_meanwhile
    }
    ran_codes = [code for code in ran_codes if code.co_filename not in imported_meanwhile]
    traced_codes = [code for code in traced if not is_pinned_file(code.co_filename)]
    _check_lines(traced_codes)
    modules = Modules()
    functions = {}
    for code in traced_codes:
        if (digest := code_digest(code)) not in told:
            functions[digest] = modules.of(code), code
    for code in ran_codes:
        functions[code_digest(code)] = modules.of(code), code
    parts = Parts(
        traced=frozenset(map(code_digest, traced_codes)),
        ran=frozenset(map(code_digest, ran_codes)),
        mentioned=frozenset(
            name for code in (*traced_codes, *ran_codes) for name in names_mentioned(code)
        ),
    )
    names = tuple(sorted(set(operators)))
    reads = reads_meanwhile(ran.calls, ran_codes)
    named = (name for name in parts.mentioned if name.isidentifier())
    met = _program_classes(classes)
    annotated = tuple(annotated)
    owners = {module_name(f.__module__) for f in annotated} & sys.modules.keys()
    state = _State(parts, names, owners.union(module for module, _ in functions.values()), met)
    told_parts = [
        Part(module, code.co_qualname, digest, state.function(digest, module, code.co_qualname))
        for digest, (module, code) in functions.items()
    ]
    _check_unnamed([code for digest, (_, code) in functions.items() if not state.knows(digest)])
    return Parts(
        functions=_in_order(told_parts),
        annotated=_in_order({state.annotated(function) for function in annotated}),
        classes=tuple(
            (module_name(cls.__module__), cls.__qualname__, state.of_class(cls)) for cls in met
        ),
        traced=parts.traced,
        ran=parts.ran,
        mentioned=parts.mentioned,
        operators=tuple((name, operator_digest(name)) for name in names),
        packages=tuple((name, package_version(name)) for name in sorted(packages)),
        environment=variables([*variables_read, *(named if reads else ())]),
        sources=tuple((module_name(name), source_digest(name)) for name in sorted(sources)),
        answers=asked.answers() if asked else NOTHING_ASKED,
        builtins=_builtins_read(name for code in traced_codes for name in names_read(code)),
    )


def check(parts: Parts) -> None:
    """Raise DiffersError where what took part is not what it was."""
    for name, version in parts.packages:
        if package_version(name) != version:
            raise DiffersError(f"{name} was {version}, and is {package_version(name)}")
    for name, digest in parts.environment:
        if variables([name]) != ((name, digest),):
            raise DiffersError(f"the environment variable {name} has changed")
    for name, digest in parts.sources:
        if source_digest(name) != digest:
            raise DiffersError(f"the source of {name} has changed")
    check_answers(parts.answers)
    for name, value in parts.builtins:
        if ((name, value),) != _builtins_read([name]):
            raise DiffersError(f"the builtin {name} has changed")
    try:
        for name, digest in parts.operators:
            if operator_digest(name) != digest:
                what = f"what is registered for operator {name}, or what that reads,"
                raise DiffersError(f"{what} has changed")
        operators = tuple(name for name, _ in parts.operators)
        met = [find_class(module, name) for module, name, _ in parts.classes]
        modules = {part.module for part in (*parts.functions, *parts.annotated)}
        state = _State(parts, operators, modules, met)
        for part in parts.functions:
            if state.function(part.code, part.module, part.name) != part.state:
                raise DiffersError(f"what {part.module}.{part.name} reads has changed")
        for part in parts.annotated:
            if state.annotations(part.code, part.module, part.name) != part.state:
                raise DiffersError(f"the annotations of {part.module}.{part.name} have changed")
        for module, name, digest in parts.classes:
            if state.of_class(find_class(module, name)) != digest:
                raise DiffersError(f"what class {module}.{name} holds has changed")
    except UnportableError as error:
        raise DiffersError(str(error)) from error


def _builtins_read(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Constants among the builtins of these names, in words."""
    found = {name: vars(builtins)[name] for name in names if name in vars(builtins)}
    constants = {name: value for name, value in found.items() if not callable(value)}
    return tuple(sorted((name, canonical(value)) for name, value in constants.items()))


class _State:
    """Digests of what functions and classes have and read, as they are in this process."""

    def __init__(
        self, parts: Parts, operators: tuple[str, ...], modules: set[str], classes: Iterable[type]
    ) -> None:
        """Functions are those of modules, of operators and of classes: a decorator's is made in
        its own module, and found where it is put.
        """
        registered = [value for name in operators for value in functions_registered(name)]
        self._named = NamedFunctions(map(imported, sorted(modules)), [*registered, *classes])
        self._ran = parts.ran
        followed = parts.ran | parts.traced
        mentioned = parts.mentioned.__contains__

        def follows(code: types.CodeType) -> bool:
            return code_digest(code) in followed

        def reads(code: types.CodeType) -> bool:
            return code_digest(code) in parts.ran

        self._traced_scope = Scope(follows, reads, mentioned, contents=False, annotations=False)
        self._annotation_scope = Scope(follows, reads, mentioned, contents=False)
        self._ran_scope = Scope(follows, reads, mentioned, contents=True)

    def knows(self, digest: str) -> bool:
        """Whether a function of this code is found, and not only that it is nested in one."""
        return digest in self._named.functions

    def function(self, digest: str, module: str, name: str) -> str:
        """Of all functions of this code that are found.

        Raises:
            UnportableError: the code is not found, or part of the state has no words.
        """
        if not self._named.holds(digest):
            raise UnportableError(f"the code of {module}.{name} has changed")
        scope = self._ran_scope if digest in self._ran else self._traced_scope
        texts = {
            Words(scope).of(function, f"{module}.{name}")
            for function in self._named.functions.get(digest, ())
        }
        return short_digest("\n".join(sorted(texts)))

    def annotated(self, function: types.FunctionType) -> Part:
        """A function whose annotations count.

        Raises:
            UnportableError: it is not found, or they have no words.
        """
        module, name = module_name(function.__module__), function.__qualname__
        digest = code_digest(function.__code__)
        if not any(f is function for f in self._named.functions.get(digest, ())):
            raise UnportableError(f"the annotations of {name} are read, and it is not found again")
        return Part(module, name, digest, self.annotations(digest, module, name))

    def annotations(self, digest: str, module: str, name: str) -> str:
        """Of the annotations and defaults of all functions of this code that are found.

        Raises:
            UnportableError: part of them has no words.
        """
        path = f"{module}.{name}.__annotations__"
        texts = {
            Words(self._annotation_scope).of(
                (function.__annotations__, function.__defaults__, function.__kwdefaults__), path
            )
            for function in self._named.functions.get(digest, ())
        }
        return short_digest("\n".join(sorted(texts)))

    def of_class(self, cls: type) -> str:
        """Of what a class and its bases hold.

        Raises:
            UnportableError: part of it has no words.
        """
        return short_digest(Words(self._traced_scope).of(cls, type_name(cls)))


def _check_lines(codes: Iterable[types.CodeType]) -> None:
    """Raise UnportableError for code that asks where code stands, which counts in no digest."""
    for code in codes:
        if asked := _LINES.intersection(code.co_names):
            what = f"{code.co_qualname} asks for {min(asked)}: the number of a line"
            raise UnportableError(f"{what} {NOT_GUARDED}")


def _in_order(parts: Iterable[Part]) -> tuple[Part, ...]:
    return tuple(sorted(parts, key=lambda part: (part.module, part.name, part.code)))


def _check_unnamed(codes: list[types.CodeType]) -> None:
    """Raise UnportableError where a function of nested code is kept, and keeps something."""
    alive = functions_alive(codes)
    for code in codes:
        if any(map(has_state, alive[id(code)])):
            raise UnportableError(
                f"{code.co_qualname} took part in the compile, holds values, and has no name"
            )


def _program_classes(classes: Iterable[type]) -> list[type]:
    found = {cls for cls in classes if not is_pinned(cls.__module__)}
    return sorted((cls for cls in found if "<locals>" not in cls.__qualname__), key=type_name)
