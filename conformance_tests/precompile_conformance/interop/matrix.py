"""The matrix: producers write, others extend and sign, and every consumer reads all of it."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from precompile.conformance.v1 import case_pb2, testee_pb2
from precompile_conformance import reader
from precompile_conformance.asking import WRITER, reading
from precompile_conformance.corpus import Case
from precompile_conformance.interop import questions
from precompile_conformance.interop.damage import damaged
from precompile_conformance.interop.produce import (
    AREA,
    Bundle,
    bundles_of,
    extension_of,
    is_production,
    signing_of,
)
from precompile_conformance.judge import Answer
from precompile_conformance.running import Claims, Seen, run_one
from precompile_conformance.status import Result, Status
from precompile_conformance.testee import Testee

Command = Sequence[str]
SIGNING = testee_pb2.CAPABILITY_SIGNING
CONTEXT = testee_pb2.CONFORMANCE_CLASS_CONTEXT
SIGNED_TWICE = 8  # bundles that get a second signature


@dataclass(frozen=True)
class Disagreement:
    """A testee that is of another opinion: about which case, and how.

    `data` is the file it was asked about; None for a production, which is a case of the vectors.
    """

    testee: str
    command: Command
    case: case_pb2.Case
    result: Result
    data: bytes | None


@dataclass
class Matrix:
    """Who agreed with whom how often.

    `asked` and `agreed` are counted by (producer, consumer); `bundles` by producer.
    """

    consumers: list[str] = field(default_factory=list)
    bundles: Counter[str] = field(default_factory=Counter)
    asked: Counter[tuple[str, str]] = field(default_factory=Counter)
    agreed: Counter[tuple[str, str]] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)

    @property
    def is_good(self) -> bool:
        """Something was asked, everything was produced and all agree."""
        return bool(self.agreed) and not self.disagreements

    def rows(self) -> list[str]:
        """The producers, in the order in which they wrote."""
        return list(self.bundles)


@dataclass(frozen=True)
class Progress:
    """How far a matrix is: the row that is at work, counted from 1, of how many at most."""

    row: str
    number: int
    rows: int
    answers: int
    disagreements: int

    def __str__(self) -> str:
        """In one line."""
        return (
            f"row {self.number} of {self.rows}: {self.row}; {self.answers:,} answers,"
            f" {self.disagreements} disagreements"
        )


@dataclass(frozen=True)
class _Testee:
    """One process, asked row after row; it starts anew after an accident alone."""

    name: str
    command: Command
    claims: Claims
    process: Testee

    def answer(
        self, cases: Iterable[Case], answers: dict[str, Answer], done: Callable[[Result], None]
    ) -> list[Result]:
        """A result for each case; `answers` gets the answers by the cases' ids."""
        results: list[Result] = []
        for case in cases:
            results.append(run_one(case, self.process, self.claims, _keeping(answers)))
            done(results[-1])
        return results


def _keeping(answers: dict[str, Answer]) -> Seen:
    return lambda case, answer: answers.__setitem__(case.id, answer)


def cross(
    commands: Sequence[Command],
    cases: Iterable[Case],
    *,
    copies: int = 24,
    seconds: float = 60.0,
    told: Callable[[Progress], None] = lambda progress: None,
) -> Matrix:
    """Let every testee that writes answer the productions among `cases`, and all read the answers.

    `copies` is how many damaged copies of each bundle are read, too; `seconds` how
    long one answer may take; `told` is called when a row begins and with each answer.

    Raises:
        TesteeError, StartError: a testee does not say who it is.
    """
    with ExitStack() as ends:
        processes = [Testee(command, seconds=seconds) for command in commands]
        for process in processes:
            ends.callback(process.close)
        testees = _named(processes)
        work = _Work(Matrix([one.name for one in testees]), testees, copies, told)
        productions = [case for case in cases if is_production(case)]
        for producer in testees:
            work.begin(f"{producer.name} writes")
            own = work.produce(producer, productions)
            if not own:
                continue
            for row, bundles in work.relays(producer, own):
                work.consume(row, bundles)
    return work.matrix


def _named(processes: Iterable[Testee]) -> list[_Testee]:
    """Names are told apart where two testees have the same one."""
    testees: list[_Testee] = []
    for process in processes:
        claims = Claims.of(process.hello())
        names = [one.name for one in testees]
        name, number = claims.name, 1
        while name in names:
            number += 1
            name = f"{claims.name} ({number})"
        testees.append(_Testee(name, process.command, claims, process))
    return testees


