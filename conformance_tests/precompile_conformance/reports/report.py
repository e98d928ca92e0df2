"""The outcome of a run, for every form that it is told in."""

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from precompile_conformance.corpus import Case, class_name
from precompile_conformance.running import Claims
from precompile_conformance.spec.reviewed import Reviewed
from precompile_conformance.status import Result, Status

# The worst first: what a requirement is told as where its cases differ.
ORDER = (
    Status.ERROR, Status.CRASH, Status.TIMEOUT, Status.FAIL, Status.XPASS, Status.XFAIL,
    Status.PASS, Status.NOT_APPLICABLE,
)  # fmt: skip


@dataclass(frozen=True)
class TesteeReport:
    """One testee's results, in the order of the cases."""

    command: tuple[str, ...]
    claims: Claims
    results: Sequence[Result]

    def counts(self) -> Counter[Status]:
        """How many cases have which status."""
        return Counter(result.status for result in self.results)

    @property
    def is_good(self) -> bool:
        """Every case passed, was expected to fail, or is not applicable; one at least was run."""
        return self.ran_any and all(result.status.is_good for result in self.results)

    @property
    def ran_any(self) -> bool:
        """Whether a case applied to what the testee claims."""
        return any(result.status is not Status.NOT_APPLICABLE for result in self.results)

    def class_names(self) -> list[str]:
        """The classes it claims, in the norm's order."""
        return [class_name(number) for number in sorted(self.claims.classes)]


@dataclass(frozen=True)
class Report:
    """A run of a version's cases with one testee or several.

    `faults` are of the harness and of files of expectations: any of them fails the run.
    `options` are those under which one case is run again as it was. `frozen` is the SHA-256 of
    the list of what the version was released with; empty for a draft. `is_whole` says whether no
    case was left out that needs a class which a testee claims, but for those of gigabytes.
    """

    version: str
    corpus: str
    cases: Sequence[Case]
    requirements: Mapping[str, Reviewed]
    testees: Sequence[TesteeReport]
    faults: Sequence[str] = ()
    options: Sequence[str] = ()
    frozen: str = ""
    is_whole: bool = True

    @property
    def is_frozen(self) -> bool:
        """Whether the version was released."""
        return bool(self.frozen)

    @property
    def is_good(self) -> bool:
        """Whether the run succeeded."""
        return not self.faults and bool(self.testees) and all(t.is_good for t in self.testees)

    def cases_of(self, requirement: str) -> list[Case]:
        """The cases that test a requirement."""
        return [case for case in self.cases if requirement in case.message.requirements]


def worst(statuses: Iterable[Status]) -> Status | None:
    """The status that a set of cases is told as; None where there are none."""
    found = set(statuses)
    return next((status for status in ORDER if status in found), None)


def repeat_line(
    command: Sequence[str], case_id: str, default: Sequence[str], options: Sequence[str]
) -> str:
    """One line, for a shell, that runs just this case again as it was run."""
    given = tuple(command) != tuple(default)
    testee = ["--testee", shlex.join(command)] if given else []
    return shlex.join(["precompile-conformance", "run", "--case", case_id, *testee, *options])
