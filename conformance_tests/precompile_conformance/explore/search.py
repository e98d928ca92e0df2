"""The search: examples until the time is up, each shrunk to the smallest that still disagrees."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from precompile.conformance.v1 import case_pb2, script_pb2, testee_pb2
from precompile_conformance import corpus, model
from precompile_conformance.asking import FILE, case_of, reading
from precompile_conformance.explore.bundles import inputs
from precompile_conformance.explore.scripts import scripts
from precompile_conformance.judge import Answer, judge
from precompile_conformance.running import Claims
from precompile_conformance.testee import CrashedError, HungError, Testee, TesteeError

_SHOWS = "Found by searching."
_ROUND = 100  # examples of one round; the clock is looked at between rounds, and within them


@dataclass(frozen=True)
class Found:
    """A disagreement: the smallest case, who is of another opinion, and how."""

    case: case_pb2.Case
    files: dict[str, bytes]
    testee: str
    observed: str
    lines: tuple[str, ...]


@dataclass
class _Subject:
    name: str
    testee: Testee
    claims: Claims


class _DisagreementError(Exception):
    """Carries what was found out of hypothesis, which shrinks until it cannot go on."""

    def __init__(self, found: Found) -> None:
        super().__init__(found.observed)
        self.found = found


@dataclass
class Tally:
    """How much was tried."""

    bundles: int = 0
    scripts: int = 0
    found: list[Found] = field(default_factory=list)

    def __str__(self) -> str:
        """In one line."""
        return f"{self.bundles} bundles, {self.scripts} scripts, {len(self.found)} found"


def explore(
    commands: Sequence[Sequence[str]],
    *,
    seconds: float,
    seed: int,
    answer_seconds: float = 20.0,
    told: Callable[[Tally], None] = lambda tally: None,
) -> Tally:
    """Search for `seconds`; each disagreement is told once, by who disagrees and how.

    Raises:
        TesteeError, StartError: a testee does not say who it is.
    """
    subjects = []
    for command in commands:
        testee = Testee(command, seconds=answer_seconds)
        subjects.append(_Subject(" ".join(command), testee, Claims.of(testee.hello())))
    tally = Tally()
    end = time.monotonic() + seconds
    try:
        with TemporaryDirectory(prefix="explore-") as place:
            search = _Search(subjects, Path(place), tally, end)
            round_ = 0
            while time.monotonic() < end:
                search.round(inputs(), search.try_bundle, seed + round_)
                if any(testee_pb2.CONFORMANCE_CLASS_CONTEXT in s.claims.classes for s in subjects):
                    search.round(scripts(), search.try_script, seed + round_)
                round_ += 1
                told(tally)
    finally:
        for subject in subjects:
            subject.testee.close()
    return tally


class _Search:
    def __init__(self, subjects: Sequence[_Subject], place: Path, tally: Tally, end: float) -> None:
        self._subjects = subjects
        self._path = place / FILE
        self._tally = tally
        self._end = end
        self._known: set[tuple[str, str, str]] = set()
        self._shrinking = False

    def round(
        self, strategy: st.SearchStrategy[Any], attempt: Callable[[Any], None], seed: int
    ) -> None:
        """So many examples, or fewer where one is found or the time is up."""
        settings = hypothesis.settings(
            max_examples=_ROUND, deadline=None, database=None, print_blob=False,
            phases=[Phase.generate, Phase.shrink], report_multiple_bugs=False,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        test = hypothesis.seed(seed)(settings(hypothesis.given(strategy)(attempt)))
        self._shrinking = False
        try:
            test()
        except Exception as error:
            found = _found_in(error)
            if found is None:
                raise
            self._known.add(_signature(found))
            self._tally.found.append(found)

    def try_bundle(self, data: bytes) -> None:
        """What every reader makes of one input, strictly and with recovery."""
        self._tally.bundles += 1
        for recover in (False, True):
            case = reading(data, recover=recover, shows=_SHOWS)
            self._compare(case, {FILE: data})

    def try_script(self, script: script_pb2.ScriptRequest) -> None:
        """What every context makes of one script."""
        self._tally.scripts += 1
        case = case_of(_SHOWS, testee_pb2.CONFORMANCE_CLASS_CONTEXT)
        try:
            case.expected.script.CopyFrom(model.run(script, {}))
        except KeyError:  # a load of a step that serialized nothing
            return
        case.request.script.CopyFrom(script)
        self._compare(case, {})

    def _compare(self, case: case_pb2.Case, files: dict[str, bytes]) -> None:
        if time.monotonic() > self._end and not self._shrinking:
            return  # the rest of the round goes by untried
        for subject in self._subjects:
            if subject.claims.lacks(corpus.Case(case, self._path.parent)):
                continue
            found = self._disagreement(subject, case, files)
            if found and _signature(found) not in self._known:
                self._shrinking = True
                raise _DisagreementError(found)

    def _disagreement(
        self, subject: _Subject, case: case_pb2.Case, files: dict[str, bytes]
    ) -> Found | None:
        request = testee_pb2.Request()
        request.CopyFrom(case.request)
        for data in files.values():
            self._path.write_bytes(data)
            request.read.path = str(self._path)
        try:
            response = subject.testee.ask(request)
        except TesteeError as error:
            ways = {CrashedError: "crash", HungError: "timeout"}
            observed = ways.get(type(error), "no answer")
            return Found(case, files, subject.name, observed, (str(error),))
        verdict = judge(case, Answer(response))
        if verdict.conforms:
            return None
        return Found(case, files, subject.name, verdict.observed, verdict.differences)


def _found_in(error: BaseException) -> Found | None:
    """The find that hypothesis raises, also where the testee did not give it twice."""
    if isinstance(error, _DisagreementError):
        return error.found
    inner = error.exceptions if isinstance(error, BaseExceptionGroup) else [error.__cause__]
    return next(filter(None, (_found_in(one) for one in inner if one is not None)), None)


def _signature(found: Found) -> tuple[str, str, str]:
    """What makes two finds the same one: who, what it said, what was expected of it."""
    expected = found.case.expected
    which = expected.WhichOneof("outcome") or ""
    wanted = str(expected.rejection.code) if which == "rejection" else which
    if which in ("script", "bundle") and found.lines:
        line = found.lines[0].partition("\n")[0]
        wanted += line.partition(": ")[2].partition(":")[0]
    return found.testee, found.observed.partition(", ")[0], wanted
