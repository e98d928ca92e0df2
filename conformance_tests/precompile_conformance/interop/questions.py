"""What consumers are asked about a bundle, with what the suite's own reader and model answer."""

from collections.abc import Iterator

from precompile.conformance.v1 import case_pb2, reading_pb2, script_pb2, testee_pb2
from precompile_conformance import model, reader
from precompile_conformance.asking import FILE, READER, case_of, reading
from precompile_conformance.interop.produce import Bundle, policy
from precompile_conformance.reader.read import open_all
from precompile_conformance.wire import sha256

_SHOWN = 1 << 20  # the longest content that stands in an answer


def of_sound(bundle: Bundle) -> Iterator[case_pb2.Case]:
    """Reading it whole and for hosts, each content, the policies, the digest; loading it."""
    data = bundle.data
    yield reading(data)
    yield reading(data, recover=True)
    for host in _hosts(data):
        yield reading(data, host=host)
    yield from _verifying(bundle)
    dump = reader.read(data)
    for id_ in dump.current:
        yield _extracting(data, id_.type, id_.key)
    yield _extracting(data, "test.blob", "there is none")
    yield _loading(data)


def of_damaged(bundle: Bundle, data: bytes) -> Iterator[case_pb2.Case]:
    """Reading a damaged copy, strictly and with recovery, and verifying it."""
    yield reading(data)
    yield reading(data, recover=True)
    if bundle.signers:
        yield reading(data, trust=policy(bundle.signers))


def _verifying(bundle: Bundle) -> Iterator[case_pb2.Case]:
    """All who signed, each of them, one of several, one too many, a stranger."""
    signers = bundle.signers or ("a",)
    for one in signers:
        yield reading(bundle.data, trust=policy([one]))
    yield reading(bundle.data, trust=policy(signers))
    yield reading(bundle.data, trust=policy([*signers, "stranger"], 1))
    yield reading(bundle.data, trust=policy([*signers, "stranger"]))
    yield reading(bundle.data, trust=policy(["stranger"]))
    digest = reader.read(bundle.data).bundle_digest
    yield reading(bundle.data, digest=digest)
    yield reading(bundle.data, digest=digest[::-1])


def _hosts(data: bytes) -> Iterator[reading_pb2.Host]:
    """A host without facts, and for each environment of the bundle the one it was saved on."""
    yield reading_pb2.Host()
    seen: list[reading_pb2.Host] = []
    for segment in open_all(data):
        host = reading_pb2.Host()
        for requirement in segment.manifest.requirements:
            host.facts.add(name=requirement.name, values=requirement.values)
        if host.facts and host not in seen:
            seen.append(host)
            yield host


def _extracting(data: bytes, type_name: str, key: str) -> case_pb2.Case:
    case = case_of("Reads one content of another producer's bundle.", READER)
    asked = case.request.extract
    asked.path, asked.type, asked.key = FILE, type_name, key
    try:
        content = reader.extract(data, type_name, key)
    except reader.Refused as fault:
        case.expected.rejection.CopyFrom(fault.message())
        return case
    extracted = case.expected.extracted
    extracted.SetInParent()
    if content is not None:
        extracted.found, extracted.content_size = True, len(content)
        extracted.content = content if len(content) <= _SHOWN else b""
        extracted.content_digest = sha256(content)
    return case


def _loading(data: bytes) -> case_pb2.Case:
    """A context that knows no type loads it, applies nothing, and gives it back."""
    case = case_of("Loads another producer's bundle.", testee_pb2.CONFORMANCE_CLASS_CONTEXT)
    script = case.request.script
    script.steps.add().use_context.name = "one"
    script.steps.add().load.path = FILE
    script.steps.append(script_pb2.Step(populate=script_pb2.Populate()))
    script.steps.append(script_pb2.Step(serialize=script_pb2.Serialize()))
    case.expected.script.CopyFrom(model.run(script, {FILE: data}))
    return case
