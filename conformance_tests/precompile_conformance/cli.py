"""The command `precompile-conformance`."""

import contextlib
import importlib.util
import shlex
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from precompile_conformance import corpus, expectations, page, progress, trace
from precompile_conformance.reports import files, summary, text
from precompile_conformance.selection import Selection, SelectionError
from precompile_conformance.session import Session
from precompile_conformance.testee import StartError, TesteeError

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)
# The reference, which is there in a checkout.
DEFAULT_TESTEE = (sys.executable, "-m", "testees.reference")
DEFAULT_SECONDS = 60.0
_CLASSES = ", ".join(corpus.CLASS_NAMES)

Testees = Annotated[
    list[str] | None,
    typer.Option("--testee", help="Command of an implementation; repeat it to compare several."),
]
Vectors = Annotated[Path, typer.Option(help="Folder of the versions' vectors.")]
Jobs = Annotated[int, typer.Option(min=1, help="Testees side by side.")]
Timeout = Annotated[float, typer.Option(help="Seconds for one answer.")]


@app.callback()
def main_help() -> None:
    """Judge any implementation of the Precompile Bundle, requirement by requirement."""


@app.command()
def run(
    testee: Testees = None,
    *,
    version: Annotated[str, typer.Option(help="Version of the vectors; the newest one else.")] = "",
    vectors: Vectors = corpus.VECTORS,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help=f"Only this class: {_CLASSES}.")
    ] = None,
    area: Annotated[list[str] | None, typer.Option(help="Only this area.")] = None,
    case: Annotated[
        list[str] | None, typer.Option(help="Only this case; * and ? match anything.")
    ] = None,
    requirement: Annotated[list[str] | None, typer.Option(help="Only cases of this id.")] = None,
    large: Annotated[bool, typer.Option("--large", help="Inputs of gigabytes, too.")] = False,
    frozen: Annotated[
        bool, typer.Option("--frozen", help="Only what the version was released with.")
    ] = False,
    jobs: Jobs = 1,
    timeout: Timeout = DEFAULT_SECONDS,
    expected: Annotated[
        Path | None,
        typer.Option(help="TOML file of expected failures; else xfails.toml beside the testee."),
    ] = None,
    write_xfail: Annotated[Path | None, typer.Option(help="Draft that file.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Folder for JSON, JUnit, HTML and badge.")
    ] = None,
    same_as: Annotated[
        Path | None, typer.Option(help="Fail where this summary.json of another run differs.")
    ] = None,
    traced: Annotated[
        bool, typer.Option("--trace", help="Fail where a requirement has no case that passed.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="A line for each case.")] = False,
) -> None:
    """Run cases; exit 1 where one fails, or none was run."""
    with _told():
        commands = _commands(testee)
        for place in filter(None, (report, write_xfail and write_xfail.absolute().parent)):
            files.prepare(place)
        directory = vectors / f"v{version or _newest(vectors)}"
        only = corpus.frozen_ids(directory) if frozen else None
        if frozen and only is None:
            raise corpus.CorpusError(f"{directory.name} is not frozen")
        chosen = (classes or (), area or (), case or (), requirement or (), large, only)
        known = [expectations.of_testee(command, expected) for command in commands]
        same = same_as.read_text(encoding="utf-8") if same_as else ""
        shown = progress.of_cases(verbose=verbose)
        session = Session(commands, shown, jobs, timeout, known, write_xfail)
        told, cases = session.run(directory, Selection(*chosen))
        told = replace(told, options=_repeated(version, vectors, timeout, expected))
    if same_as and summary.render(summary.of(told)) != same:
        told = replace(
            told,
            faults=[
                *told.faults,
                f"{same_as}: this run's summary is another one; --report keeps it",
            ],
        )
    if traced:
        reasons = trace.reasons()
        told = replace(told, faults=[*told.faults, *trace.faults(told, cases, reasons)])
        print(trace.summary(told, cases, reasons))
    for line in text.lines(told, DEFAULT_TESTEE):
        print(line)
    if report:
        with _told():
            files.write(told, report)
        if not told.is_whole:
            print("a part of the cases was asked: no summary.json, no conformance.md and no badge")
    raise typer.Exit(0 if told.is_good else 1)


@app.command()
def matrix(
    testee: Testees = None,
    *,
    vectors: Vectors = corpus.VECTORS,
    jobs: Jobs = 1,
    timeout: Timeout = DEFAULT_SECONDS,
) -> None:
    """Run every version's vectors, a released one's as it was released; exit 1 where one fails."""
    good = True
    with _told():
        session = Session(_commands(testee), progress.of_cases(verbose=False), jobs, timeout)
        for version in corpus.versions(vectors):
            directory = vectors / f"v{version}"
            only = corpus.frozen_ids(directory)
            told, _ = session.run(directory, Selection(frozen=only))
            how = "not released" if only is None else "as released"
            for one in told.testees:
                print(f"v{version} ({how}) {text.summary(one)}")
            for fault in told.faults:
                print(f"ERROR: {fault}")
            good = good and told.is_good
        good = good and bool(corpus.versions(vectors))
    raise typer.Exit(0 if good else 1)


app.command("page")(page.page)


@app.command("explore")
def explore_command(
    testee: Testees = None,
    *,
    seconds: Annotated[float, typer.Option(help="How long to search.")] = 60.0,
    seed: Annotated[int, typer.Option(help="The same seed gives the same examples.")] = 0,
    out: Annotated[
        Path, typer.Option(help="Folder that finds are written into, as vectors are.")
    ] = Path("found"),
) -> None:
    """Search for bundles and scripts that testees get wrong; exit 1 where there is one."""
    from precompile_conformance.explore import explore

    with _told(), progress.far("searching") as far:
        tally = explore(_commands(testee), seconds=seconds, seed=seed, told=far)
    for index, found in enumerate(tally.found):
        found.case.id = f"FOUND/seed-{seed}-{index}"
        place = corpus.write_case(out, found.case, found.files)
        print(f"{found.testee}: {found.observed}; {place}")
        for line in found.lines:
            print(f"  {line}")
    print(tally)
    raise typer.Exit(1 if tally.found else 0)


@app.command()
def interop(
    testee: Testees = None,
    *,
    version: Annotated[str, typer.Option(help="Version of the vectors; the newest one else.")] = "",
    vectors: Vectors = corpus.VECTORS,
    copies: Annotated[int, typer.Option(min=0, help="Damaged copies of each bundle.")] = 24,
    timeout: Timeout = DEFAULT_SECONDS,
    out: Annotated[
        Path, typer.Option(help="Folder that disagreements are written into, as vectors are.")
    ] = Path("found"),
) -> None:
    """Let every testee read what every testee writes; exit 1 where two disagree."""
    from precompile_conformance.interop import cross, report

    name = f"v{version or _newest(vectors)}"
    with _told(), progress.far("writing") as far:
        cases = corpus.load(vectors / name)
        told = cross(_commands(testee), cases, copies=copies, seconds=timeout, told=far)
        for line in report.lines(told, vectors, out / name):
            print(line)
    raise typer.Exit(0 if told.is_good else 1)


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
def freeze(version: Annotated[str, typer.Argument()], *, vectors: Vectors = corpus.VECTORS) -> None:
    """Release a version: its files never change again, cases may still be added."""
    with _told():
        count = corpus.freeze(vectors / f"v{version}")
    print(f"v{version} is frozen with {count} cases")


def _newest(vectors: Path) -> str:
    found = corpus.versions(vectors)
    if not found:
        hint = "--vectors names their folder: conformance_tests/vectors of the repository"
        raise corpus.CorpusError(f"{vectors}: no vectors; {hint}")
    return found[-1]


def _commands(testees: list[str] | None) -> list[list[str]]:
    """The commands as words; the reference's where none is given.

    Raises:
        StartError: one is no command.
    """
    commands = []
    for command in testees or ():
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise StartError(f"--testee {command!r}: {error}") from None
        if not words:
            raise StartError(f"--testee {command!r} names no program")
        commands.append(words)
    if not commands and importlib.util.find_spec(DEFAULT_TESTEE[-1].partition(".")[0]) is None:
        raise StartError("the reference's testee is not installed; --testee names yours")
    return commands or [list(DEFAULT_TESTEE)]


def _repeated(
    version: str, vectors: Path, seconds: float, expected: Path | None
) -> tuple[str, ...]:
    """The options under which one case of a run is run again as it was."""
    given = {
        "--version": version,
        "--vectors": str(vectors) if vectors != corpus.VECTORS else "",
        "--timeout": f"{seconds:g}" if seconds != DEFAULT_SECONDS else "",
        "--expected": str(expected or ""),
    }
    return tuple(word for name, value in given.items() if value for word in (name, value))


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What keeps cases from being run is one line, and no traceback."""
    try:
        yield
    except (corpus.CorpusError, expectations.ExpectationsError, SelectionError, StartError,
            TesteeError) as error:  # fmt: skip
        print(f"ERROR: {error}", file=sys.stderr)
        raise typer.Exit(1) from None
    except OSError as error:
        print(f"ERROR: {error.filename}: {error.strerror}", file=sys.stderr)
        raise typer.Exit(1) from None
