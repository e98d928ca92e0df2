"""Running cases with a testee: inputs under neutral names, a new process after each accident."""

import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from precompile.conformance.v1 import testee_pb2
from precompile_conformance import large
from precompile_conformance.corpus import Case, capability_name, class_name
from precompile_conformance.judge import Answer, judge
from precompile_conformance.status import Result, Status
from precompile_conformance.testee import CrashedError, HungError, StartError, Testee, TesteeError

# Requests that change the file which they name.
CHANGING = ("append", "sign")
# Inputs up to this length are kept in memory beside the answer.
_HELD = 64 << 20


Seen = Callable[[Case, Answer], None]


def _unseen(case: Case, answer: Answer) -> None:
    """Nobody else looks at the answer."""


@dataclass(frozen=True)
class Claims:
    """What a testee said of itself."""

    name: str
    version: str
    spec_versions: tuple[str, ...]
    classes: frozenset[int]
    capabilities: frozenset[int]

    @classmethod
    def of(cls, hello: testee_pb2.HelloResponse) -> "Claims":
        """From its HelloResponse."""
        return cls(
            hello.name,
            hello.version,
            tuple(hello.spec_versions),
            frozenset(hello.classes),
            frozenset(hello.capabilities),
        )

    def lacks(self, case: Case) -> str:
        """The classes and capabilities that a case needs and the testee does not claim."""
        classes = [class_name(c) for c in case.message.classes if c not in self.classes]
        needed = case.message.capabilities
        abilities = [capability_name(c) for c in needed if c not in self.capabilities]
        return ", ".join([*(f"class {c}" for c in classes), *abilities])


def ask_claims(command: Sequence[str], seconds: float) -> Claims:
    """What the testee of this command claims.

    Raises:
        TesteeError: it does not say.
        StartError: it cannot be run.
    """
    testee = Testee(command, seconds=seconds)
    try:
        return Claims.of(testee.hello())
    finally:
        testee.close()


def run_all(
    cases: Sequence[Case],
    command: Sequence[str],
    claims: Claims,
    *,
    jobs: int = 1,
    seconds: float = 60.0,
    done: Callable[[Result], None] = lambda result: None,
) -> list[Result]:
    """A result for each case, in the order of the cases; `jobs` testees work side by side."""
    results: dict[str, Result] = {}
    waiting: queue.SimpleQueue[Case] = queue.SimpleQueue()
    for case in cases:
        waiting.put(case)

    def work() -> None:
        testee = Testee(command, seconds=seconds)
        try:
            while True:
                try:
                    case = waiting.get_nowait()
                except queue.Empty:
                    return
                results[case.id] = run_one(case, testee, claims)
                done(results[case.id])
        finally:
            testee.close()

    threads = [threading.Thread(target=work) for _ in range(max(1, min(jobs, len(cases))))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = Result("", Status.ERROR, "lost", ("the harness lost the case",))
    return [results.get(case.id, lost) for case in cases]


def run_one(case: Case, testee: Testee, claims: Claims, seen: Seen = _unseen) -> Result:
    """What becomes of one case; `seen` is called with every answer, good or bad.

    Whatever goes wrong on this side is an ERROR.
    """
    if lacking := claims.lacks(case):
        return Result(case.id, Status.NOT_APPLICABLE, f"not claimed: {lacking}")
    start = time.monotonic()
    try:
        with testee.place() as place:
            status, observed, lines = _run(case, testee, place, seen)
    except CrashedError as error:
        status, observed, lines = Status.CRASH, "crash", (str(error),)
    except HungError as error:
        status, observed, lines = Status.TIMEOUT, "timeout", (str(error),)
    except TesteeError as error:
        status, observed, lines = Status.FAIL, "no answer", (str(error),)
    except StartError as error:
        status, observed, lines = Status.ERROR, "not started", (str(error),)
    except Exception as error:  # the harness's own fault must not pass for the testee's
        testee.stop()
        status, observed = Status.ERROR, "harness"
        lines = (f"{type(error).__name__}: {error}",)
    return Result(case.id, status, observed, lines, time.monotonic() - start)


def _run(
    case: Case, testee: Testee, place: Path, seen: Seen
) -> tuple[Status, str, tuple[str, ...]]:
    request = testee_pb2.Request()
    request.CopyFrom(case.message.request)
    paths = _lay_out(case, request, place)
    inputs = [_held(path) for path in paths]
    response = testee.ask(request)
    kind = request.WhichOneof("request")
    again = testee.ask(request) if kind == "write" else None
    # What a request is there to change.
    targets = {step.save.path for step in request.script.steps if step.HasField("save")}
    if kind in CHANGING:
        targets.add(str(paths[0]))
    held = zip(paths, inputs, strict=True)
    if [path for path, data in held if str(path) not in targets and _held(path) != data]:
        return Status.FAIL, "input changed", ("the testee changed its input",)
    after = paths[0].read_bytes() if kind in CHANGING else None
    answer = Answer(response, inputs, again, after)
    seen(case, answer)
    verdict = judge(case.message, answer)
    status = Status.PASS if verdict.conforms else Status.FAIL
    return status, verdict.observed, verdict.differences


def _held(path: Path) -> bytes:
    if not path.exists():
        return b""
    return path.read_bytes() if path.stat().st_size <= _HELD else b""


def _lay_out(case: Case, request: testee_pb2.Request, place: Path) -> list[Path]:
    """Put the inputs under names that begin with `place` and say nothing; `request` names them."""
    paths: list[Path] = []
    known: dict[str, Path] = {}
    for name, set_path in _paths(request):
        path = known.setdefault(name, place.with_name(f"{place.name}-{len(known)}.precompile"))
        set_path(str(path))
        paths.append(path)
    for name, path in known.items():
        if case.message.recipe:
            large.make(case.message.recipe, path)
        elif case.made is not None:
            _write(path, case.made)
        elif (case.directory / name).exists() or not _is_saved(request, path):
            _write(path, (case.directory / name).read_bytes())
    return paths


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    path.chmod(0o600)


def _is_saved(request: testee_pb2.Request, path: Path) -> bool:
    """Whether a script makes the file."""
    return any(step.save.path == str(path) for step in request.script.steps)


def _paths(request: testee_pb2.Request) -> Iterator[tuple[str, Callable[[str], None]]]:
    """Each path in a request, and a way to set it."""
    kind = request.WhichOneof("request")
    if kind in ("read", "extract", *CHANGING):
        asked = getattr(request, kind)
        yield asked.path, lambda path: setattr(asked, "path", path)
    elif kind == "concatenate":
        paths = request.concatenate.paths
        for index, name in enumerate(list(paths)):
            yield name, lambda path, index=index: paths.__setitem__(index, path)  # type: ignore[misc]
    elif kind == "script":
        for step in request.script.steps:
            if step.WhichOneof("step") == "load" and step.load.WhichOneof("source") == "path":
                load = step.load
                yield load.path, lambda path, load=load: setattr(load, "path", path)  # type: ignore[misc]
            if step.HasField("save"):
                save = step.save
                yield save.path, lambda path, save=save: setattr(save, "path", path)  # type: ignore[misc]
