"""LIM: what every reader takes, and what it refuses by a limit's code."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, detail_of, edits, kind_of_first, two
from builders.case import LIMITS, Cases, accepts, refuses, within
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import HEADER, record

LISTS: dict[str, Edit] = {
    "removed": lambda m: [m.removed.add(type="t", key=f"{i:03}") for i in range(300)],
    "attributes": lambda m: [detail_of(m).attributes.add(name=f"a{i:03}") for i in range(300)],
    "values": lambda m: m.requirements.add(
        name="a", match=1, values=[f"{i:03}" for i in range(300)]
    ),
    "requirements": lambda m: [m.requirements.add(name=f"a{i:03}", match=1) for i in range(300)],
    "backends": edits(
        kind_of_first(3),
        lambda m: [detail_of(m).backends.add(type="t", key=f"{i:03}") for i in range(300)],
    ),
    "backends-of-a-cache": lambda m: [
        detail_of(m).backends.add(type="t", key=f"{i:03}") for i in range(300)
    ],
    "types": lambda m: [m.artifacts.types.add(name=f"t{i:03}", kind=1) for i in range(300)],
}


def cases() -> Cases:
    """All cases of the area."""
    yield from _items()
    yield from _segments_and_manifests()
    yield from _content()


def _items() -> Cases:
    for name, edit in LISTS.items():
        built = bundle(replace(PLAIN, edit=edit))
        yield accepts(
            f"LIM/items-{name}", f"300 {name} are within every reader's limits.",
            "PCB-LIM-001", built,
        )  # fmt: skip
        yield refuses(
            f"LIM/items-{name}-over", f"Each of the {name} counts as an item.",
            "PCB-LIM-003 PCB-LIM-005", built, "LIMIT_EXCEEDED", built.segments[0].manifest_offset,
            base=f"LIM/items-{name}", defect="the limit items is 200",
            asked=within(items=200), needs=[LIMITS],
        )  # fmt: skip
    details = Segment(artifacts=tuple(Artifact(f"{i:03}") for i in range(150)), edit=_details)
    built = bundle(details)
    for name, limit in {"details": 301, "details-over": 300}.items():  # and one type
        if name == "details":
            yield accepts(
                "LIM/items-details", "A detail counts as an item, whatever it holds.",
                "PCB-LIM-003 PCB-LIM-005", built, asked=within(items=limit), needs=[LIMITS],
            )  # fmt: skip
        else:
            yield refuses(
                "LIM/items-details-over", "A detail counts as an item, whatever it holds.",
                "PCB-LIM-003 PCB-LIM-005", built, "LIMIT_EXCEEDED",
                built.segments[0].manifest_offset, base="LIM/items-details",
                defect="the limit items is one less", asked=within(items=limit), needs=[LIMITS],
            )  # fmt: skip
    items = 5 + 3  # in each segment a type, and a block and a key for each content
    yield accepts(
        "LIM/items-exactly", "Items are counted over all manifests; the limit itself is taken.",
        "PCB-LIM-003 PCB-LIM-005", two(), asked=within(items=items), needs=[LIMITS],
    )  # fmt: skip
    built = two()
    yield refuses(
        "LIM/items-over-in-the-second", "Items are counted over all manifests.", "PCB-LIM-003",
        built, "LIMIT_EXCEEDED", built.segments[1].manifest_offset, base="LIM/items-exactly",
        defect="the limit items is one less", asked=within(items=items - 1), needs=[LIMITS],
    )  # fmt: skip


def _details(manifest: bundle_pb2.Manifest) -> None:
    """A detail of each artifact, without anything in it."""
    for index in range(len(manifest.artifacts.key)):
        manifest.artifacts.details.add(artifact=index)


def _segments_and_manifests() -> Cases:
    five = bundle(*[Segment()] * 5)
    yield accepts(
        "LIM/segments-exactly", "Five segments under a limit of five.", "PCB-LIM-003 PCB-LIM-005",
        five, asked=within(segments=5), needs=[LIMITS],
    )  # fmt: skip
    yield refuses(
        "LIM/segments-over", "Counted from the end: told at the segment that is one too many.",
        "PCB-LIM-003 PCB-READ-008", five, "LIMIT_EXCEEDED", five.segments[0].offset,
        base="LIM/segments-exactly", defect="the limit segments is 4",
        asked=within(segments=4), needs=[LIMITS],
    )  # fmt: skip
    built = two()
    first = built.segments[0]
    size = first.footer_offset - first.manifest_offset
    yield accepts(
        "LIM/manifest-exactly", "The longest manifest record has the limit's length.",
        "PCB-LIM-003 PCB-LIM-005", built, asked=within(manifest_bytes=size), needs=[LIMITS],
    )  # fmt: skip
    yield refuses(
        "LIM/manifest-over", "A manifest record over the limit is not decoded.", "PCB-LIM-003",
        built, "LIMIT_EXCEEDED", first.manifest_offset, base="LIM/manifest-exactly",
        defect="the limit manifest_bytes is one less", asked=within(manifest_bytes=size - 1),
        needs=[LIMITS],
    )  # fmt: skip
    later = replace(MORE, header=HEADER[:-1] + b"\x02")
    longer = replace(MORE, edit=lambda m: m.removed.add(type="t", key="k" * 500))
    built = bundle(PLAIN, later, longer)
    yield refuses(
        "LIM/manifest-over-stops-the-walk", "Behind a manifest record over the limit nothing is"
        " walked to: what lies before it is not told.", "PCB-LIM-003 PCB-READ-008", built,
        "LIMIT_EXCEEDED", built.segments[2].manifest_offset, base="LIM/manifest-exactly",
        defect="the last manifest is over the limit, the segment before is of major 2",
        asked=within(manifest_bytes=500), needs=[LIMITS],
    )  # fmt: skip
    signature = record(0x1A, record(0x0A, bytes(64)))
    for count in (16, 64):
        yield accepts(
            f"LIM/signatures-{count}", f"{count} signatures, none of which is asked for.",
            "PCB-LIM-001" if count == 16 else "PCB-LIM-002",
            replace(PLAIN, envelope_tail=signature * count), should=count == 64,
        )  # fmt: skip
    built = bundle(replace(PLAIN, envelope_tail=signature * 65))
    yield refuses(
        "LIM/signatures-65", "More signatures than the default are refused.",
        "PCB-LIM-002 PCB-LIM-003", built, "LIMIT_EXCEEDED", built.segments[0].manifest_offset,
        base="LIM/signatures-64", defect="one signature more", should=True,
    )  # fmt: skip


def _content() -> Cases:
    total = sum(len(a.content) for segment in (PLAIN, MORE) for a in segment.artifacts)
    built = two()
    yield accepts(
        "LIM/total-content-exactly", "Content over all segments adds up to the limit.",
        "PCB-LIM-003 PCB-LIM-005", built, asked=within(total_content=total), needs=[LIMITS],
    )  # fmt: skip
    yield refuses(
        "LIM/total-content-over", "Content is counted over all segments.", "PCB-LIM-003", built,
        "LIMIT_EXCEEDED", built.segments[1].manifest_offset, base="LIM/total-content-exactly",
        defect="the limit total_content is one less", asked=within(total_content=total - 1),
        needs=[LIMITS],
    )  # fmt: skip
    huge = bundle(PLAIN, replace(MORE, edit=_of_size(2**63)))
    yield refuses(
        "LIM/content-2-to-63", "Consistent with itself; only a limit stands before it.",
        "PCB-LIM-002 PCB-LIM-003 PCB-LIM-004", huge, "LIMIT_EXCEEDED",
        huge.segments[1].manifest_offset, base="FRAME/two-segments",
        defect="block and artifact claim 2^63 bytes",
    )  # fmt: skip
    claimed = 60 << 20
    block = Block(b"?", entry={"content_size": claimed}, stored=b"x" * 100)
    liar = Artifact("one", b"?", place=(0, 0))
    lying = bundle(Segment(artifacts=(liar,), blocks=(block,)))
    yield accepts(
        "LIM/60-mib-claimed-by-100-bytes", "Memory is not taken on the word of a claim.",
        "PCB-LIM-004 PCB-BLOCK-008", lying, fault="SIZE_MISMATCH",
        at=lying.segments[0].block_offsets[0], base="CONT/base",
        defect="content_size is 60 MiB",
    )  # fmt: skip
    chain = bundle(*[Segment()] * 100)
    yield accepts("LIM/100-segments", "100 segments.", "PCB-LIM-001 PCB-LIM-008", chain)


def _of_size(size: int) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        message.blocks[0].content_size = size
        message.artifacts.content_size[0] = size

    return edit
