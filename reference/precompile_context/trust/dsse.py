"""DSSE v1 (https://github.com/secure-systems-lab/dsse): what is signed, and where that stands."""

from precompile.v1.bundle_pb2 import Envelope, Signature
from precompile_context.trust.keys import Signer

__all__ = ["Envelope", "Signature", "message", "sign"]


def message(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what a signature covers.

    Lengths stand before both parts, so that no other pair has the same encoding.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(envelope: Envelope, signer: Signer) -> bool:
    """Make `envelope` carry one signature of this key; whether it did not carry it yet.

    Others' signatures stay. Another signature under this keyid gives way: it is a
    repeat, or does not verify.
    """
    # [PCB-SIGN-001]
    new = Signature(
        sig=signer.sign(message(envelope.payload_type, envelope.payload)), keyid=signer.keyid
    )
    others = [there for there in envelope.signatures if there.keyid != signer.keyid]
    if len(others) + 1 == len(envelope.signatures) and new in envelope.signatures:
        return False
    del envelope.signatures[:]
    envelope.signatures.extend([*others, new])
    return True
