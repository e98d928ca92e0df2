"""`precompile run`: replace this process by the program, with the start-up hook switched on."""

import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, NoReturn

import typer

from _precompile_command import OPTIONS, default_bundle, say_what_will_not_be
from precompile_context.adapters.directory.named import announce, parsed
from precompile_context.cli import text
from precompile_context.cli.keys import Key, Trust, read_key, run_keys
from precompile_context.cli.require import Require
from precompile_context.errors import MisuseError
from precompile_context.files.trusted_keys import VARIABLE
from precompile_context.session.settings import Settings
from precompile_context.stores import StoreName, is_store_name
from precompile_context.trust.pem import Believed

app = typer.Typer()

_WITH_VALUE = {"-m": "MODULE", "-c": "CODE"}


# Options stop at the program's name: what follows it is the program's, whatever it looks like.
@app.command(context_settings={"allow_interspersed_args": False, "ignore_unknown_options": True})
def run(
    program: Annotated[
        list[str],
        typer.Argument(
            metavar="PROGRAM",
            help="SCRIPT, -m MODULE or -c CODE, and behind it the program's own arguments.",
        ),
    ],
    bundle: Annotated[
        str | None,
        typer.Option(
            help="The bundle file, or a store's name: s3://bucket/team/train/. By default in "
            "the current directory, named after the program: train.precompile for train.py "
            "and for -m train.",
            metavar="BUNDLE",
        ),
    ] = None,
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only",
            help="Use the bundle, append nothing to it.",
            envvar="PRECOMPILE_READ_ONLY",
        ),
    ] = False,
    precompile: Annotated[
        bool,
        typer.Option("--precompile", help="Serve and save whole compiled functions, too."),
    ] = False,
    report: Annotated[
        Path | None,
        typer.Option(
            help="Write what was done to this JSON file.",
            metavar="FILE",
            envvar="PRECOMPILE_REPORT",
        ),
    ] = None,
    why_miss: Annotated[
        bool,
        typer.Option(
            "--why-miss", help="At the end, tell what each graph differs in that was not found."
        ),
    ] = False,
    max_size: Annotated[
        str | None,
        typer.Option(
            help="Keep the bundle's file within so many bytes, 2GB say: what was used longest "
            "ago goes, and first what is superseded.",
            metavar="N",
            envvar="PRECOMPILE_MAX_SIZE",
        ),
    ] = None,
    directory: Annotated[
        list[str] | None,
        typer.Option(
            help="Restore the files of a tool's cache directory before the program starts, and "
            "record what is new in it: NAME=PATH, or NAME alone of triton and warp.",
            metavar="NAME=PATH",
        ),
    ] = None,
    trust: Trust = None,
    key: Key = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Neither check signatures nor sign.")
    ] = False,
    require: Annotated[
        Require | None,
        typer.Option(
            help="Exit with status 3 where the run is not warm (all that it compiles comes from "
            "the bundle), or what is new is not saved: before the program starts where that "
            "is known, else at its end. The program is a child process then.",
            envvar="PRECOMPILE_REQUIRE",
        ),
    ] = None,
    quarantine: Annotated[
        bool,
        typer.Option(
            "--quarantine",
            help="Leave out what a program on this machine had been given when it died of a "
            "fault (SIGSEGV, say), and compile that anew: `precompile quarantine list`.",
            envvar="PRECOMPILE_QUARANTINE",
        ),
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="Say nothing of the bundle.")
    ] = False,
    verbose: Annotated[
        bool,
        typer.Option(
            "-v",
            "--verbose",
            help="Say at the end what came from the bundle, not only on a terminal.",
        ),
    ] = False,
) -> None:
    """Run a Python program, warm from a bundle where it fits, and extend the bundle.

    The program is not changed: it runs in the Python interpreter itself, with its
    own arguments, output, signals and exit status. Child processes that compile
    take part and share the bundle. On a host that the bundle was not made for,
    and with a damaged file, the program runs cold and one line says why.

    What is appended is signed with your own key, made on first use, or with --key,
    and what that signed is applied. A bundle that others signed is applied where you
    --trust their key, or `precompile trust add` it once.
    """
    program = _program(program)
    if not directory:
        say_what_will_not_be(program)
    if unsigned and (trust or key):
        raise typer.BadParameter("--unsigned neither checks nor signs: leave --trust and --key out")
    read_key(key)  # what is wrong with it is said before the program runs
    bundle = bundle or _named_after(program)
    if require is Require.SAVED and read_only:
        raise typer.BadParameter("--require saved and --read-only exclude each other")
    if is_store_name(bundle):
        _check_store(bundle)
    elif report is not None and report.resolve() == Path(bundle).resolve():
        raise typer.BadParameter("the report would replace the bundle")
    if report is not None and report.resolve() == Path(program[0]).resolve():
        raise typer.BadParameter("the report would replace the program")
    try:
        max_bytes = None if max_size is None else text.bytes_of(max_size)
    except ValueError as error:
        raise typer.BadParameter(f"--max-size: {error}") from None
    become(
        program,
        bundle=bundle,
        read_only=read_only,
        report=report,
        why_miss=why_miss,
        precompile=precompile,
        trust=None if unsigned else run_keys(trust),
        key=key,
        verbosity=verbose - quiet,
        require=require,
        max_bytes=max_bytes,
        quarantine=quarantine,
        directories=_directories(directory or ()),
    )


