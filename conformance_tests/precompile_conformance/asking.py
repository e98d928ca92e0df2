"""Cases made while testees run, with what the suite's own reader answers."""

from precompile.conformance.v1 import case_pb2, reading_pb2, testee_pb2
from precompile_conformance import reader

FILE = "input.precompile"
READER = testee_pb2.CONFORMANCE_CLASS_READER
VERIFIER = testee_pb2.CONFORMANCE_CLASS_VERIFIER
WRITER = testee_pb2.CONFORMANCE_CLASS_WRITER


def case_of(shows: str, class_: testee_pb2.ConformanceClass) -> case_pb2.Case:
    """A case that binds one class, nothing asked yet."""
    return case_pb2.Case(shows=shows, level=case_pb2.LEVEL_MUST, classes=[class_])


def reading(
    data: bytes,
    *,
    recover: bool = False,
    host: reading_pb2.Host | None = None,
    trust: reading_pb2.TrustPolicy | None = None,
    digest: bytes = b"",
    shows: str = "Reads another producer's bundle.",
) -> case_pb2.Case:
    """A case of a ReadRequest of `data`; bytes that are no bundle are refused in it."""
    asked = reading_pb2.ReadRequest(
        path=FILE, recover=recover, host=host, trust=trust, expected_digest=digest
    )
    case = case_of(shows, READER)
    if trust is not None or digest:
        case.classes.append(VERIFIER)
    if recover:
        case.capabilities.append(testee_pb2.CAPABILITY_RECOVERY)
    if trust is not None:
        case.capabilities.append(testee_pb2.CAPABILITY_SIGNATURES)
    case.request.read.CopyFrom(asked)
    try:
        case.expected.bundle.CopyFrom(reader.read(data, asked))
    except reader.Refused as fault:
        case.expected.rejection.CopyFrom(fault.message())
    return case
