"""Whose bundles a warm start applies, and who signs what it appends."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from precompile_context.errors import MisuseError
from precompile_context.files import local_key
from precompile_context.trust import NOBODY, UNSIGNED, Signer, SigningKey, TrustPolicy, Verifier

_HELP = "set XDG_CONFIG_HOME to a directory of your own, or accept what is unsigned (--unsigned)"


@dataclass(frozen=True)
class Trusting:
    """What a warm start trusts and signs with.

    Attributes:
        signer: None where what is appended is unsigned, or nothing is.
        fault: why nothing can be appended, in a line; None where it can.
    """

    policy: TrustPolicy
    signer: Signer | None = None
    fault: str | None = None


def trusting(
    trust: TrustPolicy | Iterable[Verifier], signer: Signer | None, *, read_only: bool
) -> Trusting:
    """A policy as it is given, or one of the given keys and of the signer's.

    Without a signer, the user's own key signs, made on first use, unless UNSIGNED
    is given or nothing is to be written. Never raises: what is wrong is `fault`.
    """
    if trust is UNSIGNED:
        return Trusting(UNSIGNED, signer)
    fault = None
    if signer is None:
        try:
            signer = local_key(make=not read_only)
        except MisuseError as error:
            fault = f"no key of this user's own: {error}; {_HELP}"
        except OSError as error:
            fault = f"no key of this user's own: {_told(error)}; {_HELP}"
    if isinstance(trust, TrustPolicy):
        policy = trust
    else:
        keys = list(trust)
        if isinstance(signer, SigningKey):
            keys.append(signer.verifying_key)
        policy = TrustPolicy(keys) if keys else NOBODY
    if fault is None and not read_only and not policy.accepts(signer):
        fault = "its own policy would refuse what it appends: the signer's key is not enough for it"
    return Trusting(policy, signer, fault)


def _told(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
