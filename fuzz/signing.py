"""The key that the fuzzed policy believes, and signatures by hand: DSSE over Ed25519."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from precompile.v1.bundle_pb2 import Envelope, Signature
from precompile_conformance.wire import sha256

_KEY = Ed25519PrivateKey.from_private_bytes(sha256(b"not a secret"))
PUBLIC = _KEY.public_key().public_bytes_raw()


def signature(payload_type: str, payload: bytes) -> Signature:
    """What the key's owner would sign."""
    return Signature(sig=_KEY.sign(_encoded(payload_type, payload)), keyid=sha256(PUBLIC).hex())


def is_signed(envelope: Envelope) -> bool:
    """Whether the key's owner signed exactly this payload and type, whatever keyid it stands at."""
    return any(_is_valid(s.sig, envelope) for s in envelope.signatures)


def _is_valid(sig: bytes, envelope: Envelope) -> bool:
    try:
        _KEY.public_key().verify(sig, _encoded(envelope.payload_type, envelope.payload))
    except InvalidSignature:
        return False
    return True


def _encoded(payload_type: str, payload: bytes) -> bytes:
    parts = []
    for part in (payload_type.encode(), payload):
        parts += [str(len(part)).encode(), part]
    return b" ".join([b"DSSEv1", *parts])
