"""FRAME to DET for writers: what is written is read with the suite's own reader."""

from dataclasses import replace

from builders.bases import MORE, PLAIN
from builders.case import WRITER, Built, Cases, case
from precompile.conformance.v1 import reading_pb2, writing_pb2
from precompile.v1 import artifact_pb2, environment_pb2
from precompile_conformance import reader
from precompile_conformance.build import Artifact, Segment, Value, bundle
from precompile_conformance.judge import without_places
from precompile_conformance.wire import sha256

FILE = "input.precompile"
FRAMING = "PCB-FRAME-001 PCB-FRAME-002 PCB-FRAME-008 PCB-BLOCK-001 PCB-BLOCK-002"
ENVELOPE = "PCB-ENV-001 PCB-ENV-003 PCB-DET-001 PCB-DET-002 PCB-DET-003 PCB-PLACE-004 PCB-TABLE-005"
CLEAN = "PCB-WIRE-009 PCB-EXT-002 PCB-EXT-006 PCB-BLOCK-009 PCB-ZSTD-001"
ONCE = "PCB-EXTENT-006"
FIRST = bundle(PLAIN).data


def described(segment: Segment) -> writing_pb2.SegmentDescription:
    """A segment, as builders describe it, as a writer is told it."""
    description = writing_pb2.SegmentDescription()
    for name, match, values in segment.requirements:
        description.requirements.append(
            environment_pb2.Requirement(name=name, match=match, values=values)  # type: ignore[arg-type]
        )
    for one in segment.artifacts:
        added = description.artifacts.add(
            type=one.type,
            key=one.key,
            kind=one.kind,
            content=one.content,
        )
        for type_name, key, digest in one.backends:
            added.backends.add(type=type_name, key=key, content_digest=digest)
        for name, value in one.attributes.items():
            kinds = {bytes: "bytes", str: "string", int: "int", float: "double", bool: "bool"}
            attribute = artifact_pb2.Attribute(name=name)
            setattr(attribute, f"{kinds[type(value)]}_value", value)
            added.attributes.append(attribute)
    for type_name, key in segment.removed:
        description.removed.add(type=type_name, key=key)
    return description


def sorted_for_readers(segment: Segment) -> Segment:
    """The segment as it has to be written: requirements and values in order."""
    ordered = sorted((n, m, sorted(set(v), key=str.encode)) for n, m, v in segment.requirements)
    return replace(segment, requirements=ordered)


def holds(*segments: Segment) -> reading_pb2.BundleDump:
    """What a reader finds in a bundle of these segments, places apart."""
    return without_places(reader.read(bundle(*map(sorted_for_readers, segments)).data))


def writes(id_: str, shows: str, rules: str, *segments: Segment, most_bytes: int = 0) -> Built:
    """A bundle to be written."""
    once = rules == ONCE
    message = case(id_, shows, rules, classes=[WRITER], should=once)
    message.expected.written.equal_content_once = once
    message.request.write.spec_version = "1.0"
    message.request.write.segments.extend(map(described, segments))
    message.expected.written.holds.CopyFrom(holds(*segments))
    message.expected.written.most_bytes = most_bytes
    return Built(message)


def misuses(id_: str, shows: str, rules: str, segment: Segment, base: str, defect: str) -> Built:
    """A description that no bundle can say."""
    message = case(id_, shows, rules, classes=[WRITER], base=base, defect=defect)
    message.request.write.spec_version = "1.0"
    message.request.write.segments.append(described(segment))
    message.expected.misuse.SetInParent()
    return Built(message)


NEW = Segment(artifacts=(Artifact("new", b"appended"),))
EVERY: dict[str, Value] = {
    "raw": b"\0\xff",
    "text": "ä\u2028😀",
    "number": -(2**63),
    "ratio": -0.0,
    "flag": True,
}


def cases() -> Cases:
    """All cases of the areas."""
    yield from _written()
    yield from _misused()


