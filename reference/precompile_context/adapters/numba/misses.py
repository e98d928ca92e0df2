"""Why a function was compiled: the same function as the bundle holds it, and what differs."""

from collections.abc import Iterable

from precompile_context.adapters.numba.identity import Identity
from precompile_context.bundle import StoredArtifact
from precompile_context.session import Difference, Miss


def explained(asked: Identity, stored: Iterable[StoredArtifact]) -> Miss:
    """The one that has most in common with what was asked for, of the same function."""
    nearest: tuple[int, StoredArtifact, tuple[Difference, ...]] | None = None
    for artifact in stored:
        if artifact.attributes.get("function") != asked.function:
            continue
        differences = tuple(_differences(asked, artifact))
        # Another signature is another function, as good as; only then less is more.
        distance = len(differences) + 1000 * any(d.kind == "inputs" for d in differences)
        if nearest is None or distance < nearest[0]:
            nearest = distance, artifact, differences
    if nearest is None:
        return Miss(asked.key, None, ())
    return Miss(asked.key, nearest[1].key, nearest[2])


def _differences(asked: Identity, stored: StoredArtifact) -> Iterable[Difference]:
    there, here = str(stored.attributes.get("signature")), asked.signature
    if there != here:
        yield Difference("inputs", "signature", there, here)
    there, here = str(stored.attributes.get("source")), asked.source
    if there != here:
        yield Difference("source", f"{asked.function}, its file or its options", there, here)
    theirs, ours = _reads(str(stored.attributes.get("reads"))), _reads(asked.reads)
    for name in sorted(theirs.keys() | ours.keys()):
        if theirs.get(name) != ours.get(name):
            yield Difference("source", name, theirs.get(name), ours.get(name))


def _reads(text: str) -> dict[str, str]:
    lines = (line.partition(" ") for line in text.splitlines())
    return {name: digest for digest, _, name in lines}
