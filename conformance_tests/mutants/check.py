"""`python -m mutants.check`: every mutant dies by the cases of its requirement, and by no others.

Without `--all`, a mutant is run with the cases of its own requirement alone, which shows
that it dies; with it, with every case, which shows that the cases say what is wrong.
"""

import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated

import typer

from mutants.every import by_id
from mutants.forked import Forked
from mutants.mutant import PACKAGE, Mutant, StaleMutantError
from precompile_conformance import corpus, requirements_index, running, trace
from precompile_conformance.corpus import Case
from precompile_conformance.status import Status

ROOT = Path(__file__).parents[2] / "reference"
REASONS = Path(__file__).with_name("unmutated.toml")
_SECONDS = 20.0


def faults_of(mutant: Mutant, cases: Sequence[Case], claims: running.Claims) -> list[str]:
    """What is wrong with one mutant, run with these cases; nothing where it dies as it must."""
    try:
        compile(mutant.apply(source_of(mutant)), mutant.module, "exec")
    except (StaleMutantError, SyntaxError) as error:
        return [f"{mutant.id} cannot be made: {error}"]
    testee = Forked(mutant, seconds=_SECONDS)
    try:
        run = [running.run_one(case, testee, claims) for case in cases]
    finally:
        testee.close()
    failed = {r.case_id for r in run if r.status not in (Status.PASS, Status.NOT_APPLICABLE)}
    found = [f"{mutant.id}: {r.case_id}: {r.lines}" for r in run if r.status is Status.ERROR]
    crashed = [r for r in run if r.status is Status.CRASH]
    if crashed and not mutant.may_crash:
        found.append(
            f"{mutant.id} crashes with {crashed[0].case_id}: {crashed[0].lines[0].splitlines()[-1]}"
        )
    if not failed & {case.id for case in _own(mutant, cases)}:
        found.append(f"{mutant.id} lives: no case of {mutant.requirement} fails")
    for case in cases:
        if case.id in failed and not mutant.requirements & {*case.message.requirements}:
            ids = " ".join(case.message.requirements)
            found.append(f"{mutant.id} fails {case.id}, which is a case of {ids}")
    return found


def _own(mutant: Mutant, cases: Sequence[Case]) -> list[Case]:
    return [case for case in cases if mutant.requirement in case.message.requirements]


def source_of(mutant: Mutant) -> str:
    """The source that the mutant changes, which is not imported for it."""
    path = ROOT / PACKAGE / mutant.module.replace(".", "/")
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    return path.read_text(encoding="utf-8")


def uncovered(cases: Sequence[Case], reasons: dict[str, str]) -> Iterator[str]:
    """Each MUST that cases test has a mutant, or a reason for having none."""
    mutated = {mutant.requirement for mutant in by_id().values()}
    tested = {id_ for case in cases for id_ in case.message.requirements}
    index = requirements_index.by_id()
    for id_, requirement in index.items():
        reason = reasons.get(id_, "").strip()
        if requirement["level"] == "MUST" and id_ in tested and id_ not in mutated and not reason:
            yield f"{id_} has no mutant and no reason for having none"
        if reason and (id_ in mutated or id_ not in tested):
            yield f"{id_} has a reason for having no mutant, and needs none"
    yield from (f"{id_} is no requirement" for id_ in {*mutated, *reasons} - index.keys())


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Only these mutants.")] = None,
    *,
    every: Annotated[bool, typer.Option("--all", help="Run every case.")] = False,
    jobs: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Run the mutants; exit 1 where one lives, or fails a case that is not its own."""
    cases = [case for case in corpus.load(corpus.VECTORS / "v1.0") if not case.message.recipe]
    mutants = [mutant for id_, mutant in by_id().items() if not names or id_ in names]
    reasons = tomllib.loads(REASONS.read_text())
    claims = running.ask_claims((sys.executable, "-m", "testees.reference"), _SECONDS)
    found = [] if names else list(uncovered(cases, reasons))
    asked = [cases if every else _own(mutant, cases) for mutant in mutants]
    # Mutants are forked, which a process with one thread alone may do safely.
    with ProcessPoolExecutor(jobs, get_context("fork")) as pool:
        runs = list(pool.map(partial(faults_of, claims=claims), mutants, asked))
    for fault in [*found, *(fault for faults in runs for fault in faults)]:
        print(fault, file=sys.stderr)
    killed = sum(not faults for faults in runs)
    print(
        f"{len(mutants)} mutants: {killed} killed, {len(mutants) - killed} not as they must be; "
        f"{len(reasons)} requirements have a reason for having none, "
        f"{len(trace.reasons())} are not tested by cases"
    )
    raise typer.Exit(1 if found or any(runs) or not mutants else 0)


if __name__ == "__main__":
    typer.run(main)
