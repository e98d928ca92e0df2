"""Whose bundles a warm start applies, and who signs what it appends."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

from precompile_context.errors import MisuseError
from precompile_context.files import FilePath, find_signer, find_verifier, local_key, trusted
from precompile_context.trust import UNSIGNED, Signer, SigningKey, TrustPolicy, Verifier
from precompile_context.trust.keys import check_signer
from precompile_context.trust.policy import NO_KEYS

# Whom a caller trusts: a policy, or keys, themselves or as `precompile run --trust` takes them.
Trusted = TrustPolicy | Verifier | FilePath | Iterable[Verifier | FilePath]

_WAYS = "trust= is a key, the name or file of one, several of these, a TrustPolicy or UNSIGNED"

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


def believed(trust: Trusted) -> TrustPolicy | list[Verifier]:
    """The policy, or the keys themselves: what is named by a text is read.

    Raises:
        MisuseError: that is none of these, or what is named is not there or holds no key.
    """
    if isinstance(trust, TrustPolicy):
        return trust
    if isinstance(trust, str | os.PathLike) or _is_verifier(trust):
        return [_believed(trust)]
    if isinstance(trust, bytes) or not isinstance(trust, Iterable):
        raise MisuseError(f"{_WAYS}; not a {type(trust).__name__}")
    return [_believed(one) for one in trust]


def _believed(one: object) -> Verifier:
    if isinstance(one, str | os.PathLike):
        try:
            return find_verifier(os.fspath(one))
        except OSError as error:
            raise MisuseError(f"trust: {_told(error)}") from None
    if not _is_verifier(one):
        raise MisuseError(f"{_WAYS}; {type(one).__name__} is none")
    verifier: Verifier = one  # type: ignore[assignment]  # as was just seen
    return verifier


def _is_verifier(one: object) -> bool:
    return callable(getattr(one, "verify", None)) and isinstance(getattr(one, "keyid", None), str)


def signing(signer: Signer | FilePath | None) -> Signer | None:
    """The signer itself: a key that is named by its file or variable is read.

    Raises:
        MisuseError: that is none, or what is named is not there or holds no key.
    """
    if isinstance(signer, str | os.PathLike):
        try:
            return find_signer(os.fspath(signer))
        except OSError as error:
            raise MisuseError(f"signer: {_told(error)}") from None
    check_signer(signer)
    return signer


def trusting(trust: Trusted, signer: Signer | FilePath | None, *, read_only: bool) -> Trusting:
    """A policy as it is given, or one of the given keys, the signer's, and `trusted` ones.

    Without a signer, the user's own key signs, made on first use, unless UNSIGNED
    is given or nothing is to be written. What is wrong with keys of the user's is `fault`.

    Raises:
        MisuseError: as for `believed` and `signing`.
    """
    trust, signer = believed(trust), signing(signer)
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
        try:
            keys += trusted().values()
        except (OSError, MisuseError) as error:
            told = _told(error) if isinstance(error, OSError) else str(error)
            fault = fault or f"keys that this user trusts are not read: {told}"
        if isinstance(signer, SigningKey):
            keys.append(signer.verifying_key)
        # A key may be named twice; of an authority, what the program says counts.
        by_id = {key.keyid: key for key in reversed(keys)}
        policy = TrustPolicy(reversed(by_id.values())) if by_id else NO_KEYS
    if fault is None and not read_only and not policy.accepts(signer):
        fault = "its own policy would refuse what it appends: the signer's key is not enough for it"
    return Trusting(policy, signer, fault)


def _told(error: OSError) -> str:
    where = f": {error.filename}" if error.filename else ""
    return f"{error.strerror or error}{where}"
