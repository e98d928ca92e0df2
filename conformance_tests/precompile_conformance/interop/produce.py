"""What producers are asked for, and the bundles that their answers hold."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from precompile.conformance.v1 import case_pb2, reading_pb2, testee_pb2
from precompile_conformance import reader
from precompile_conformance.asking import FILE, WRITER, case_of
from precompile_conformance.corpus import Case
from precompile_conformance.judge import Answer, without_places
from precompile_conformance.wire import sha256

# Seeds of the keys that sign, and their public keys (RFC 8032). They protect nothing.
SEEDS = {"a": b"\1" * 32, "b": b"\2" * 32}
KEYS = {
    "a": bytes.fromhex("8a88e3dd7409f195fd52db2d3cba5d72ca6709bf1d94121bf3748801b40f6f5c"),
    "b": bytes.fromhex("8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394"),
    "stranger": bytes.fromhex("fd1724385aa0c75b64fb78cd602fa1d991fdebf76b13c58ed702eac835e9f618"),
}
WRITING = ("write", "append", "concatenate", "sign", "script")
AREA = "INTEROP"  # of the cases that are made here


@dataclass(frozen=True)
class Bundle:
    """A bundle that testees made: by whom, when asked for what, and with whose signatures."""

    producer: str
    of: str  # the case that it answers
    data: bytes
    signers: tuple[str, ...] = ()


def is_production(case: Case) -> bool:
    """Whether what conforms in this case is a bundle."""
    outcome = case.message.expected.WhichOneof("outcome")
    kind = case.message.request.WhichOneof("request")
    return kind in WRITING and outcome in ("written", "script") and not case.message.recipe


def bundles_of(producer: str, answers: Mapping[str, Answer]) -> list[Bundle]:
    """The distinct bundles of a producer's answers, which are given by case."""
    found: dict[bytes, Bundle] = {}
    for id_, answer in sorted(answers.items()):
        for data in _bundles_in(answer):
            found.setdefault(sha256(data), Bundle(producer, id_, data))
    return list(found.values())


def _bundles_in(answer: Answer) -> Iterator[bytes]:
    response = answer.response
    kind = response.WhichOneof("response")
    if kind == "written":
        yield response.written.bundle
    elif kind in ("appended", "signed") and answer.file_after is not None:
        yield answer.file_after
    elif kind == "script":
        for result in response.script.results:
            if result.serialized.bundle:
                yield result.serialized.bundle


def extension_of(bundle: Bundle) -> case_pb2.Case | None:
    """Append to the bundle: something new, and content that is there; None where it is refused."""
    dump = _dump(bundle.data)
    if dump is None:
        return None
    case = case_of("Appends to another producer's bundle.", WRITER)
    case.request.append.path = FILE
    contents = {"interop new": b"content of another producer"}
    there = [one for one in dump.current if (one.type, one.key) not in _unreadable(dump)]
    if there:
        content = reader.extract(bundle.data, there[0].type, there[0].key)
        assert content is not None
        contents["interop again"] = content
    written = case.expected.written
    written.holds.CopyFrom(without_places(dump))
    written.keeps = len(bundle.data)
    segment = written.holds.segments.add(matches=True)
    for key, content in contents.items():
        kind, name = 1, "test.blob"
        case.request.append.segment.artifacts.add(type=name, key=key, kind=kind, content=content)
        digest, size = sha256(content), len(content)
        segment.artifacts.add(
            type=name, key=key, kind=kind, content_digest=digest, content_size=size
        )
        written.holds.current.add(type=name, key=key, content_digest=digest)
    return case


def signing_of(bundle: Bundle, key: str) -> case_pb2.Case | None:
    """Sign the bundle, beside those who did; None where it is refused or damaged."""
    dump = _dump(bundle.data)
    if dump is None or dump.HasField("content_fault"):
        return None
    case = case_of("Signs another producer's bundle.", WRITER)
    case.capabilities.append(testee_pb2.CAPABILITY_SIGNING)
    case.request.sign.path, case.request.sign.seed = FILE, SEEDS[key]
    written = case.expected.written
    written.holds.CopyFrom(without_places(dump))
    written.trust.CopyFrom(policy((*bundle.signers, key)))
    written.keeps_payloads = True
    return case


def policy(names: Sequence[str], threshold: int | None = None) -> reading_pb2.TrustPolicy:
    """A policy that asks for all of these keys, or for so many of them."""
    return reading_pb2.TrustPolicy(
        trusted_keys=[KEYS[name] for name in names],
        threshold=len(names) if threshold is None else threshold,
    )


def _dump(data: bytes) -> reading_pb2.BundleDump | None:
    try:
        return reader.read(data)
    except reader.Refused:
        return None


def _unreadable(dump: reading_pb2.BundleDump) -> set[tuple[str, str]]:
    artifacts = (one for segment in dump.segments for one in segment.artifacts)
    return {(one.type, one.key) for one in artifacts if one.HasField("content_fault")}
