"""Facts of a host, what a segment requires of them, and the verdict with the facts that differ."""

import enum
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.machinery import EXTENSION_SUFFIXES
from types import MappingProxyType
from typing import Any

from precompile_context.artifact import is_unicode, name_fault
from precompile_context.errors import MisuseError

# A value is a word or a line (a version, a flag, a compiler's banner), never a document.
MAX_VALUE_BYTES = 1024


class Match(enum.IntEnum):
    """How required values compare with the host's; `precompile.v1.Match`."""

    EXACT = 1
    SUPERSET = 2


@dataclass(frozen=True, slots=True)
class Requirement:
    """One fact that must hold on the host; `match` is a plain int where it is unknown to us."""

    name: str
    match: Match | int
    values: tuple[str, ...]


def python_abi() -> str:
    """The fact `python.abi`: the tag of this interpreter's extension modules, as in their names.

    `sysconfig` says the same, and reads a module of 100 kB for it first.
    """
    return EXTENSION_SUFFIXES[0].split(".")[1]


def values_fault(values: Iterable[str]) -> str | None:
    """Why `values` cannot be those of a fact; None where they can."""
    if all(is_unicode(value) and len(value.encode()) <= MAX_VALUE_BYTES for value in values):
        return None
    return f"a value is UTF-8 of at most {MAX_VALUE_BYTES} bytes"


def is_texts(values: object) -> bool:
    """Whether these are texts, several of them."""
    return isinstance(values, Collection) and all(isinstance(value, str) for value in values)


def sorted_requirements(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """The requirements as a manifest wants them: sorted, their values sorted sets.

    Raises:
        MisuseError: no reader would accept one of them.
    """
    # [PCB-REQ-001] [PCB-REQ-003]
    by_name: dict[str, Requirement] = {}
    for requirement in requirements:
        if not isinstance(requirement, Requirement):
            text = "requirements are of a host's facts: environment.requirements(), or Requirement"
            raise MisuseError(f"{text}(...), not a {type(requirement).__name__}")
        name, values = requirement.name, requirement.values
        if isinstance(values, str) or not is_texts(values):
            raise MisuseError(f"requirement {name!r}: its values are several texts")
        if fault := name_fault(name) or values_fault(values):
            raise MisuseError(f"requirement {name!r}: {fault}")
        if name in by_name:
            raise MisuseError(f"requirement {name!r} stands twice")
        ordered = tuple(sorted(set(values), key=str.encode))
        try:
            by_name[name] = Requirement(name, Match(requirement.match), ordered)
        except ValueError:
            raise MisuseError(f"requirement {name!r}: no such match") from None
    return tuple(by_name[name] for name in sorted(by_name))


@dataclass(frozen=True, slots=True)
class Mismatch:
    """A requirement that this host does not meet; `actual` is None where the fact is unknown."""

    requirement: Requirement
    actual: frozenset[str] | None

    def __str__(self) -> str:
        wanted = "{" + ", ".join(self.requirement.values) + "}"
        if self.actual is None:
            return f"{self.requirement.name}: needs {wanted}, unknown on this host"
        return f"{self.requirement.name}: needs {wanted}, here {{{', '.join(sorted(self.actual))}}}"


@dataclass(frozen=True, repr=False)
class Environment:
    """What is known of a host: sets of strings by the name of the fact."""

    facts: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"<Environment: {len(self.facts)} facts>"

    def __post_init__(self) -> None:
        if not isinstance(self.facts, Mapping):
            text = "facts are sets of texts by name: Environment.of(cpu=...)"
            raise MisuseError(f"{text}, not a {type(self.facts).__name__}")
        for name, values in self.facts.items():
            if isinstance(values, str):  # a set of its letters, otherwise
                raise MisuseError(f"fact {name!r}: a set of values belongs here, not a text")
            if not is_texts(values):
                raise MisuseError(f"fact {name!r}: a set of texts belongs here, not {values!r:.80}")
            if fault := name_fault(name) or values_fault(values):
                raise MisuseError(f"fact {name!r}: {fault}")
        facts = {name: frozenset(values) for name, values in self.facts.items()}
        object.__setattr__(self, "facts", MappingProxyType(facts))

    @classmethod
    def of(cls, **facts: str | Collection[str]) -> "Environment":
        """Facts by keyword, `__` standing for a dot: `Environment.of(torch__version="2.13.0")`."""
        sets: dict[str, Any] = {
            name.replace("__", "."): [value] if isinstance(value, str) else value
            for name, value in facts.items()
        }
        return cls(sets)

    def requirements(self, match: Match = Match.EXACT) -> tuple[Requirement, ...]:
        """Every fact of this host as a requirement, sorted as a manifest wants them."""
        return tuple(
            Requirement(name, match, tuple(sorted(self.facts[name], key=str.encode)))
            for name in sorted(self.facts, key=str.encode)
        )

    def mismatches(self, requirements: Iterable[Requirement]) -> tuple[Mismatch, ...]:
        """The requirements that do not match here, in their order; empty where all match."""
        return tuple(
            Mismatch(requirement, self.facts.get(requirement.name))
            for requirement in requirements
            if not self._meets(requirement)
        )

    def _meets(self, requirement: Requirement) -> bool:
        actual = self.facts.get(requirement.name)
        # [PCB-HOST-003]
        if actual is None:  # an unknown fact may be anything: it never matches
            return False
        # [PCB-HOST-001]
        if requirement.match == Match.EXACT:
            return actual == frozenset(requirement.values)
        # [PCB-HOST-002]
        if requirement.match == Match.SUPERSET:
            return actual >= frozenset(requirement.values)
        return False  # a way of matching added later: not for this reader
