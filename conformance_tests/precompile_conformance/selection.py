"""Which cases of a version are run."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from precompile_conformance.corpus import Case


@dataclass(frozen=True)
class Selection:
    """What was asked for; nothing asked for selects everything that is not large."""

    classes: Sequence[str] = ()
    areas: Sequence[str] = ()
    ids: Sequence[str] = ()  # exact ids, or patterns with * and ?
    requirements: Sequence[str] = ()
    large: bool = False
    frozen: frozenset[str] | None = None  # only these ids

    def of(self, cases: Iterable[Case]) -> list[Case]:
        """The cases selected, in their order."""
        return [case for case in cases if self._takes(case)]

    def _takes(self, case: Case) -> bool:
        named = any(fnmatchcase(case.id, pattern) for pattern in self.ids)
        if case.message.recipe and not (self.large or case.id in self.ids):
            return False
        return (
            (not self.ids or named)
            and (not self.classes or bool({c.lower() for c in self.classes} & {*case.classes}))
            and (not self.areas or case.area in {area.upper() for area in self.areas})
            and (not self.requirements or bool({*self.requirements} & {*case.message.requirements}))
            and (self.frozen is None or case.id in self.frozen)
        )
