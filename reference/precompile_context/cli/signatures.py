"""The signatures of a bundle's segments, as commands show them."""

from collections.abc import Sequence
from typing import Any

from precompile_context.bundle import Bundle
from precompile_context.cli import text
from precompile_context.errors import MisuseError
from precompile_context.files import local_key, trusted
from precompile_context.trust import UNSIGNED, TrustPolicy
from precompile_context.trust.pem import Believed

# The name of this user's own key.
_OWN = "you"


def known_keys(named: Sequence[Believed]) -> list[Believed]:
    """The keys named, those that this user trusts, and their own, as far as they can be read."""
    keys = list(named)
    try:
        keys += trusted().values()
        own = local_key(make=False)
        keys += [] if own is None else [own.verifying_key]
    except (OSError, MisuseError):
        pass  # what is shown of signatures is less then
    return list({key.keyid: key for key in reversed(keys)}.values())


def _names() -> dict[str, str]:
    """Names by keyid."""
    try:
        own = local_key(make=False)
        names = {} if own is None else {own.keyid: _OWN}
        return names | {key.keyid: name for name, key in trusted().items()}
    except (OSError, MisuseError):
        return {}


def describe(bundle: Bundle, keys: Sequence[Believed]) -> list[list[dict[str, Any]]]:
    """For each segment its signatures: the keyid as it stands there, and what that turned out.

    `status` is "trusted" (it verifies with a known key), "bad" (it names a known
    key and does not verify) or "unknown" (it names no known key); `name` is what this
    user calls the key that it verifies with, null where they have no name for it.
    """
    policy, names = TrustPolicy(keys) if keys else UNSIGNED, _names()
    return [
        [
            {
                "keyid": e.keyid,
                "name": names.get(e.signer or ""),
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
        if signature["name"]:
            named = f"{signature['name']} ({named})"
        lines.append(f"signed by {named}, {signature['status']}")
    if len(shown) < len(signatures):
        lines.append(f"and {len(signatures) - len(shown)} signatures more")
    return lines
