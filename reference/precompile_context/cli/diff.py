"""`precompile diff`: what two bundles hold that the other does not."""

from typing import Annotated, Any

import typer

from precompile_context.bundle import StoredArtifact
from precompile_context.cli import text
from precompile_context.cli.stores import opened_input
from precompile_context.cli.told import tell
from precompile_context.compare.difference import EnvironmentDifference, FactDifference, difference
from precompile_context.environment import Requirement
from precompile_context.trust import UNSIGNED

app = typer.Typer()

_SHOWN = 5


@app.command()
def diff(
    a: Annotated[str, typer.Argument(metavar="A", help="The first bundle, or a store's name.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The second one.")],
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False,
    full: Annotated[bool, typer.Option("--full", help="List every artifact.")] = False,
) -> None:
    """Compare what two bundles hold, for each environment, by type and key.

    Equivalent are contents that differ under one key of a cache: no two runs of a
    compiler give equal bytes, and either serves. Conflicting are entries with other
    backends. Reads the indexes alone.
    """
    bundle_a, bundle_b = map(opened_input(UNSIGNED), (a, b))
    environments = difference(bundle_a, bundle_b)
    if as_json:
        facts = {
            "same_bundle": bundle_a.digest == bundle_b.digest,
            "same_content": all(environment.is_none for environment in environments),
            "environments": [_describe(environment) for environment in environments],
        }
        tell(facts)
    else:
        print(f"a  {text.safe(a)}: {text.plural(len(bundle_a.segments), 'segment')}")
        print(f"b  {text.safe(b)}: {text.plural(len(bundle_b.segments), 'segment')}")
        for environment in environments:
            _print(environment, full)


def _describe(environment: EnvironmentDifference) -> dict[str, Any]:
    return {
        "segments_a": list(environment.segments_a),
        "segments_b": list(environment.segments_b),
        "facts": [
            {"name": fact.name, "a": _values(fact.a), "b": _values(fact.b)}
            for fact in environment.facts
        ],
        "equal": environment.equal,
        "added": [_id(artifact) for artifact in environment.added],
        "removed": [_id(artifact) for artifact in environment.removed],
        "equivalent": [_id(artifact) for artifact, _ in environment.equivalent],
        "conflicting": [_id(artifact) for artifact, _ in environment.conflicting],
    }


def _values(requirement: Requirement | None) -> list[str] | None:
    return None if requirement is None else list(requirement.values)


def _id(artifact: StoredArtifact) -> dict[str, str]:
    return {"type": artifact.type, "key": artifact.key}


def _print(environment: EnvironmentDifference, full: bool) -> None:
    print(f"\n{_title(environment)}")
    for fact in environment.facts:
        print(f"  {text.safe(fact.name)}: {_sides(fact)}")
    for label, artifacts in (
        ("only in a", environment.removed),
        ("only in b", environment.added),
        ("equivalent", tuple(pair[0] for pair in environment.equivalent)),
        ("conflicting", tuple(pair[0] for pair in environment.conflicting)),
    ):
        if artifacts:
            print(f"  {label:11} {text.plural(len(artifacts), 'artifact')}")
        for artifact in artifacts if full else artifacts[:_SHOWN]:
            line = f"    {text.safe(artifact.type)} "
            key = text.safe(artifact.key)
            print(line + (key if full else text.shorten(key, text.WIDTH - len(line))))
        if not full and len(artifacts) > _SHOWN:
            print(f"    and {len(artifacts) - _SHOWN} more (--full lists them)")
    if environment.equal:
        print(f"  {'equal':11} {text.plural(environment.equal, 'artifact')}")


def _title(environment: EnvironmentDifference) -> str:
    a, b = (
        ", ".join(map(str, segments))
        for segments in (environment.segments_a, environment.segments_b)
    )
    if not a:
        return f"an environment of b alone (segment {b})" + _nearest(environment, "a")
    if not b:
        return f"an environment of a alone (segment {a})" + _nearest(environment, "b")
    return f"an environment of both (segment {a} of a, {b} of b)"


def _nearest(environment: EnvironmentDifference, other: str) -> str:
    return f"; the nearest of {other} differs in" if environment.facts else ""


def _sides(fact: FactDifference) -> str:
    a, b = (
        "not required" if side is None else "{" + ", ".join(side.values) + "}"
        for side in (fact.a, fact.b)
    )
    return text.safe(f"a {a}, b {b}")
