"""What signing a file in its place makes of it: beside payloads and blocks, its envelopes."""

from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from google.protobuf.message import Message

from precompile.v1 import bundle_pb2
from precompile_conformance.reader.frame import Frame
from precompile_conformance.reader.read import open_all
from precompile_conformance.reader.trust import pre_authentication_encoding
from precompile_conformance.wire import MANIFEST_TAG, record, sha256


def faults(before: bytes, after: bytes, seed: bytes) -> Iterator[str]:
    """What is wrong with a file that the key of `seed` signed; its payloads are those before."""
    frames = [[one.frame for one in open_all(data)] for data in (before, after)]
    envelopes = [[frame.envelope for frame in each] for each in frames]
    for index, (was, now) in enumerate(zip(*frames, strict=True)):
        # [PCB-DET-003] An envelope that another writer encoded otherwise may stay as it is.
        if _is_in_order(was, before) and not _is_in_order(now, after):
            yield f"segment {index}: its envelope is not encoded deterministically"
    changes = False
    for index, (old, new) in enumerate(zip(*envelopes, strict=True)):
        wanted = signatures_of(old, Ed25519PrivateKey.from_private_bytes(seed))
        changes |= wanted != list(old.signatures)
        if list(new.signatures) != wanted:
            yield (
                f"segment {index}: its signatures are not the others as they were, in their order,"
                " and the one that was to be added"
            )
        if _unknown(new) != _unknown(old):
            yield f"segment {index}: unknown fields of its envelope are not kept"
    if not changes and after != before:
        yield "there was nothing to add, and the file is another"


def signatures_of(
    envelope: bundle_pb2.Envelope, key: Ed25519PrivateKey
) -> list[bundle_pb2.Signature]:
    """The signatures that an envelope has once the key has signed it."""
    keyid = sha256(key.public_key().public_bytes_raw()).hex()
    message = pre_authentication_encoding(envelope.payload_type.encode(), envelope.payload)
    added = bundle_pb2.Signature(sig=key.sign(message), keyid=keyid)
    own = [one for one in envelope.signatures if one.keyid == keyid]
    if own == [added]:
        return list(envelope.signatures)
    return [*(one for one in envelope.signatures if one.keyid != keyid), added]


def _is_in_order(frame: Frame, data: bytes) -> bool:
    encoded = record(MANIFEST_TAG, frame.envelope.SerializeToString(deterministic=True))
    return encoded == data[frame.manifest_offset : frame.footer_offset]


def _unknown(message: Message) -> bytes:
    """The fields that the schema does not know, as they stand."""
    rest = type(message)()
    rest.CopyFrom(message)
    for field, _ in message.ListFields():
        rest.ClearField(field.name)
    return rest.SerializeToString()