def _written() -> Cases:
    yield writes("WRITE/one-artifact", "The smallest bundle with content.",
                 f"{FRAMING} {ENVELOPE} {CLEAN}", NEW)  # fmt: skip
    yield writes("WRITE/nothing", "A segment without anything in it.",
                 f"PCB-FRAME-001 PCB-FRAME-002 PCB-DET-003 {CLEAN}", Segment())  # fmt: skip
    yield writes("WRITE/empty-content", "Empty content needs no block.", "PCB-FRAME-014"
                 " PCB-PLACE-004", Segment(artifacts=(Artifact("empty"),)))  # fmt: skip
    out_of_order = Segment(artifacts=tuple(Artifact(key, key.encode()) for key in "zamb"))
    yield writes("WRITE/order-of-recording", "Artifacts stand in the order of recording.",
                 "PCB-DET-004", out_of_order)  # fmt: skip
    yield writes("WRITE/chain-of-three", "Each segment names the one before.", "PCB-CHAIN-001",
                 PLAIN, MORE, NEW)  # fmt: skip
    attributes = Segment(artifacts=(Artifact("k", b"c", attributes=EVERY),))
    yield writes("WRITE/attributes", "Attributes of every type, sorted by name.",
                 "PCB-ART-004 PCB-DET-003", attributes)  # fmt: skip
    defaults: dict[str, Value] = {"a": b"", "b": "", "c": 0, "d": 0.0, "e": False}
    yield writes("WRITE/attributes-of-default-values", "A member of a oneof is written though 0.",
                 "PCB-DET-003",
                 Segment(artifacts=(Artifact("k", b"c", attributes=defaults),)))  # fmt: skip
    asked = [("z.last", 1, ["b", "a", "b"]), ("a.first", 2, []), ("m", 1, ["\U00010000", "\uffff"])]
    yield writes("WRITE/requirements", "Requirements and values are sorted, repeats taken out.",
                 "PCB-REQ-001 PCB-REQ-003", replace(NEW, requirements=asked))  # fmt: skip
    entry = Segment(artifacts=(
        Artifact("g", b"graph", type="t.graph", kind=2),
        Artifact("e", b"entry", type="t.entry", kind=3,
                 backends=[("t.graph", "g", sha256(b"graph")), ("t.graph", "later", b"")]),
    ))  # fmt: skip
    yield writes("WRITE/entry-with-backends", "Backends are named with their digests, or none.",
                 "PCB-ART-001", entry)  # fmt: skip
    yield writes("WRITE/removal", "A removal has no digest.", "PCB-CURR-005",
                 PLAIN, replace(NEW, removed=[("test.blob", "one")]))  # fmt: skip
    noise = sha256(b"1") + sha256(b"2") + sha256(b"3")
    same = Segment(artifacts=tuple(Artifact(f"{i:02}", noise * 4) for i in range(20)))
    yield writes("WRITE/equal-content-once", "Twenty artifacts of one content take it once.",
                 ONCE, same, most_bytes=5000)  # fmt: skip
    again = Segment(artifacts=(Artifact("again", noise * 4),))
    yield writes("WRITE/equal-content-once-in-a-chain", "A later segment refers to the content.",
                 ONCE, same, again, most_bytes=5600)  # fmt: skip
    repetitive = Segment(artifacts=(Artifact("zeros", bytes(30_000)),))
    yield writes("WRITE/compressible", "Content that compresses well.",
                 "PCB-ZSTD-001 PCB-BLOCK-009", repetitive)  # fmt: skip
    text = b" ".join(b"line %06d of a listing that compresses well," % i for i in range(35_000))
    yield writes("WRITE/compressible-of-1600-kib", "More content than an encoder takes at once: its"
                 " frame states its size all the same.", "PCB-ZSTD-001",
                 Segment(artifacts=(Artifact("listing", text),)))  # fmt: skip
    mixed = [("a", "t.two", 1), ("b", "t.one", 2), ("c", "t.two", 1), ("d", "t.two", 3),
             ("e", "t.one", 2), ("f", "t.one", 1)]  # fmt: skip
    types = Segment([Artifact(key, key.encode(), name, kind) for key, name, kind in mixed])
    yield writes("WRITE/types-in-order-of-use", "Each type and kind is listed once, in the order"
                 " in which artifacts have them.", "PCB-TABLE-005 PCB-DET-004", types)  # fmt: skip
    some = Segment([
        Artifact(f"{i}", b"x", kind=3 if i == 4 else 1, attributes={"i": i} if i in (1, 5) else {},
                 backends=[("t.b", "g", b"")] if i == 4 else ())
        for i in range(7)
    ])  # fmt: skip
    yield writes("WRITE/details-of-some", "A detail for each artifact that has any, in order.",
                 "PCB-TABLE-005 PCB-ART-004", some)  # fmt: skip
    keys = ("k" * 1024, "€" * 341, "../../etc/passwd", "ä", "a\u0308", "\ufeff")
    odd = Segment(artifacts=tuple(Artifact(k, bytes([i])) for i, k in enumerate(keys)))
    yield writes("WRITE/keys-at-the-edge", "Keys that are names and no paths.", "PCB-NAME-004",
                 odd)  # fmt: skip
    many = Segment(artifacts=tuple(Artifact(f"{i:04}", f"{i}".encode()) for i in range(150)))
    yield writes("WRITE/150-artifacts", "Many small contents share blocks.",
                 "PCB-BLOCK-001 PCB-LIM-006 PCB-PLACE-004", many)  # fmt: skip


