"""The policy: which keys are believed, and how many of them must have signed a segment."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.trust.dsse import Envelope, message
from precompile_context.trust.keys import Signer, Verifier


@dataclass(frozen=True, slots=True)
class Examined:
    """What a policy finds of one signature.

    Attributes:
        keyid: as it stands in the envelope; anything at all.
        signer: the keyid of the policy's key that it verifies with; None for none.
        is_bad: it names a key of the policy's and does not verify with it.
    """

    keyid: str
    signer: str | None
    is_bad: bool


class TrustPolicy:
    """Believes segments that enough of its keys have signed; see also UNSIGNED."""

    def __init__(self, keys: Iterable[Verifier], *, threshold: int = 1) -> None:
        """`threshold` is the number of distinct keys that must have signed each segment.

        Raises:
            MisuseError: there is no key, one is not a public key, or the threshold is not 1
                to their number.
        """
        if isinstance(keys, str | bytes) or not isinstance(keys, Iterable):
            raise MisuseError(f"a policy is of a list of keys: [key], not {_shown(keys)}")
        keys = list(keys)
        if not all(callable(getattr(key, "verify", None)) for key in keys):
            text = "a policy is of public keys: a VerifyingKey, or a SigningKey's verifying_key"
            wrong = next(key for key in keys if not callable(getattr(key, "verify", None)))
            raise MisuseError(f"{text}, not {_shown(wrong)}")
        self._keys = {key.keyid: key for key in keys}
        if any(self._keys[key.keyid] != key for key in keys):
            raise MisuseError("two verifiers of one keyid: only one of them would be asked")
        self.threshold = threshold
        if not self._keys:
            raise MisuseError("a policy needs a key; UNSIGNED is the one that asks for none")
        if not isinstance(threshold, int):
            raise MisuseError(f"a threshold is a number of keys, not {_shown(threshold)}")
        if not 1 <= threshold <= len(self._keys):
            raise MisuseError(f"a threshold is 1 to the number of keys, here {len(self._keys)}")

    def __repr__(self) -> str:
        names = ", ".join(keyid[:12] for keyid in list(self._keys)[:4])
        more = ", …" if len(self._keys) > 4 else ""
        return f"<TrustPolicy: {self.threshold} of {len(self._keys)} keys: {names}{more}>"

    def examine(self, envelope: Envelope) -> Iterator["Examined"]:
        """Each signature in turn, tried with the key it names, or with all where it names none.

        A keyid is a hint, and no more: one that names no key of the policy's leaves the
        signature out.
        """
        signed = message(envelope.payload_type, envelope.payload)
        for signature in envelope.signatures:
            # [PCB-SIGN-002]
            named = [signature.keyid] if signature.keyid else list(self._keys)
            keys = [self._keys[keyid] for keyid in named if keyid in self._keys]
            signer = next((key.keyid for key in keys if key.verify(signature.sig, signed)), None)
            yield Examined(signature.keyid, signer, bool(signature.keyid and keys and not signer))

    def signers(self, envelope: Envelope) -> frozenset[str]:
        """The keyids of those of its keys that have signed."""
        return frozenset(e.signer for e in self.examine(envelope) if e.signer is not None)

    def check(self, envelope: Envelope, segment: int, offset: int) -> None:
        """Return where the segment is trusted.

        `segment` is its index and `offset` that of its manifest record, for the error.

        Raises:
            PrecompileError: UNSIGNED, UNTRUSTED_SIGNER or BAD_SIGNATURE.
        """
        if not envelope.signatures:
            # [PCB-SIGN-004]
            raise PrecompileError(ErrorCode.UNSIGNED, f"segment {segment} is not signed", offset)
        signers: set[str] = set()
        bad = None
        for examined in self.examine(envelope):
            if examined.signer is not None:
                signers.add(examined.signer)
            bad = bad or (examined.keyid if examined.is_bad else None)
            # [PCB-SIGN-003]
            # Whoever can add a signature must not take trust away by it.
            if len(signers) >= self.threshold:
                return
        if bad is not None:
            # [PCB-SIGN-005]
            code = ErrorCode.BAD_SIGNATURE
            what = f"has a signature that names the trusted {_name(bad)} and is not its own"
        else:
            # [PCB-SIGN-006]
            code = ErrorCode.UNTRUSTED_SIGNER
            trusted = (
                f"{len(signers)} of {self.threshold} trusted keys" if signers else "no trusted key"
            )
            what = f"is signed by {_names(envelope)}: {trusted}"
        raise PrecompileError(code, f"segment {segment} {what}", offset)

    def accepts(self, signer: Signer | None) -> bool:
        """Whether it believes what this signer alone has signed, or what is unsigned for None."""
        return signer is not None and self.threshold == 1 and signer.keyid in self._keys


class _Unsigned(TrustPolicy):
    """Believes every segment, signed or not: for bundles whose origin is known otherwise."""

    def __init__(self) -> None:
        self._keys = {}
        self.threshold = 0

    def __repr__(self) -> str:
        return "UNSIGNED"

    def check(self, envelope: Envelope, segment: int, offset: int) -> None:
        """Accept."""

    def accepts(self, signer: Signer | None) -> bool:
        """Yes."""
        return True


class _Nobody(TrustPolicy):
    """Believes nobody; `way_out` is what a refusal says beside."""

    def __init__(self, way_out: str = "") -> None:
        self._keys = {}
        self.threshold = 1
        self._way_out = way_out

    def __repr__(self) -> str:
        return "<TrustPolicy: nobody>"

    def check(self, envelope: Envelope, segment: int, offset: int) -> None:
        """Refuse."""
        try:
            super().check(envelope, segment, offset)
        except PrecompileError as error:
            detail = error.detail + self._way_out
            raise PrecompileError(error.code, detail, error.offset) from None


def check_policy(policy: object) -> None:
    """Raise MisuseError where that is no policy: None, or keys without one, believe nobody."""
    if not isinstance(policy, TrustPolicy):
        text = "a policy is TrustPolicy([key.verifying_key]), or UNSIGNED to believe all"
        raise MisuseError(f"{text}, not {_shown(policy)}")


UNSIGNED: TrustPolicy = _Unsigned()
# [PCB-SIGN-009]
NOBODY: TrustPolicy = _Nobody(
    ", and no policy says whose bundles to believe: "
    "give policy=TrustPolicy([key.verifying_key]), or policy=UNSIGNED to believe all"
)
# Of a user who has no key and trusts none: what to do, the command says in its own words.
NO_KEYS: TrustPolicy = _Nobody()


def _names(envelope: Envelope) -> str:
    names = [_name(signature.keyid) for signature in envelope.signatures]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _shown(given: object) -> str:
    """What a caller gave in place of something else: its type, since it may be a secret."""
    return "None" if given is None else f"a {type(given).__name__}"


def _name(keyid: str) -> str:
    """A keyid for a person; what a stranger wrote in its place is cut and spelled out."""
    return f"key {ascii(keyid)[1:-1][:64]}" if keyid else "a key without a name"
