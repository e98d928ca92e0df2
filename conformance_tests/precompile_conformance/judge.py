"""Whether a testee's answer is what a case expects."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from google.protobuf.message import Message

from precompile.conformance.v1 import case_pb2, reading_pb2, script_pb2, testee_pb2
from precompile.v1 import error_pb2
from precompile_conformance import details, reader, signing, writer_rules
from precompile_conformance.differences import differences
from precompile_conformance.reader import Refused
from precompile_conformance.reader.read import open_all

_MOST_LINES = 12
# What a difference says was expected: no part of what was observed.
_EXPECTED = re.compile(r"expected .*?, got ")
_DIGEST_MISMATCH = error_pb2.ErrorCode.ERROR_CODE_DIGEST_MISMATCH
# So many places at which an answer differs are part of what was observed.
_MOST_OBSERVED = 3


@dataclass(frozen=True)
class Answer:
    """What a testee did: its response, and what the judge needs to know beside it.

    `again` is its answer to the same request once more; `inputs` are the bytes of the
    case's files as they were, `file_after` those of a file that the request is to change.
    """

    response: testee_pb2.Response
    inputs: Sequence[bytes] = ()
    again: testee_pb2.Response | None = None
    file_after: bytes | None = None


@dataclass(frozen=True)
class Verdict:
    """What was observed, in few words, and how it differs; no differences: it conforms.

    Of a difference the first line alone is part of what was observed; more of it is for people.
    """

    observed: str
    differences: tuple[str, ...] = field(default=())

    @property
    def conforms(self) -> bool:
        """Whether the answer is one of those that the case allows."""
        return not self.differences


def judge(case: case_pb2.Case, answer: Answer) -> Verdict:
    """The verdict on an answer, against the expected outcome and then its alternatives."""
    first = tuple(_compare(case.expected, answer) or _signed(case, answer))
    for alternative in case.alternatives if first else ():
        if not tuple(_compare(alternative.expected, answer)):
            return Verdict(observed(answer.response))
    of_kind = _is_of_kind(case.expected, answer.response)
    return Verdict(observed(answer.response, first if of_kind else ()), first)


def _signed(case: case_pb2.Case, answer: Answer) -> list[str]:
    """How a file that was to be signed in its place is not what that makes of it."""
    if not case.request.HasField("sign") or answer.file_after is None:
        return []
    if case.expected.WhichOneof("outcome") != "written":
        return []
    return list(signing.faults(answer.inputs[0], answer.file_after, case.request.sign.seed))


def observed(response: testee_pb2.Response, differences: Sequence[str] = ()) -> str:
    """An answer in few words: its kind and, where that is right, what came where it differs.

    It is the same as often as the testee gives the same answer, so that it can be listed as
    an expected failure.
    """
    which = response.WhichOneof("response") or "nothing"
    kind = f"rejected {code_name(response.rejection)}" if which == "rejection" else which
    # A step that went wrong makes later ones differ, and a rejection's code is told already.
    step = differences[0].partition(":")[0] if differences and which == "script" else ""
    lines = [_EXPECTED.sub("got ", line.partition("\n")[0], count=1) for line in differences]
    told = [line for line in lines if line.startswith(step) and not line.startswith("code:")]
    more = [f"{len(told) - _MOST_OBSERVED} more"] if len(told) > _MOST_OBSERVED else []
    places = "; ".join([*told[:_MOST_OBSERVED], *more])
    return f"{kind}, {places}" if places else kind


def code_name(rejection: reading_pb2.Rejection) -> str:
    """`TRUNCATED` for ERROR_CODE_TRUNCATED."""
    try:
        return error_pb2.ErrorCode.Name(rejection.code).removeprefix("ERROR_CODE_")
    except ValueError:
        return str(rejection.code)


def _compare(expected: case_pb2.Expected, answer: Answer) -> list[str]:
    response = answer.response
    wanted = expected.WhichOneof("outcome") or "nothing"
    if not _is_of_kind(expected, response):
        return [f"expected {_outcome(expected)}, got {_response(response)}"]
    if wanted == "written":
        return _written(expected.written, answer)
    if wanted == "script":
        return _script(expected.script, response.script, answer.inputs)[:_MOST_LINES]
    found = _of_kind(wanted, expected, response)
    if wanted == "rejection" and answer.file_after not in (None, *answer.inputs[:1]):
        found.append("the file was refused and changed all the same")
    return found[:_MOST_LINES]


def _is_of_kind(expected: case_pb2.Expected, response: testee_pb2.Response) -> bool:
    which = response.WhichOneof("response") or "nothing"
    wanted = expected.WhichOneof("outcome") or "nothing"
    return which in (("written", "appended", "signed") if wanted == "written" else (wanted,))


def _of_kind(kind: str, expected: case_pb2.Expected, response: testee_pb2.Response) -> list[str]:
    if kind == "rejection":
        return _rejection(expected.rejection, response.rejection)
    if kind == "bundle":
        return list(_message(expected.bundle, response.bundle))
    if kind == "extracted":
        return _extracted(expected.extracted, response.extracted)
    return []  # misuse: its detail is for people


def _rejection(expected: reading_pb2.Rejection, got: reading_pb2.Rejection) -> list[str]:
    found = list(_message(expected, got))
    # [PCB-CHAIN-004] Of a whole bundle, another digest is at fault at no place in it.
    if expected.code == _DIGEST_MISMATCH and not expected.HasField("offset"):
        found += [f"offset: not expected ({got.offset})"] if got.HasField("offset") else []
    return found


def _outcome(expected: case_pb2.Expected) -> str:
    which = expected.WhichOneof("outcome") or "nothing"
    return f"rejection {code_name(expected.rejection)}" if which == "rejection" else which


def _response(response: testee_pb2.Response) -> str:
    which = response.WhichOneof("response") or "nothing"
    if which == "rejection":
        rejection = response.rejection
        where = f" at byte {rejection.offset}" if rejection.HasField("offset") else ""
        return f"rejection {code_name(rejection)}{where}: {rejection.detail}"
    if which in ("unsupported", "misuse"):
        return f"{which}: {getattr(response, which).detail}"
    return which


def _message(expected: Message, got: Message) -> list[str]:
    """The differences, details and offsets that the case leaves open apart."""
    wanted, found = type(expected)(), type(got)()
    wanted.CopyFrom(expected)
    found.CopyFrom(got)
    _leave_open(wanted, found)
    return details.beside(differences(wanted, found), got)


def _leave_open(expected: Message, got: Message) -> None:
    if isinstance(expected, reading_pb2.Rejection) and isinstance(got, reading_pb2.Rejection):
        expected.ClearField("detail")
        got.ClearField("detail")
        if not expected.HasField("offset"):
            got.ClearField("offset")
        return
    for field_, value in expected.ListFields():
        if field_.message_type is None:
            continue
        other = getattr(got, field_.name)
        if isinstance(value, Message):
            if got.HasField(field_.name):
                _leave_open(value, other)
        else:
            for a, b in zip(value, other, strict=False):
                _leave_open(a, b)


def _extracted(expected: reading_pb2.Extracted, got: reading_pb2.Extracted) -> list[str]:
    open_content = reading_pb2.Extracted()
    open_content.CopyFrom(got)
    if not expected.content:
        open_content.ClearField("content")
    return list(differences(expected, open_content))


def _written(expected: case_pb2.WrittenBundle, answer: Answer) -> list[str]:
    data = answer.file_after
    if data is None:
        data = answer.response.written.bundle
        if answer.again is not None and answer.again.written.bundle != data:
            return ["the same request gave other bytes the second time"]
    original = b"".join(answer.inputs)
    if not data.startswith(original[: expected.keeps]):
        return [f"the first {expected.keeps} bytes of the input are not kept"]
    if expected.is_concatenation and data != original:
        return ["the result is not the concatenation of the inputs"]
    if expected.most_bytes and len(data) > expected.most_bytes:
        return [f"{len(data)} bytes were written, {expected.most_bytes} are enough"]
    by_others = expected.is_concatenation or expected.keeps_payloads
    since = len(data) if by_others else expected.keeps
    lines = _holds(expected.holds, data, since, once=expected.equal_content_once)
    if expected.HasField("trust") and not lines:
        lines += _trusted(expected.trust, data)
    if expected.keeps_payloads and not lines and _kept(data) != _kept(original):
        lines.append("payloads or blocks are not those of the input")
    return lines


def _trusted(policy: reading_pb2.TrustPolicy, data: bytes) -> list[str]:
    try:
        reader.read(data, reading_pb2.ReadRequest(trust=policy))
    except Refused as fault:
        return [f"the policy refuses what was signed: {fault.code}\nat byte {fault.offset}"]
    return []


def _kept(data: bytes) -> list[tuple[bytes, bytes]]:
    """What a signature leaves as it is: each segment's bytes before its manifest, its payload."""
    frames = [one.frame for one in open_all(data)]
    return [(data[f.offset : f.manifest_offset], f.envelope.payload) for f in frames]


