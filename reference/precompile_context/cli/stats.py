"""`precompile stats`: what bundles were good for on this machine, from the record of use."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from precompile_context.cli import text
from precompile_context.cli.told import tell
from precompile_context.files.use_record import SWITCH, UsedBundle, record_file, uses
from precompile_context.session.use import name_as_typed

app = typer.Typer()


@dataclass
class _Row:
    """The sums of one program's runs with one bundle."""

    runs: int = 0
    hits: int = 0
    misses: int = 0
    refused: int = 0
    bytes: int = 0
    seconds: float = 0.0
    last: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, use: UsedBundle) -> None:
        """One process more."""
        self.runs += 1
        self.hits += use.hits
        self.misses += use.misses
        self.refused += use.refused
        self.bytes += use.bytes
        self.seconds += use.seconds
        self.last = max(self.last, use.at)
        self.reasons.update(use.reasons)


@app.command()
def stats(
    bundle: Annotated[
        str | None,
        typer.Argument(metavar="BUNDLE", help="This file or store alone; by default all."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same, for programs.")] = False,
    prometheus: Annotated[
        bool,
        typer.Option("--prometheus", help="In Prometheus' text format, for a file that it reads."),
    ] = False,
) -> None:
    """Show what bundles were good for on this machine, by program and bundle.

    Each process that used one adds a line to a record in your state directory, of
    bounded size, which leaves the machine never. PRECOMPILE_STATS=0 switches it off.
    """
    file = record_file()
    rows: dict[tuple[str, str], _Row] = {}
    for use in uses(file, None if bundle is None else name_as_typed(bundle)) if file else []:
        rows.setdefault((use.program, use.bundle), _Row()).add(use)
    if as_json:
        facts = [_facts(*names, row) for names, row in rows.items()]
        tell({"record": None if file is None else str(file), "uses": facts})
    elif prometheus:
        print("\n".join(_prometheus(rows)))
    elif file is None:
        print(f"no record of use is kept: {SWITCH} switches it off")
    elif not rows:
        used = "a bundle" if bundle is None else text.safe(bundle)
        print(f"no run of a program used {used} so far, as far as is remembered")
    else:
        _print(rows)


def _facts(program: str, bundle: str, row: _Row) -> dict[str, Any]:
    return {
        "program": program,
        "bundle": bundle,
        "runs": row.runs,
        "hits": row.hits,
        "misses": row.misses,
        "refused": row.refused,
        "bytes": row.bytes,
        "seconds": round(row.seconds, 3),
        "last_used": row.last,
        "reasons": dict(row.reasons.most_common()),
    }


_METRICS = {
    "runs": "Processes that used the bundle.",
    "hits": "Artifacts that they were given.",
    "misses": "Artifacts that they had to make.",
    "refused": "Artifacts that could not be given.",
    "bytes": "Bytes of the contents that they were given.",
    "seconds": "Seconds of compiling that these had taken and were not spent.",
}

_METRIC_NAMES = {"seconds": "compile_not_spent_seconds"}


def _prometheus(rows: dict[tuple[str, str], _Row]) -> list[str]:
    lines = []
    for name, meaning in _METRICS.items():
        metric = f"precompile_{_METRIC_NAMES.get(name, name)}_total"
        lines += [f"# HELP {metric} {meaning}", f"# TYPE {metric} counter"]
        for (program, bundle), row in rows.items():
            labels = f'program="{_label(program)}",bundle="{_label(bundle)}"'
            lines.append(f"{metric}{{{labels}}} {_facts(program, bundle, row)[name]}")
    return lines


def _label(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _not_spent(row: _Row) -> str:
    return f", {row.seconds:,.1f} s of compiling not spent" if row.seconds else ""


def _print(rows: dict[tuple[str, str], _Row]) -> None:
    bundles: dict[str, list[tuple[str, _Row]]] = {}
    for (program, bundle), row in rows.items():
        bundles.setdefault(bundle, []).append((program, row))
    for bundle, programs in bundles.items():
        print(text.shorten(text.safe(bundle), text.WIDTH))
        for program, row in programs:
            print(
                f"  {text.shorten(text.safe(program), 24):24}  {text.plural(row.runs, 'run')}, "
                f"{row.hits:,} hits, {row.misses:,} misses, {row.refused:,} refused"
            )
            print(f"  {'':24}  {text.size(row.bytes)} given{_not_spent(row)}")
            for reason, count in row.reasons.most_common(3):
                line = f"  {'':24}  {count:,} for: "
                print(line + text.shorten(text.safe(reason), text.WIDTH - len(line)))
