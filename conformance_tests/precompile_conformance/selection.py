"""Which cases of a version are run."""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from precompile_conformance.corpus import CLASS_NAMES, Case


class SelectionError(Exception):
    """What was asked for selects nothing: the caller's mistake, told before a testee is started."""


@dataclass(frozen=True)
class Selection:
    """What was asked for; nothing asked for selects everything that is not large."""

    classes: Sequence[str] = ()
    areas: Sequence[str] = ()
    ids: Sequence[str] = ()  # exact ids, or patterns with * and ?
    requirements: Sequence[str] = ()
    large: bool = False
    frozen: frozenset[str] | None = None  # only these ids

    def of(self, cases: Sequence[Case]) -> list[Case]:
        """The cases selected, in their order.

        Raises:
            SelectionError: there are none, or something that was asked for does not exist.
        """
        if faults := list(self._faults(cases)):
            raise SelectionError("no case was run: " + "; ".join(faults))
        chosen = self._chosen(cases)
        if not chosen:
            large = [] if self.large else replace(self, large=True)._chosen(cases)
            hint = f"; --large adds {len(large)}" if large else ""
            raise SelectionError(f"no case was run: none is all that was asked for{hint}")
        return chosen

    def _chosen(self, cases: Iterable[Case]) -> list[Case]:
        return [case for case in cases if self._takes(case)]

    def _faults(self, cases: Sequence[Case]) -> Iterator[str]:
        """Each name that nothing has, with those that there are."""
        ids = [case.id for case in cases]
        areas = sorted({case.area for case in cases})
        requirements = sorted({id_ for case in cases for id_ in case.message.requirements})
        for name in self.classes:
            if name.lower() not in CLASS_NAMES:
                yield f"no class is called {name!r}; there are {', '.join(CLASS_NAMES)}"
        for name in self.areas:
            if name.upper() not in areas:
                yield f"no area is called {name!r}; there are {', '.join(areas)}"
        for pattern in self.ids:
            if not any(fnmatchcase(id_, pattern) for id_ in ids):
                yield f"no case is called {pattern!r}{_near(pattern, ids)}"
        for name in self.requirements:
            if name not in requirements:
                yield f"no case tests {name!r}{_near(name, requirements)}"

    def _takes(self, case: Case) -> bool:
        named = any(fnmatchcase(case.id, pattern) for pattern in self.ids)
        if case.is_large and not (self.large or case.id in self.ids):
            return False
        return (
            (not self.ids or named)
            and (not self.classes or bool({c.lower() for c in self.classes} & {*case.classes}))
            and (not self.areas or case.area in {area.upper() for area in self.areas})
            and (not self.requirements or bool({*self.requirements} & {*case.message.requirements}))
            and (self.frozen is None or case.id in self.frozen)
        )


def _near(name: str, names: Sequence[str]) -> str:
    """Those most like it, to be told."""
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    return f"; near it are {', '.join(near)}" if near else "; `list` shows them all"
