"""DSSE v1 (https://github.com/secure-systems-lab/dsse): what is signed, and where that stands."""

from precompile.v1.bundle_pb2 import Envelope
from precompile_context.trust.keys import Signer

__all__ = ["Envelope", "message", "sign"]


def message(payload_type: str, payload: bytes) -> bytes:
    """The pre-authentication encoding: what a signature covers.

    Lengths stand before both parts, so that no other pair has the same encoding.
    """
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def sign(envelope: Envelope, signer: Signer) -> bool:
    """Make `envelope` carry one signature of this key; whether it did not carry it yet.

    Others' signatures stay as they are, in their order. Another signature under this
    keyid gives way: it is a repeat, or does not verify.
    """
    # [PCB-SIGN-001]
    sig = signer.sign(message(envelope.payload_type, envelope.payload))
    own = [i for i, there in enumerate(envelope.signatures) if there.keyid == signer.keyid]
    # [PCB-SIGN-013]
    if len(own) == 1 and envelope.signatures[own[0]].sig == sig:
        return False
    for index in reversed(own):
        del envelope.signatures[index]
    envelope.signatures.add(sig=sig, keyid=signer.keyid)
    return True
