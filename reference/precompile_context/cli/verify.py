"""`precompile verify`: every digest, reference and chain of a bundle."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from precompile_context.bundle import Bundle
from precompile_context.bundle.stored import DIGEST_SIZE
from precompile_context.cli import refusal, signatures, text
from precompile_context.cli.keys import read_keys
from precompile_context.cli.progress import progress
from precompile_context.cli.stores import opened
from precompile_context.cli.told import tell
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.trust import UNSIGNED, TrustPolicy
from precompile_context.trust.pem import Believed

app = typer.Typer()


@app.command()
def verify(
    file: Annotated[str, typer.Argument(metavar="BUNDLE", help="A file, or a store's name.")],
    recover: Annotated[
        bool, typer.Option("--recover", help="Leave a torn tail out instead of refusing it.")
    ] = False,
    expect: Annotated[
        str | None,
        typer.Option(metavar="DIGEST", help="The bundle digest that it must have, in hex."),
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option(
            help="Refuse a segment that this public key did not sign: a PEM file, a name, "
            "env:NAME or the beginning of a keyid. Of several, --threshold must have signed.",
            metavar="KEY",
        ),
    ] = None,
    threshold: Annotated[
        int, typer.Option(min=1, help="How many of the trusted keys must have signed.")
    ] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="The verdict, for programs.")] = False,
) -> None:
    """Read all of a bundle and check it; exit 1 with the code and the byte offset if it is bad.

    Without --trust, signatures are shown and none is asked for. Signatures do not
    notice segments that were dropped from the end, whole bundles put in another
    order, or an older bundle in place of a newer one; `--expect` does.
    """
    keys, expected = read_keys(trust), _digest(expect)
    policy = _policy(keys, threshold)
    with refusal.about(file):
        # [PCB-RECV-004]
        bundle = opened(file, policy=policy, recover=recover, whole=True)
        # [PCB-CHAIN-004]
        if expected not in (None, bundle.digest):
            detail = f"the bundle digest is {bundle.digest.hex()}, another one is expected"
            raise PrecompileError(ErrorCode.DIGEST_MISMATCH, detail)
        _read_all(bundle)
    signed = signatures.describe(bundle, signatures.known_keys(keys))
    if as_json:
        tell({"ok": True, "trusted": bool(keys), **_facts(bundle), "signatures": signed})
    else:
        _print(file, bundle, signed)


def _digest(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        digest = bytes.fromhex(text)
    except ValueError:
        digest = b""
    if len(digest) != DIGEST_SIZE:
        raise typer.BadParameter("--expect: a digest is 64 hex digits")
    return digest


def _policy(keys: list[Believed], threshold: int) -> TrustPolicy:
    if not keys and threshold == 1:
        return UNSIGNED
    try:
        return TrustPolicy(keys, threshold=threshold)
    except MisuseError as error:
        raise typer.BadParameter(f"--threshold: {error}") from None


def _read_all(bundle: Bundle) -> None:
    """Verify with a progress bar, where a person watches."""
    with progress("verifying", bundle.size) as advance:
        bundle.verify(advance)


def _facts(bundle: Bundle) -> dict[str, Any]:
    return {
        "digest": bundle.digest.hex(),
        "segments": len(bundle.segments),
        "artifacts": sum(len(segment.manifest.artifacts) for segment in bundle.segments),
        "size": bundle.size,
        "ignored": bundle.ignored,
    }


def _print(file: str, bundle: Bundle, signed: list[list[dict[str, Any]]]) -> None:
    facts = _facts(bundle)
    print(
        f"{text.safe(file)}: sound; {text.plural(facts['segments'], 'segment')}, "
        f"{text.plural(facts['artifacts'], 'artifact')}, {text.size(bundle.size)}"
    )
    print(f"  digest {facts['digest']}")
    if bundle.policy is not UNSIGNED:
        print("  every segment is signed as you asked")
    else:
        lines = ["; ".join(signatures.lines(segment)) for segment in signed]
        for first, last, line in _runs(lines):
            where = f"segment {first}" if first == last else f"segments {first} to {last}"
            print(f"  {where}: {line}")
        print("  no signature was asked for: that nothing is damaged does not say who made it")
    if bundle.ignored:
        print(f"  left out: {bundle.ignored} bytes of a torn tail from byte {bundle.size}")


def _runs(lines: list[str]) -> Iterator[tuple[int, int, str]]:
    """Equal lines in a row as one, with the first and the last index."""
    first = 0
    for index, line in enumerate(lines):
        if index + 1 == len(lines) or lines[index + 1] != line:
            yield first, index, line
            first = index + 1
