"""The signatures of a bundle's segments, as commands show them."""

from collections.abc import Sequence
from typing import Any

from precompile_context.bundle import Bundle
from precompile_context.cli import text
from precompile_context.errors import MisuseError
from precompile_context.files import local_key
from precompile_context.trust import UNSIGNED, TrustPolicy, VerifyingKey


def known_keys(trusted: Sequence[VerifyingKey]) -> list[VerifyingKey]:
    """The keys named, and this user's own where there is one that can be read."""
    try:
        own = local_key(make=False)
    except (OSError, MisuseError):
        own = None
    return [*trusted, *([own.verifying_key] if own is not None else [])]


def describe(bundle: Bundle, keys: Sequence[VerifyingKey]) -> list[list[dict[str, Any]]]:
    """For each segment its signatures: the keyid as it stands there, and what that turned out.

    `status` is "trusted" (it verifies with a known key), "bad" (it names a known
    key and does not verify) or "unknown" (it names no known key).
    """
    policy = TrustPolicy(keys) if keys else UNSIGNED
    return [
        [
            {
                "keyid": e.keyid,
                "status": "trusted" if e.signer else "bad" if e.is_bad else "unknown",
            }
            for e in policy.examine(bundle.envelope(segment))
        ]
        for segment in bundle.segments
    ]


def lines(signatures: Sequence[dict[str, Any]], *, full: bool = False) -> list[str]:
    """One segment's signatures for a person: `signed by 0a1b2c…, trusted`, or `unsigned`."""
    if not signatures:
        return ["unsigned"]
    shown = signatures if full else signatures[:4]
    lines = []
    for signature in shown:
        keyid = text.safe(signature["keyid"]) or "a key without a name"
        named = keyid if full else text.shorten(keyid, 24)
        lines.append(f"signed by {named}, {signature['status']}")
    if len(shown) < len(signatures):
        lines.append(f"and {len(signatures) - len(shown)} signatures more")
    return lines
