"""TRUST: signatures over an envelope (DSSE v1, Ed25519), before its payload is decoded."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from precompile.conformance.v1 import reading_pb2
from precompile_conformance.reader.fault import Refused
from precompile_conformance.reader.frame import Frame
from precompile_conformance.wire import sha256

_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME


def is_public_key(key: bytes) -> bool:
    """Whether RFC 8032, section 5.1.3, decodes it; points of small order are keys, too."""
    number = int.from_bytes(key, "little")
    sign, y = number >> 255, number % 2**255
    if len(key) != 32 or y >= _PRIME:
        return False
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _PRIME) % _PRIME
    if not x_squared:
        return not sign
    return pow(x_squared, (_PRIME - 1) // 2, _PRIME) == 1


def pre_authentication_encoding(payload_type: bytes, payload: bytes) -> bytes:
    """What a DSSE v1 signature is over."""
    return b"DSSEv1 %d %s %d %s" % (len(payload_type), payload_type, len(payload), payload)


def check(frame: Frame, policy: reading_pb2.TrustPolicy) -> None:
    """Return where enough different trusted keys signed the segment.

    Raises:
        Refused: UNSIGNED, BAD_SIGNATURE, UNTRUSTED_SIGNER, at the manifest record.
    """
    at, envelope = frame.manifest_offset, frame.envelope
    if not envelope.signatures:
        raise Refused("UNSIGNED", at)
    signed = pre_authentication_encoding(envelope.payload_type.encode(), envelope.payload)
    by_id = {sha256(key).hex(): key for key in policy.trusted_keys}
    verified, named_and_bad = set(), False
    for signature in envelope.signatures:
        named = by_id.get(signature.keyid)
        candidates = list(by_id.values()) if not signature.keyid else [named] if named else []
        good = {key for key in candidates if _verifies(key, signature.sig, signed)}
        verified |= good
        named_and_bad |= named is not None and not good
    if len(verified) >= max(1, policy.threshold):
        return
    raise Refused("BAD_SIGNATURE" if named_and_bad else "UNTRUSTED_SIGNER", at)


def _verifies(key: bytes, signature: bytes, signed: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True