def _holds(
    expected: reading_pb2.BundleDump, data: bytes, since: int, *, once: bool = False
) -> list[str]:
    """What a reader finds in bytes that a testee wrote, from `since` on, beside what it should."""
    try:
        found = reader.read(data)
    except Refused as fault:
        at = f"at byte {fault.offset}: {fault.detail}"
        return [f"what was written is refused: {fault.code}\n{at}"]
    lines = _message(without_places(expected), without_places(found))
    return lines + list(writer_rules.faults(data, since, once=once))


def without_places(dump: reading_pb2.BundleDump) -> reading_pb2.BundleDump:
    """The dump without what depends on how a writer packs and compresses."""
    shape = reading_pb2.BundleDump()
    shape.CopyFrom(dump)
    for name in ("bundle_digest", "size", "ignored"):
        shape.ClearField(name)
    for segment in shape.segments:
        for name in ("offset", "size", "payload_digest", "producer"):
            segment.ClearField(name)
    return shape


def _script(
    expected: script_pb2.ScriptResponse, got: script_pb2.ScriptResponse, inputs: Sequence[bytes]
) -> list[str]:
    """The bytes of the files come first in what is serialized: another writer's."""
    loaded = sum(map(len, inputs))
    if len(expected.results) != len(got.results):
        return [f"expected {len(expected.results)} results, got {len(got.results)}"]
    lines: list[str] = []
    for index, (wanted, found) in enumerate(zip(expected.results, got.results, strict=True)):
        step = [f"step {index}: {line}" for line in _step(wanted, found)]
        if wanted.serialized.HasField("holds") and not step:
            step = [f"step {index}: {line}" for line in _bundle(wanted, index, got, loaded)]
        if wanted.HasField("saved") and not step:
            step = [f"step {index}: {line}" for line in _file(wanted, index, got, inputs)]
        lines += step
    return lines


