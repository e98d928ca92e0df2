"""The command `precompile-conformance`."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from precompile_conformance import corpus, expectations, requirements_index, running, trace
from precompile_conformance.reports import Report, TesteeReport, files, text
from precompile_conformance.selection import Selection
from precompile_conformance.status import Result
from precompile_conformance.testee import StartError, TesteeError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
# The reference, which is there in a checkout.
DEFAULT_TESTEE = (sys.executable, "-m", "testees.reference")

Testees = Annotated[
    list[str] | None,
    typer.Option("--testee", help="Command of an implementation; repeat it to compare several."),
]
Vectors = Annotated[Path, typer.Option(help="Folder of the versions' vectors.")]


@app.callback()
def main_help() -> None:
    """Judge any implementation of the Precompile Bundle, requirement by requirement."""


@app.command()
def run(
    testee: Testees = None,
    *,
    version: Annotated[str, typer.Option(help="Version of the vectors; the newest one else.")] = "",
    vectors: Vectors = corpus.VECTORS,
    classes: Annotated[list[str] | None, typer.Option("--class", help="Only this class.")] = None,
    area: Annotated[list[str] | None, typer.Option(help="Only this area.")] = None,
    case: Annotated[
        list[str] | None, typer.Option(help="Only this case; * and ? match anything.")
    ] = None,
    requirement: Annotated[list[str] | None, typer.Option(help="Only cases of this id.")] = None,
    large: Annotated[bool, typer.Option("--large", help="Inputs of gigabytes, too.")] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Only what the version was released with.")
    ] = False,
    jobs: Annotated[int, typer.Option(min=1, help="Testees side by side.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds for one answer.")] = 60.0,
    expected: Annotated[
        Path | None, typer.Option(help="TOML file of expected failures.")
    ] = None,
    write_xfail: Annotated[Path | None, typer.Option(help="Draft that file.")] = None,
    report: Annotated[Path | None, typer.Option(help="Folder for JSON, JUnit, HTML, badge.")] = None,
    traced: Annotated[
        bool, typer.Option("--trace", help="Fail where a requirement has no case that passed.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each case.")] = False,
) -> None:
    """Run cases; exit 1 where one fails, or none was run."""
    console = Console(stderr=True)
    try:
        directory = vectors / f"v{version or _newest(vectors)}"
        cases = corpus.load(directory)
        faults = corpus.faults(directory)
        ids = corpus.frozen_ids(directory) if frozen else None
        if frozen and ids is None:
            faults.append(f"{directory.name} is not frozen")
        chosen = Selection(
            classes or (), area or (), case or (), requirement or (), large, ids
        ).of(cases)
        known = expectations.load(expected) if expected else {}
        faults += [f"{id_}: listed, and no case" for id_ in expectations.unmatched(
            known, [one.id for one in cases])]  # fmt: skip
        commands = [shlex.split(command) for command in testee or ()] or [list(DEFAULT_TESTEE)]
        testees = []
        for command in commands:
            claims = running.ask_claims(command, timeout)
            results = _run_one(console, chosen, command, claims, jobs, timeout, verbose)
            if write_xfail:
                write_xfail.write_text(expectations.draft(results))
            results = expectations.apply(results, known)
            testees.append(TesteeReport(tuple(command), claims, results))
    except (corpus.CorpusError, expectations.ExpectationsError, StartError, TesteeError) as error:
        console.print(f"ERROR: {error}", highlight=False, markup=False)
        raise typer.Exit(1) from None
    told = Report(
        directory.name[1:], corpus.digest(directory), chosen, requirements_index.by_id(), testees,
        faults,
    )  # fmt: skip
    if traced:
        reasons = trace.reasons()
        told = replace(told, faults=[*faults, *trace.faults(told, cases, reasons)])
        print(trace.summary(told, cases, reasons))
    for line in text.lines(told, DEFAULT_TESTEE):
        print(line)
    if report:
        files.write(told, report)
    raise typer.Exit(0 if told.is_good else 1)


def _newest(vectors: Path) -> str:
    found = corpus.versions(vectors)
    if not found:
        raise corpus.CorpusError(f"{vectors}: no vectors")
    return found[-1]


def _run_one(
    console: Console,
    cases: list[corpus.Case],
    command: list[str],
    claims: running.Claims,
    jobs: int,
    seconds: float,
    verbose: bool,
) -> list[Result]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task(claims.name, total=len(cases))

        def done(result: Result) -> None:
            progress.advance(task)
            if verbose:
                progress.console.print(text.one_line(result), highlight=False, markup=False)

        return running.run_all(
            cases, command, claims, jobs=jobs, seconds=seconds, done=done
        )


@app.command("list")
def list_cases(
    version: Annotated[str, typer.Option(help="Version of the vectors.")] = "",
    *,
    vectors: Vectors = corpus.VECTORS,
) -> None:
    """List the cases with what each one shows."""
    for one in corpus.load(vectors / f"v{version or _newest(vectors)}"):
        print(f"{one.id}: {one.message.shows} [{' '.join(one.message.requirements)}]")


@app.command()
def check(vectors: Annotated[Path, typer.Argument()] = corpus.VECTORS) -> None:
    """Check that no file of any version is edited, missing or unlisted."""
    faults = [f for v in corpus.versions(vectors) for f in corpus.faults(vectors / f"v{v}")]
    for fault in faults:
        print(fault, file=sys.stderr)
    raise typer.Exit(1 if faults or not corpus.versions(vectors) else 0)


@app.command()
def freeze(
    version: Annotated[str, typer.Argument()], *, vectors: Vectors = corpus.VECTORS
) -> None:
    """Release a version: its files never change again, cases may still be added."""
    try:
        count = corpus.freeze(vectors / f"v{version}")
    except (corpus.CorpusError, OSError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"v{version} is frozen with {count} cases")


def main() -> None:
    """Run the command."""
    app(prog_name="precompile-conformance")
