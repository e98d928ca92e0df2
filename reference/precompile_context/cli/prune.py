"""`precompile prune`: a bundle without what is not needed any more."""

import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.cli import text
from precompile_context.cli.counted_store import CountedStore
from precompile_context.cli.keys import Key, Trust, trusting_inputs
from precompile_context.cli.progress import counted, progress
from precompile_context.cli.stores import (
    COMMAND_SECONDS,
    GraceOption,
    bundle_in,
    grace_of,
    reading_of,
    store_of,
)
from precompile_context.cli.told import tell
from precompile_context.compare.pruning import Pruned, Rules
from precompile_context.errors import MisuseError
from precompile_context.files import BundleFile
from precompile_context.files.pruning import prune_file
from precompile_context.files.use_record import SWITCH, last_uses, record_file, uses
from precompile_context.session.use import name_of
from precompile_context.stores import Patience, is_store_name, prune_store
from precompile_context.stores.replacing import GRACE_SECONDS
from precompile_context.trust import Signer, TrustPolicy

app = typer.Typer()

_DAY = 86_400.0
_WHY = {
    "environment": "of an environment that is to go",
    "superseded": "of functions whose code is another now",
    "unused": "not used for so long",
    "max-size": "used longest ago, for the size",
}


@app.command()
def prune(
    bundle: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    unused: Annotated[
        float | None,
        typer.Option(
            min=0,
            metavar="DAYS",
            help="What no run of yours on this machine used for so many days; of environments "
            "that none ever used, nothing.",
        ),
    ] = None,
    max_size: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="What was not used for longest, until the file has at most so many bytes: "
            "500MB, 2GB.",
        ),
    ] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FACT=VALUE",
            help="All of the environments that require this: torch.version=2.12.0. May be "
            "repeated.",
        ),
    ] = None,
    superseded: Annotated[
        bool,
        typer.Option(
            "--superseded",
            help="Compiled functions whose code has changed since, and what was replaced or "
            "removed.",
        ),
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")
    ] = False,
    grace: GraceOption = GRACE_SECONDS,
    trust: Trust = None,
    key: Key = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="Neither check signatures nor sign.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="What went, for programs.")] = False,
) -> None:
    """Take out of a bundle what is not needed any more, and write it anew, as merge does.

    Entries go with their backends. What was used when is in the record that
    `precompile stats` shows; no clock is in the bundle. Each segment must be signed by
    this user's own key, by --key or one that is trusted, and the result is signed by
    your own key, or by --key.

    Of a store, pieces that hold what is to go become one without it, and go themselves
    when the grace is over. --superseded is of files: pieces have no order in time.
    """
    try:
        most = None if max_size is None else text.bytes_of(max_size)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    rules = Rules(
        environment=tuple(map(_fact, environment or [])),
        superseded=superseded,
        unused_since=None if unused is None else time.time() - unused * _DAY,
        max_bytes=most,
    )
    if rules == Rules():
        raise typer.BadParameter(
            "what is to go? --unused, --max-size, --environment or --superseded"
        )
    trusted = trusting_inputs([bundle], trust, key, unsigned=unsigned)
    try:
        if is_store_name(bundle):
            _prune_store(bundle, rules, trusted.policy, trusted.signer, grace, dry_run, as_json)
        else:
            _prune_file(Path(bundle), rules, trusted.policy, trusted.signer, dry_run, as_json)
    except MisuseError as error:
        raise typer.BadParameter(str(error)) from None


def _prune_file(
    file: Path,
    rules: Rules,
    policy: TrustPolicy,
    signer: Signer | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    before = file.stat().st_size
    pruned, bundle = prune_file(
        BundleFile(file),
        rules,
        policy=policy,
        signer=signer,
        last_used=_used(name_of(None, file), rules),
        dry_run=dry_run,
        watch=counted("pruning"),
    )
    if as_json:
        tell({**_facts(pruned, bundle.size, before, dry_run), "digest": bundle.digest.hex()})
    else:
        _print(str(file), pruned, bundle.size, before, dry_run)


def _prune_store(
    name: str,
    rules: Rules,
    policy: TrustPolicy,
    signer: Signer | None,
    grace: float,
    dry_run: bool,
    as_json: bool,
) -> None:
    store = store_of(name)
    if not store.writable:
        raise typer.BadParameter(f"{store.name} is read, and never written")
    reading = reading_of(name, policy)
    bundle_in(name, reading)
    with progress("pruning", None) as advance:
        done = prune_store(
            CountedStore(store, advance),
            reading,
            rules,
            policy=policy,
            signer=signer,
            last_used=_used(store.name, rules),
            patience=Patience(COMMAND_SECONDS),
            grace=grace_of(grace),
            dry_run=dry_run,
        )
    before = sum(piece.size for piece in reading.pieces)
    if as_json:
        pieces = {"replaced": [p.name for p in done.replaced], "left": [p.name for p in done.left]}
        facts = {"piece": done.piece and done.piece.name, **pieces}
        tell({**_facts(done.pruned, done.size, before, dry_run), **facts})
        return
    _print(store.name, done.pruned, done.size, before, dry_run)
    if done.replaced and not dry_run:
        what = f"for {done.piece.name}" if done.piece else "and nothing stays of them"
        print(f"  {text.plural(len(done.replaced), 'piece')} went, {what}")
    for piece in done.left:
        print(f"  left as it is: {piece.name}, which cannot be written anew")


def _fact(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise typer.BadParameter(f"--environment is FACT=VALUE, not {text}")
    return name, value


def _used(name: str, rules: Rules) -> dict[tuple[str, str], float]:
    """What the record says of the bundle, where a rule asks for it.

    Raises:
        typer.BadParameter: it does not go back far enough to say what was not used.
    """
    record = record_file()
    if record is None and rules.unused_since is not None:
        raise typer.BadParameter(f"no record of use is kept: {SWITCH} switches it off")
    if record is None or (rules.unused_since is None and rules.max_bytes is None):
        return {}
    runs = uses(record, name)
    if rules.unused_since is not None and not (runs and runs[0].at <= rules.unused_since):
        days = (time.time() - runs[0].at) / _DAY if runs else 0.0
        raise typer.BadParameter(
            f"the record of use of {name} goes back {days:.0f} days, which is not long enough"
        )
    return last_uses(record, name)


def _facts(pruned: Pruned, size: int, before: int, dry_run: bool) -> dict[str, Any]:
    return {
        "ok": True,
        "dry_run": dry_run,
        "size_before": before,
        "size": size,
        "bytes": pruned.bytes,
        "removed": [
            {"type": name[0], "key": name[1], "segment": segment, "why": why}
            for (segment, name), why in pruned.places.items()
        ],
    }


def _print(name: str, pruned: Pruned, size: int, before: int, dry_run: bool) -> None:
    name = text.safe(name)
    count = text.plural(len(pruned.places), "artifact")
    if dry_run:
        print(f"{name}: {count} would go, about {text.size(pruned.bytes)} of {text.size(before)}")
    else:
        print(f"{name}: {count} gone, {text.size(before)} became {text.size(size)}")
    for why, number in Counter(pruned.places.values()).items():
        print(f"  {why:11}  {number:,} {_WHY[why]}")
