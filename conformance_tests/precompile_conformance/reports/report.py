"""The outcome of a run, for every form that it is told in."""

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
        ran = [r for r in self.results if r.status is not Status.NOT_APPLICABLE]
        return bool(ran) and all(result.status.is_good for result in self.results)

    def class_names(self) -> list[str]:
        """The classes it claims, in the norm's order."""
        return [class_name(number) for number in sorted(self.claims.classes)]


@dataclass(frozen=True)
class Report:
    """A run of a version's cases with one testee or several.

    `faults` are of the harness and of files of expectations: any of them fails the run.
    """

    version: str
    corpus: str
    cases: Sequence[Case]
    requirements: Mapping[str, Reviewed]
    testees: Sequence[TesteeReport]
    faults: Sequence[str] = ()

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


def repeat_line(command: Sequence[str], case_id: str, default: Sequence[str]) -> str:
    """One line that runs just this case again."""
    testee = "" if tuple(command) == tuple(default) else f' --testee "{" ".join(command)}"'
    return f"precompile-conformance run --case {case_id}{testee}"
