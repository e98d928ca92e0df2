"""`precompile explain`: would a bundle be used on this host, and if not, why."""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.cli import text
from precompile_context.cli.codes import code_of, explanation
from precompile_context.cli.hosts import described, read_host
from precompile_context.cli.keys import Trust, run_keys
from precompile_context.cli.stores import bundle_in, opened, reading_of
from precompile_context.cli.this_host import fitting, host_for, printed
from precompile_context.cli.told import tell
from precompile_context.compare.explanation import Explanation, Verdict
from precompile_context.compare.explanation import explain as explained
from precompile_context.environment import Environment
from precompile_context.errors import PrecompileError
from precompile_context.session.trusting import trusting
from precompile_context.stores import is_store_name
from precompile_context.trust import UNSIGNED
from precompile_context.trust.pem import Believed

app = typer.Typer()


@app.command()
def explain(
    file: Annotated[
        str | None,
        typer.Argument(metavar="BUNDLE|CODE", help="A file, a store's name, or a refusal's code."),
    ] = None,
    trust: Trust = None,
    unsigned: Annotated[
        bool, typer.Option("--unsigned", help="As for a run that checks no signatures.")
    ] = False,
    host: Annotated[
        Path | None,
        typer.Option(
            help="For the host whose facts are in this file, which --print-host wrote there. "
            "Whom that host trusts is not asked.",
            metavar="FILE",
        ),
    ] = None,
    fact: Annotated[
        list[str] | None,
        typer.Option(
            help="As if this fact of the host were so; NAME= for a fact that is unknown. May be "
            "repeated, for several values too.",
            metavar="NAME=VALUE",
        ),
    ] = None,
    print_host: Annotated[
        bool,
        typer.Option(
            "--print-host",
            help="Print this host's facts as JSON, and no more: those of the compilers that BUNDLE "
            "is of, which alone are imported; without one, of all that are here.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="All of it, for programs.")] = False,
) -> None:
    """Say whether a bundle would be used on this host: which facts differ, in which segment.

    Of a CODE, such as UNTRUSTED_SIGNER, say what it means and what can be done.

    Where a bundle would be used, say what would be applied, and of a store how much would
    move. Trust is that of `precompile run`: this user's own key, and those that are given.
    Reads the indexes alone. Exit status 1 where no segment fits, or one is not trusted.
    """
    if print_host:
        environment, reason = printed(None if file is None else opened(file, policy=UNSIGNED))
        tell({"host": described(environment), "torch_unknown": reason})
        return
    if file is None:
        raise typer.BadParameter("which bundle? --print-host alone needs none")
    code = code_of(file) if not Path(file).exists() else None
    if code is not None:
        print("\n".join(explanation(code)))
        return
    reading = reading_of(file, UNSIGNED) if is_store_name(file) else None
    bundle = bundle_in(file, reading) if reading else opened(file, policy=UNSIGNED)
    distrust = None if unsigned or host else _distrust(bundle, run_keys(trust))
    environment, reason = (Environment(), None) if host else host_for(bundle)
    if host or fact:
        environment = fitting(read_host(host, fact or [], environment), bundle)
    verdict = explained(bundle, environment)
    moves = reading.needs(verdict.applied) if reading else None
    if as_json:
        facts = _describe(verdict, environment, reason)
        facts = {**facts, "ok": verdict.loads and not distrust, "distrust": distrust}
        if reading:
            facts["moves"] = moves
        tell(facts)
    else:
        _print(file, verdict, reason, distrust)
        if moves is not None and verdict.loads:
            print(f"a warm start would move {text.size(moves)} at most")
    if distrust or not verdict.loads:
        raise typer.Exit(1)


def _distrust(bundle: Bundle, keys: list[Believed]) -> str | None:
    """Why a run would not trust the bundle, all of whose segments must be signed; else None."""
    policy = trusting(keys, None, read_only=True).policy
    try:
        for segment in bundle.segments:
            policy.check(bundle.envelope(segment), segment.index, segment.manifest_offset)
    except PrecompileError as error:
        return str(error)
    return None


def _describe(
    explanation: Explanation, environment: Environment, reason: str | None
) -> dict[str, Any]:
    return {
        "host": described(environment),
        "torch_unknown": reason,
        "segments": [
            {
                "index": verdict.segment.index,
                "offset": verdict.segment.offset,
                "fits": not verdict.mismatches,
                "differs": [
                    {
                        "fact": mismatch.requirement.name,
                        "needs": list(mismatch.requirement.values),
                        "here": None if mismatch.actual is None else sorted(mismatch.actual),
                    }
                    for mismatch in verdict.mismatches
                ],
            }
            for verdict in explanation.verdicts
        ],
        "applied": [_id(artifact) for artifact in explanation.applied],
        "incomplete": [
            {**_id(entry), "missing": list(missing)} for entry, missing in explanation.incomplete
        ],
        "unused": [_id(artifact) for artifact in explanation.unused],
    }


def _id(artifact: StoredArtifact) -> dict[str, Any]:
    return {
        "type": artifact.type,
        "key": artifact.key,
        "segment": artifact.segment,
        "content_size": artifact.content_size,
    }


def _print(file: str, explanation: Explanation, reason: str | None, distrust: str | None) -> None:
    fitting = sum(not verdict.mismatches for verdict in explanation.verdicts)
    print(f"{text.safe(file)}: {fitting} of {len(explanation.verdicts)} segments fit this host")
    if distrust:
        print(f"  not trusted: {text.safe(distrust)}")
    if reason:
        print(f"  facts of torch are unknown: {text.safe(reason)}")
    for verdict in explanation.verdicts:
        _print_verdict(verdict)
    groups: dict[str, list[StoredArtifact]] = defaultdict(list)
    for artifact in explanation.applied:
        groups[artifact.type].append(artifact)
    if explanation.loads:
        would = "would be applied" + (", were it trusted" if distrust else "")
        print(would if groups else "nothing would be applied")
    for type_name, artifacts in groups.items():
        total = text.size(sum(artifact.content_size for artifact in artifacts))
        print(
            f"  {text.plural(len(artifacts), 'artifact'):>16}  {total:>8}  {text.safe(type_name)}"
        )
    for entry, missing in explanation.incomplete:
        backends = ", ".join(map(text.safe, missing))
        print(f"  not {text.safe(entry.type)} {text.safe(entry.key)}: it lacks {backends}")
    if explanation.unused:
        print(f"  not {text.plural(len(explanation.unused), 'backend')} that no entry names")


def _print_verdict(verdict: Verdict) -> None:
    place = f"segment {verdict.segment.index} at byte {verdict.segment.offset}"
    if not verdict.mismatches:
        print(f"{place} fits")
        return
    count = len(verdict.mismatches)
    print(f"{place} does not: {text.plural(count, 'fact')} differ{'s' if count == 1 else ''}")
    for mismatch in verdict.mismatches:
        print(f"  {text.safe(str(mismatch))}")
