"""Keys for tests, and signed bundles, with signatures that may lie."""

from collections.abc import Sequence
from dataclasses import replace

from precompile.v1.bundle_pb2 import Envelope, Signature
from precompile_conformance.build import PAYLOAD_TYPE, BuiltBundle, Segment, bundle
from precompile_context.trust import SigningKey, TrustPolicy, dsse

ALICE, BOB, CAROL, MALLORY = (SigningKey.generate() for _ in range(4))


def trusts(*keys: SigningKey, threshold: int = 1) -> TrustPolicy:
    """A policy of these keys' public halves."""
    return TrustPolicy([key.verifying_key for key in keys], threshold=threshold)


def signature(key: SigningKey, payload: bytes, keyid: str | None = None) -> Signature:
    """A signature over a payload, under the key's own keyid or another one."""
    sig = key.sign(dsse.message(PAYLOAD_TYPE, payload))
    return Signature(sig=sig, keyid=key.keyid if keyid is None else keyid)


def envelope(payload: bytes, *signatures: Signature) -> Envelope:
    """An envelope with these signatures, whatever they are of."""
    return Envelope(payload=payload, payload_type=PAYLOAD_TYPE, signatures=signatures)


def signed(*segments: Segment, by: Sequence[SigningKey] = (ALICE,)) -> BuiltBundle:
    """The bundle with each segment signed by all of these keys."""
    built = bundle(*segments)
    return with_signatures(
        segments, [[signature(key, segment.payload) for key in by] for segment in built.segments]
    )


def with_signatures(
    segments: Sequence[Segment], signatures: Sequence[Sequence[Signature]]
) -> BuiltBundle:
    """The bundle with these signatures on each segment."""
    return bundle(
        *(
            replace(segment, envelope_tail=Envelope(signatures=given).SerializeToString())
            for segment, given in zip(segments, signatures, strict=True)
        )
    )