def _misused() -> Cases:
    base = "WRITE/one-artifact"
    wrong: dict[str, tuple[str, Artifact]] = {
        "type-capital": ("PCB-NAME-004", Artifact("k", b"c", type="Test")),
        "type-empty": ("PCB-NAME-004", Artifact("k", b"c", type="")),
        "type-129-bytes": ("PCB-NAME-004", Artifact("k", b"c", type="a" * 129)),
        "key-empty": ("PCB-NAME-004", Artifact("", b"c")),
        "key-newline": ("PCB-NAME-004", Artifact("a\nb", b"c")),
        "key-1025-bytes": ("PCB-NAME-004", Artifact("k" * 1025, b"c")),
        "kind-0": ("PCB-EXT-006", Artifact("k", b"c", kind=0)),
        "kind-9": ("PCB-EXT-006", Artifact("k", b"c", kind=9)),
        "attribute-name": ("PCB-NAME-004", Artifact("k", b"c", attributes={"A b": 1})),
        "backends-of-a-cache": (
            "PCB-ART-003",
            Artifact("k", b"c", backends=[("t.graph", "g", b"")]),
        ),
    }
    for name, (rule, artifact) in wrong.items():
        yield misuses(
            f"WRITE/misuse-{name}", "What no reader would accept is not written.", rule,
            Segment(artifacts=(artifact,)), base, name.replace("-", " "),
        )  # fmt: skip
    yield misuses(
        "WRITE/misuse-artifact-twice", "An artifact is described once.", "PCB-NAME-004",
        Segment(artifacts=(Artifact("k", b"1"), Artifact("k", b"2"))), base, "a name twice",
    )  # fmt: skip
    for name, requirement in {"requirement-name": ("Gpu", 1, ["a"]),
                              "requirement-match": ("gpu", 9, ["a"]),
                              "requirement-value": ("gpu", 1, ["v" * 1025])}.items():  # fmt: skip
        rule = "PCB-EXT-006" if name == "requirement-match" else "PCB-NAME-004"
        yield misuses(
            f"WRITE/misuse-{name}", "A requirement that no reader would accept.", rule,
            replace(NEW, requirements=[requirement]), base, name.replace("-", " "),
        )  # fmt: skip
    yield misuses(
        "WRITE/misuse-requirement-twice", "A fact is required once.", "PCB-REQ-001",
        replace(NEW, requirements=[("a", 1, ["x"]), ("a", 2, ["y"])]), base, "a fact twice",
    )  # fmt: skip
