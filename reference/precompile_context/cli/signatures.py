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


def line(signatures: Sequence[dict[str, Any]]) -> str:
    """One segment's signatures for a person."""
    if not signatures:
        return "unsigned"
    shown = [f"{text.safe(s['keyid'][:64]) or 'no keyid'} ({s['status']})" for s in signatures[:4]]
    more = f" and {len(signatures) - 4} more" if len(signatures) > 4 else ""
    return f"signed by {', '.join(shown)}{more}"