class _Work:
    def __init__(
        self, matrix: Matrix, testees: list[_Testee], copies: int,
        told: Callable[[Progress], None],
    ) -> None:  # fmt: skip
        self.matrix = matrix
        self._testees = testees
        self._copies = copies
        self._told = told
        self._count = 0
        self._row, self._begun, self._answers = "", 0, 0
        self._lock = threading.Lock()
        writers = [one for one in testees if WRITER in one.claims.classes]
        signers = sum(SIGNING in one.claims.capabilities for one in writers)
        # By each producer: what it wrote, extended by every other, signed by one, and by two.
        makers = sum(not {WRITER, CONTEXT}.isdisjoint(one.claims.classes) for one in testees)
        self._rows = len(testees) + makers * (len(writers) + signers * signers)

    def begin(self, row: str) -> None:
        """A row is at work."""
        self._row = row
        self._begun += 1
        self._tell()

    def _tell(self, answer: Result | None = None) -> None:
        with self._lock:
            self._answers += answer is not None
            wrong = len(self.matrix.disagreements)
            self._told(Progress(self._row, self._begun, self._rows, self._answers, wrong))

    def produce(self, producer: _Testee, productions: Sequence[Case]) -> list[Bundle]:
        """What the producer makes of the productions that it claims to be able to answer."""
        answers: dict[str, Answer] = {}
        results = producer.answer(productions, answers, self._tell)
        for case, result in zip(productions, results, strict=True):
            self._judge(producer, producer.name, case.message, result, None)
        return bundles_of(producer.name, answers)

    def relays(self, producer: _Testee, own: list[Bundle]) -> Iterator[tuple[str, list[Bundle]]]:
        """The producer's bundles, extended by each other writer, signed by one and by two."""
        self.begin(producer.name)
        yield producer.name, own
        writers = [one for one in self._testees if WRITER in one.claims.classes]
        for other in writers:
            if other is not producer:
                row = f"{producer.name}, then {other.name}"
                yield row, self._relay(row, other, own, extension_of, ())
        for first in writers:
            if SIGNING not in first.claims.capabilities:
                continue
            row = f"{producer.name}, signed by {first.name}"
            signed = self._relay(row, first, own, partial(signing_of, key="a"), ("a",))
            yield row, signed
            for second in writers:
                if second is not first and SIGNING in second.claims.capabilities:
                    row = f"{producer.name}, signed by {first.name} and {second.name}"
                    few = signed[:SIGNED_TWICE]
                    signing = partial(signing_of, key="b")
                    yield row, self._relay(row, second, few, signing, ("a", "b"))

    def _relay(
        self,
        row: str,
        testee: _Testee,
        bundles: Sequence[Bundle],
        request: Callable[[Bundle], case_pb2.Case | None],
        signers: tuple[str, ...],
    ) -> list[Bundle]:
        """What the testee makes of another's bundles."""
        self.begin(row)
        origins: dict[str, Bundle] = {}
        asked = []
        for bundle in bundles:
            if (message := request(bundle)) is not None:
                self._name(message, bundle, f"; {row}")
                origins[message.id] = bundle
                asked.append(Case(message, made=bundle.data))
        answers: dict[str, Answer] = {}
        self._ask(testee, row, asked, answers)
        return [
            Bundle(row, origins[made.of].of, made.data, signers)
            for made in bundles_of(row, answers)
        ]

    def consume(self, row: str, bundles: list[Bundle]) -> None:
        """Every testee reads every bundle, and damaged copies of it."""
        if not bundles:
            return
        self.matrix.bundles[row] += len(bundles)
        asked = [one for turn, bundle in enumerate(bundles) for one in self._about(bundle, turn)]
        threads = [
            threading.Thread(target=self._ask, args=(testee, row, asked, {}))
            for testee in self._testees
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _about(self, bundle: Bundle, turn: int) -> Iterator[Case]:
        try:
            reader.read(bundle.data)
        except reader.Refused:  # the producer is at fault, and has been told so; all must see it
            yield Case(self._name(reading(bundle.data), bundle, ""), made=bundle.data)
            return
        for message in questions.of_sound(bundle):
            yield Case(self._name(message, bundle, ""), made=bundle.data)
        for how, data in damaged(bundle.data, self._copies, turn):
            for message in questions.of_damaged(bundle, data):
                yield Case(self._name(message, bundle, f", damaged: {how}"), made=data)

    def _name(self, message: case_pb2.Case, bundle: Bundle, how: str) -> case_pb2.Case:
        self._count += 1
        message.id = f"{AREA}/{self._count:06}"
        message.shows = f"{message.shows} {bundle.producer}: {bundle.of}{how}"
        return message

    def _ask(
        self, testee: _Testee, row: str, asked: Sequence[Case], answers: dict[str, Answer]
    ) -> None:
        results = testee.answer(asked, answers, self._tell)
        for one, result in zip(asked, results, strict=True):
            self._judge(testee, row, one.message, result, one.made)

    def _judge(
        self, testee: _Testee, row: str, case: case_pb2.Case, result: Result, data: bytes | None
    ) -> None:
        if result.status is Status.NOT_APPLICABLE:
            return
        self.matrix.asked[row, testee.name] += 1
        if result.status is Status.PASS:
            self.matrix.agreed[row, testee.name] += 1
            return
        self.matrix.disagreements.append(
            Disagreement(testee.name, testee.command, case, result, data)
        )
