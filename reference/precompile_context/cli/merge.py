"""`precompile merge`: several bundles, of several processes or hosts, as one."""

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.bundle import Bundle
from precompile_context.cli import text
from precompile_context.cli.counted_store import CountedStore
from precompile_context.cli.hosts import read_host
from precompile_context.cli.keys import Key, Trust, trusting_inputs
from precompile_context.cli.progress import counted, progress
from precompile_context.cli.stores import (
    COMMAND_SECONDS,
    GraceOption,
    grace_of,
    opened_input,
    store_of,
)
from precompile_context.cli.this_host import fitting, host_for
from precompile_context.cli.told import tell
from precompile_context.compare.merging import Host, MergeReport
from precompile_context.environment import Environment, Mismatch
from precompile_context.files.merging import merge_files
from precompile_context.stores import Patience, compact, is_store_name
from precompile_context.stores.replacing import GRACE_SECONDS
from precompile_context.trust import Signer, TrustPolicy

app = typer.Typer()


@app.command()
def merge(
    files: Annotated[
        list[str], typer.Argument(metavar="BUNDLE...", help="Files, or names of stores.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="Where to; may be a FILE, too.")
    ],
    strict: Annotated[
        bool, typer.Option("--strict", help="Write nothing and exit 1 where there is a conflict.")
    ] = False,
    skip_damaged: Annotated[
        bool,
        typer.Option(
            "--skip-damaged",
            help="Merge what is sound, list what was left out, and exit 1 where that is "
            "anything. The order of the inputs does not count then.",
        ),
    ] = False,
    grace: GraceOption = GRACE_SECONDS,
    fits: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Only what fits the host whose facts are in this file, which `precompile "
            "explain BUNDLE --print-host` wrote there; or `here`, what fits this host.",
        ),
    ] = None,
    trust: Trust = None,
    key: Key = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Neither check signatures nor sign.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What was merged, for programs.")] = False,
) -> None:
    """Make one bundle of several, with one segment for each environment.

    Equal content is stored once. Where two bundles hold different content under one
    key of a cache, either serves: the first is kept, the others are counted. A
    conflict is an entry with other backends: the first is kept, and it is told.

    Of one file, it makes a smaller one: segments that were appended one by one
    become one, without what was superseded. So does a store that is BUNDLE and OUT: its
    small pieces become one.

    Each segment must be signed by this user's own key, by --key or one that is trusted.
    The result is signed by this user's own key, or by --key.
    """
    if (is_store_name(output) or ":/" in output) and files != [output]:
        raise typer.BadParameter(
            "--output is a file; `precompile push` puts it into a store, and a store alone, "
            "merged into itself, has fewer pieces then"
        )
    trusted = trusting_inputs(() if skip_damaged else files, trust, key, unsigned=unsigned)
    if is_store_name(output):
        _compact(output, trusted.policy, trusted.signer, grace, as_json)
        return
    host = None if fits is None else _Fits(_host(fits))
    report, merged = merge_files(
        output,
        files,
        policy=trusted.policy,
        signer=trusted.signer,
        strict=strict,
        skip_damaged=skip_damaged,
        watch=counted("merging"),
        fits=host,
        open_input=lambda name: opened_input(trusted.policy)(str(name)),
    )
    nearest = host.nearest if host and not report.artifacts else ()
    if as_json:
        differs = [mismatch.requirement.name for mismatch in nearest]
        tell({**_facts(files, report, merged), "differs": differs})
    else:
        _print(Path(output), files, report, merged)
        for mismatch in nearest:
            print(f"  differs     {text.safe(str(mismatch))}")
    if merged is None or report.left_out:
        raise typer.Exit(1)