def _step(expected: script_pb2.StepResult, got: script_pb2.StepResult) -> list[str]:
    wanted, found = script_pb2.StepResult(), script_pb2.StepResult()
    wanted.CopyFrom(expected)
    found.CopyFrom(got)
    which = wanted.WhichOneof("result")
    if which != found.WhichOneof("result"):
        return [f"expected {which}, got {found.WhichOneof('result')}{_refusal(found)}"]
    if which == "misuse":
        found.misuse.ClearField("detail")
        wanted.misuse.ClearField("detail")
    if which == "serialized":
        for name in ("holds", "same_as_step", "extends_step", "bundle"):
            wanted.serialized.ClearField(name)
        if not expected.serialized.HasField("holds") and found.serialized.bundle:
            return ["expected nothing to be serialized, got a bundle"]
        found.serialized.ClearField("bundle")
    if which == "saved":
        for name in ("file", "holds", "keeps", "same_as_step", "extends_step"):
            wanted.saved.ClearField(name)
        found.saved.ClearField("file")
    _leave_open(wanted, found)
    return details.beside(differences(wanted, found), got)


def _refusal(result: script_pb2.StepResult) -> str:
    if result.WhichOneof("result") == "rejection":
        return f" {code_name(result.rejection)}\n{result.rejection.detail}"
    return f"\n{result.misuse.detail}" if result.WhichOneof("result") == "misuse" else ""


def _bundle(
    expected: script_pb2.StepResult, index: int, got: script_pb2.ScriptResponse, loaded: int
) -> list[str]:
    """The serialized bundle of a step, beside what it must hold and earlier ones."""
    wanted, data = expected.serialized, got.results[index].serialized.bundle
    earlier = [one.serialized.bundle for one in got.results]
    return _beside(wanted, data, earlier) or _holds(wanted.holds, data, loaded)


def _file(
    expected: script_pb2.StepResult,
    index: int,
    got: script_pb2.ScriptResponse,
    inputs: Sequence[bytes],
) -> list[str]:
    """The file that a step saved to, beside what it must hold and was."""
    wanted, data = expected.saved, got.results[index].saved.file
    if not wanted.holds.segments:
        return ["nothing was to be saved, and the file is not empty"] if data else []
    kept = [one[: wanted.keeps] for one in inputs if len(one) >= wanted.keeps]
    if wanted.keeps and not any(map(data.startswith, kept)):
        return [f"the first {wanted.keeps} bytes of the file are not kept"]
    earlier = [one.saved.file for one in got.results]
    return _beside(wanted, data, earlier) or _holds(wanted.holds, data, wanted.keeps)


def _beside(
    wanted: script_pb2.SerializeResult | script_pb2.SaveResult,
    data: bytes,
    earlier: Sequence[bytes],
) -> list[str]:
    """What was written, beside what earlier steps wrote."""
    if wanted.HasField("same_as_step"):
        if data != earlier[wanted.same_as_step]:
            return [f"the bundle is not that of step {wanted.same_as_step}, byte for byte"]
    elif wanted.HasField("extends_step"):
        before = earlier[wanted.extends_step]
        if not data.startswith(before) or len(data) <= len(before):
            return [f"the bundle does not begin with that of step {wanted.extends_step}"]
    return []