def become(
    program: list[str],
    *,
    bundle: str | Path | None,
    read_only: bool = False,
    report: str | Path | None = None,
    precompile: bool = False,
    trust: Sequence[Believed] | None = (),
    key: str | None = None,
    why_miss: bool = False,
    verbosity: int = 0,
    require: Require | None = None,
    max_bytes: int | None = None,
    quarantine: bool = False,
    directories: Mapping[str, str] = MappingProxyType({}),
) -> NoReturn:
    """Turn this process into the program; without a bundle it is only observed. Never returns.

    With `require`, the program is a child, whose status is this process's.

    `trust` are keys beside the user's own, None to accept what is unsigned; `key` names the
    private key that signs, by default the user's own.

    Raises:
        OSError: the report cannot be written.
    """
    settings = Settings(
        bundle=None if bundle is None else _absolute(str(bundle)),
        read_only=read_only,
        report=None if report is None else os.path.abspath(report),
        pid=os.getpid(),  # stays the same
        precompile=precompile,
        trust=None if trust is None else tuple(key.to_pem().decode() for key in trust),
        key=key if key is None or key.startswith(VARIABLE) else os.path.abspath(key),
        why_miss=why_miss,
        verbosity=verbosity,
        max_bytes=max_bytes,
        quarantine=quarantine,
    )
    if require is None:
        _become(settings, program, directories)
    # What looks into bundles is for those who ask: a run hands its process on without.
    from precompile_context.cli import requiring

    requiring.run(require, settings, lambda settings: _become(settings, program, directories))


def _become(settings: Settings, program: list[str], directories: Mapping[str, str]) -> NoReturn:
    if settings.report is not None:
        _start_report(settings)
    environ = dict(os.environ)
    settings.write(environ)
    announce(directories, environ)
    os.execve(sys.executable, [sys.executable, *program], environ)


def _directories(options: Sequence[str]) -> dict[str, str]:
    """Paths by name.

    Raises:
        typer.BadParameter: an option is no NAME=PATH.
    """
    try:
        return parsed(options)
    except MisuseError as error:
        raise typer.BadParameter(f"--directory {error}") from None


def _program(program: list[str]) -> list[str]:
    """What Python is to run: a script on PATH, torchrun say, is found there.

    Raises:
        typer.BadParameter: python would take it as an option of its own, or it is one of ours
            mistyped, or a program that is none of Python's.
    """
    first = program[0]
    if first in _WITH_VALUE:
        if len(program) == 1:
            raise typer.BadParameter(f"{first} needs a {_WITH_VALUE[first]}")
    elif first.startswith("-") and first != "-":
        close = get_close_matches(first.split("=")[0], OPTIONS, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise typer.BadParameter(f"no such option: {first}{hint}")
    elif os.sep not in first and not os.path.exists(first) and (found := shutil.which(first)):
        with open(found, "rb") as file:
            if b"python" not in file.readline(200).partition(b"#!")[2]:
                raise typer.BadParameter(f"{found} is no Python script: name what it runs")
        return [found, *program[1:]]
    return program


def _check_store(name: str) -> None:
    """Refuse a wrong name before the program runs."""
    try:
        StoreName.parse(name)
    except MisuseError as error:
        raise typer.BadParameter(f"--bundle: {error}") from None


def _absolute(bundle: str) -> str:
    """The name, wherever the program may go: a path as an absolute one."""
    if not is_store_name(bundle):
        return os.path.abspath(bundle)
    name = StoreName.parse(bundle)
    return str(name) if name.scheme == "file" else bundle


def _named_after(program: list[str]) -> str:
    """The bundle's file name for a program.

    Raises:
        typer.BadParameter: the program has no name.
    """
    bundle = default_bundle(program)
    if bundle is None:
        raise typer.BadParameter("code without a name needs --bundle")
    return bundle


def _start_report(settings: Settings) -> None:
    """An idle report, before the program runs: it stands where no compiler is used."""
    from precompile_context.session import report

    report.begin(settings)
