"""A mutant, and the import hook that makes the reference one."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from types import CodeType, ModuleType

PACKAGE = "precompile_context"


class StaleMutantError(Exception):
    """The source does not hold what a mutant replaces, exactly once."""


@dataclass(frozen=True)
class Mutant:
    """`old` in the source of `module` becomes `new`.

    `id` is the requirement whose check is taken out, PCB- left away, with a letter
    behind it where there are several; `also` are ids whose cases fail with it. Only where
    a missing check ends the process `may_crash` is true: a crash is no other answer.
    """

    id: str
    module: str
    old: str
    new: str
    also: str = ""
    may_crash: bool = False

    @property
    def requirement(self) -> str:
        """The requirement's id."""
        return f"PCB-{self.id.rstrip('abcdefghijklmnopqrstuvwxyz')}"

    @property
    def requirements(self) -> frozenset[str]:
        """The ids of which every case that fails has one."""
        return frozenset([self.requirement, *(f"PCB-{name}" for name in self.also.split())])

    def apply(self, source: str) -> str:
        """The module's source with the check taken out.

        Raises:
            StaleMutantError: the source has changed.
        """
        if source.count(self.old) != 1:
            raise StaleMutantError(
                f"{self.id}: {self.module} holds {source.count(self.old)} times: {self.old!r}"
            )
        return source.replace(self.old, self.new)


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, mutant: Mutant) -> None:
        super().__init__(name, path)
        self._mutant = mutant

    def get_code(self, fullname: str) -> CodeType:
        """Compiled from the changed source; no cache of bytecode is read or written."""
        source = self.get_data(self.path).decode()
        return compile(self._mutant.apply(source), self.path, "exec")


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        self._name = f"{PACKAGE}.{mutant.module}"

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        assert spec is not None
        assert spec.origin is not None
        loader = _Loader(fullname, spec.origin, self._mutant)
        return importlib.util.spec_from_file_location(
            fullname,
            spec.origin,
            loader=loader,
            submodule_search_locations=spec.submodule_search_locations,
        )


def install(mutant: Mutant) -> None:
    """Make the reference this mutant for the rest of the process; it must not be imported yet."""
    if any(name == PACKAGE or name.startswith(f"{PACKAGE}.") for name in sys.modules):
        raise RuntimeError("the reference is imported already")
    sys.meta_path.insert(0, _Finder(mutant))
