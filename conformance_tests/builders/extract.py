"""CONT and CURR by extraction: one artifact's content, without reading the others."""

from typing import Unpack

from builders.bases import CONTENT, GOOD, PLAIN, beside_good
from builders.case import INPUT, READER, Built, Cases, Options, case, rejection
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import sha256


def _asked(
    name: str, shows: str, rules: str, data: bytes, key: str, **options: Unpack[Options]
) -> Built:
    message = case(f"EXTRACT/{name}", shows, rules, classes=[READER], **options)
    message.request.extract.path = INPUT
    message.request.extract.type, message.request.extract.key = "test.blob", key
    return Built(message, {INPUT: data})


def _found(name: str, shows: str, rules: str, data: bytes, key: str, content: bytes) -> Built:
    made = _asked(name, shows, rules, data, key)
    extracted = made.message.expected.extracted
    extracted.found, extracted.content = True, content
    extracted.content_size, extracted.content_digest = len(content), sha256(content)
    return made


def cases() -> Cases:
    """All cases of the area."""
    block = Block(CONTENT, stored=b"?" * 40, entry={"digest": sha256(CONTENT)})
    damaged = beside_good(block)
    yield _found("beside-damage", "Damage costs what lies in its block and no other.",
                 "PCB-READ-004 PCB-CONT-001", damaged.data, "good", GOOD.content)  # fmt: skip
    made = _asked("damaged", "Content that is not its digest's is not handed out.",
                  "PCB-CONT-001 PCB-CONT-002", damaged.data, "one", base="EXTRACT/beside-damage",
                  defect="the artifact that is asked for is the damaged one")  # fmt: skip
    at = damaged.segments[0].block_offsets[1]
    made.message.expected.rejection.CopyFrom(rejection("DIGEST_MISMATCH", at))
    yield made
    newer = Segment(artifacts=(Artifact("one", b"newer"),))
    yield _found("superseded", "The current content is given.", "PCB-CURR-002",
                 bundle(PLAIN, newer).data, "one", b"newer")  # fmt: skip
    gone = Segment(removed=[("test.blob", "one")])
    made = _asked("removed", "What was removed is not there.", "PCB-CURR-003",
                  bundle(PLAIN, gone).data, "one")  # fmt: skip
    made.message.expected.extracted.SetInParent()
    yield made
    made = _asked("truncated", "A bundle that is refused gives nothing.", "PCB-READ-003",
                  bundle(PLAIN).data[:-1], "one", base="FRAME/one-segment",
                  defect="cut by a byte")  # fmt: skip
    made.message.expected.rejection.CopyFrom(rejection("TRUNCATED", len(bundle(PLAIN).data) - 1))
    yield made
    many = Segment(artifacts=tuple(Artifact(f"{i:04}", b"x") for i in range(3000)),
                   blocks=(Block(b"x"),))  # fmt: skip
    yield _found("one-of-3000", "3,000 artifacts in one block.", "PCB-LIM-001 PCB-READ-010",
                 bundle(many).data, "2999", b"x")  # fmt: skip
    yield _found("part-of-a-block", "A range in the middle of a block.", "PCB-CONT-001",
                 bundle(_parts()).data, "part", b"3456")  # fmt: skip


def _parts() -> Segment:
    parts = (Artifact("all", b"0123456789"), Artifact("part", b"3456"))
    return Segment(artifacts=parts, blocks=(Block(b"0123456789"),))
