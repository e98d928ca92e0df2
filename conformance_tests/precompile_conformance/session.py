"""One version's cases with one testee or several: what the commands have in common."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from precompile_conformance import corpus, expectations, requirements_index, running
from precompile_conformance.reports import Report, TesteeReport
from precompile_conformance.selection import Selection
from precompile_conformance.status import Result

# Called with a testee's name and the number of cases; gives what is called for each result.
Progress = Callable[[str, int], AbstractContextManager[Callable[[Result], None]]]


@dataclass(frozen=True)
class Session:
    """How cases are run.

    `seconds` is how long one answer may take; `expected` has what each command may fail, or is
    empty; `drafts` gets the failures as a draft of a file of expectations.
    """

    commands: Sequence[Sequence[str]]
    progress: Progress
    jobs: int = 1
    seconds: float = 60.0
    expected: Sequence[expectations.Expected] = ()
    drafts: Path | None = None

    def run(self, directory: Path, selection: Selection) -> tuple[Report, list[corpus.Case]]:
        """The report on the selected cases of a version, and all its cases.

        Raises:
            CorpusError: the vectors cannot be read.
            SelectionError: no case is selected.
            TesteeError, StartError: a testee does not say who it is.
        """
        cases = corpus.load(directory)
        faults = corpus.faults(directory)
        known = [case.id for case in cases]
        expected = self.expected or [{} for _ in self.commands]
        unmatched = {id_ for one in expected for id_ in expectations.unmatched(one, known)}
        faults += [f"{id_}: listed, and no case" for id_ in sorted(unmatched)]
        chosen = selection.of(cases)
        testees = [
            self._run(command, chosen, allowed)
            for command, allowed in zip(self.commands, expected, strict=True)
        ]
        claimed = {name for testee in testees for name in testee.class_names()}
        asked = {case.id for case in chosen}
        report = Report(
            directory.name[1:],
            corpus.digest(directory),
            chosen,
            requirements_index.by_id(),
            testees,
            faults,
            frozen=corpus.frozen_digest(directory),
            is_whole=all(case.id in asked for case in cases if case.counts_for(claimed)),
        )
        return report, cases

    def _run(
        self,
        command: Sequence[str],
        cases: Sequence[corpus.Case],
        expected: expectations.Expected,
    ) -> TesteeReport:
        claims = running.ask_claims(command, self.seconds)
        with self.progress(claims.name, len(cases)) as done:
            results = running.run_all(
                cases, command, claims, jobs=self.jobs, seconds=self.seconds, done=done
            )
        if self.drafts:
            self.drafts.write_text(expectations.draft(results), encoding="utf-8")
        results = expectations.apply(results, expected)
        return TesteeReport(tuple(command), claims, results)
