"""Commands of `python -m precompile_conformance.spec`: lint and accept."""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer

from precompile_conformance.spec import reviewed, trace
from precompile_conformance.spec.lint import DOCUMENTS, Norm, lint

ROOT = Path(__file__).resolve().parents[3]

app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False)


def norm(root: Path = ROOT) -> Norm:
    """The norm of this checkout, and what must agree with it."""
    from precompile_context.bundle import DEFAULT_LIMITS

    return Norm(
        root=root,
        documents={name: (root / name).read_text(encoding="utf-8") for name in DOCUMENTS},
        error_proto=(root / "proto/precompile/v1/error.proto").read_text(encoding="utf-8"),
        limits=dataclasses.asdict(DEFAULT_LIMITS),
        index=reviewed.load(),
        places=trace.places(root / "reference" / "precompile_context"),
        reasons=trace.reasons(),
    )


@app.command("lint")
def check() -> None:
    """Check the norm; exit 1 with a line for each fault."""
    checked = norm()
    faults = lint(checked)
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        raise typer.Exit(1)
    requirements = checked.requirements
    musts = sum(requirement.level == "MUST" for requirement in requirements)
    print(f"the norm: {len(requirements)} requirements, {musts} of them MUST; no fault")


@app.command()
def accept(
    ids: Annotated[list[str] | None, typer.Argument(help="Requirements whose cases fit.")] = None,
    *,
    every: Annotated[
        bool, typer.Option("--all", help="Accept all that is new or changed.")
    ] = False,
) -> None:
    """Take requirements as the norm states them now into the index; one that is gone is retired."""
    index = reviewed.load()
    before = {entry["id"]: entry["sha256"] for entry in index["requirements"]}
    requirements = norm().requirements
    left = [
        requirement.id
        for requirement in requirements
        if requirement.sha256 != before.get(requirement.id)
        and not every
        and requirement.id not in (ids or ())
    ]
    gone = before.keys() - {requirement.id for requirement in requirements} - set(ids or ())
    if left or (gone and not every):
        print(f"not accepted yet: {' '.join([*left, *sorted(gone)])}", file=sys.stderr)
        raise typer.Exit(1)
    gone = before.keys() - {requirement.id for requirement in requirements}
    reviewed.write(requirements, {*index["retired"], *gone})


if __name__ == "__main__":
    app()