def _compact(
    name: str, policy: TrustPolicy, signer: Signer | None, grace: float, as_json: bool
) -> None:
    store = store_of(name)
    if not store.writable:
        raise typer.BadParameter(f"{store.name} is read, and never written")
    with progress("merging", None) as advance:
        done = compact(
            CountedStore(store, advance),
            policy=policy,
            signer=signer,
            patience=Patience(COMMAND_SECONDS),
            grace=grace_of(grace),
        )
    if as_json:
        facts = {"replaced": [one.name for one in done.replaced], "left": len(done.left)}
        tell({"ok": True, "piece": done.piece and done.piece.name, **facts})
    elif done.was_outrun:
        print(f"{text.safe(store.name)}: others replaced its small pieces meanwhile")
    elif done.piece is None:
        print(f"{text.safe(store.name)}: there are not two small pieces that can be merged")
    else:
        pieces = text.plural(len(done.replaced), "piece")
        print(f"{text.safe(store.name)}: {pieces} went, for {done.piece.name}")


def _host(name: Path) -> Host:
    """This host, or the one that the file tells of."""
    if str(name) == "here":
        return lambda bundle: host_for(bundle)[0]
    told = read_host(name, (), Environment())
    return lambda bundle: fitting(told, bundle)


class _Fits:
    """The host that segments must fit; it knows which one was nearest where none does."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._misfits: list[tuple[Mismatch, ...]] = []

    def __call__(self, bundle: Bundle) -> Environment:
        environment = self._host(bundle)
        found = (environment.mismatches(s.manifest.requirements) for s in bundle.segments)
        self._misfits += [mismatches for mismatches in found if mismatches]
        return environment

    @property
    def nearest(self) -> tuple[Mismatch, ...]:
        """In which facts the segment differs that differs in the fewest."""
        return min(self._misfits, key=len, default=())


def _facts(files: list[str], report: MergeReport, merged: Bundle | None) -> dict[str, Any]:
    return {
        "ok": merged is not None and not report.left_out,
        "inputs": len(files),
        "segments": len(merged.segments) if merged else 0,
        "size": merged.size if merged else 0,
        "digest": merged.digest.hex() if merged else None,
        "environments": report.environments,
        "artifacts": report.artifacts,
        "obsolete": report.obsolete,
        "equal": report.equal,
        "equivalent": report.equivalent,
        "unnamed": report.unnamed,
        "conflicts": [
            {"origin": c.origin, "type": c.type, "key": c.key, "detail": c.detail}
            for c in report.conflicts
        ],
        "left_out": [dataclasses.asdict(one) for one in report.left_out],
    }


def _print(output: Path, files: list[str], report: MergeReport, merged: Bundle | None) -> None:
    name = text.safe(str(output))
    if merged is None:
        conflicts = text.plural(len(report.conflicts), "conflict")
        why = conflicts if report.artifacts else "nothing is left"
        print(f"{name}: not written, for {why}")
    else:
        print(
            f"{name}: {text.plural(len(merged.segments), 'segment')}, "
            f"{text.plural(report.artifacts, 'artifact')}, {text.size(merged.size)}, "
            f"of {text.plural(len(files), 'bundle')}"
        )
        print(f"  digest      {merged.digest.hex()}")
    for label, count, meaning in (
        ("obsolete", report.obsolete, "superseded or removed in their own bundle"),
        ("equal", report.equal, "held by several bundles, kept once"),
        ("equivalent", report.equivalent, "with another content, which the first one's replaces"),
        ("unnamed", report.unnamed, "backends of entries that were left out"),
    ):
        if count:
            print(f"  {label:10}  {count:,} {meaning}")
    for conflict in report.conflicts:
        print(
            f"  conflict    {text.safe(conflict.type)} {text.safe(conflict.key)} of "
            f"{text.safe(conflict.origin)} is left out: {text.safe(conflict.detail)}"
        )
    for one in report.left_out:
        what = f"{one.type} {one.key}" if one.key is not None else "segments"
        where = "" if one.offset is None else f" at byte {one.offset}"
        print(
            f"  left out    {text.safe(what)} of {text.safe(one.origin)}: {one.code}{where}: "
            f"{text.safe(one.detail)}"
        )
