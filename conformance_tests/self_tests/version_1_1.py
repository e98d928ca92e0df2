"""A writer of a version that there is not: 1.1, with what each kind of addition looks like.

What an old reader can ignore is simply there. What it must not ignore takes a name in
`required_features`, and another encoding of manifests another payload_type.
"""

from dataclasses import replace

from builders.decode import payload_of
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Segment, bundle
from precompile_conformance.tables import ARTIFACTS, manifest_of
from precompile_conformance.wire import record, varint

ARTIFACT = Artifact("kernel", b"content of a kernel", attributes={"arch": "sm_90"})
FEATURE = "content.deltas"
PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1.1+columnar"


def _field(number: int, value: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(value)) + value


PRIORITIES = _field(16, b"\x07")  # a column of the table
COMMENT = _field(17, b"built at night")  # of the manifest


def ignorable() -> bytes:
    """A bundle with a column and a field more, and a segment of a kind of artifacts added later."""
    message = bundle_pb2.Manifest.FromString(payload_of(Segment((ARTIFACT,))))
    table = message.artifacts.SerializeToString(deterministic=True) + PRIORITIES
    first = Segment((ARTIFACT,), payload=manifest_of(message, table) + COMMENT)
    return bundle(first, Segment((replace(ARTIFACT, key="later", kind=4),))).data


def with_a_feature() -> bytes:
    """A bundle whose second segment says `content` otherwise: who does not know how must refuse."""
    message = bundle_pb2.Manifest(required_features=[FEATURE])
    odd = message.SerializeToString() + record(ARTIFACTS, record(0x22, b"deltas, not digests"))
    return bundle(Segment((ARTIFACT,)), Segment(payload=odd, chained=False)).data


def of_another_encoding() -> bytes:
    """A bundle whose second manifest is no message of protobuf."""
    return bundle(
        Segment((ARTIFACT,)), Segment(payload=b"\xffcolumns\xff", payload_type=PAYLOAD_TYPE)
    ).data
