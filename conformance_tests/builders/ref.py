"""BLOCK, EXTENT and CHAIN: what points at something points at what it must."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, Edit, edits
from builders.case import Cases, accepts, refuses
from builders.decode import refused
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import block_record, sha256

SECOND = Segment(artifacts=(Artifact("a", b"0123456789"), Artifact("b", b"abcdefghij")))
BASE = "NAME/base"
RECORD = len(block_record(b"0123456789"))


def _extents(size: int, *extents: tuple[int, int, int]) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        artifact = message.artifacts[0]
        artifact.ClearField("extents")
        artifact.content_size = size
        for block, offset, length in extents:
            artifact.extents.add(block=block, offset=offset, size=length)

    return edit


def _size(index: int, size: int) -> Edit:
    return lambda m: setattr(m.blocks[index], "size", size)


EXTENTS: dict[str, tuple[str, Edit]] = {
    "no-such-block": ("PCB-EXTENT-001", _extents(10, (2, 0, 10))),
    "block-2-to-32-less-1": ("PCB-EXTENT-001", _extents(10, (2**32 - 1, 0, 10))),
    "a-byte-past-its-block": ("PCB-EXTENT-002", _extents(10, (0, 1, 10))),
    "longer-than-its-block": ("PCB-EXTENT-002", _extents(11, (0, 0, 11))),
    "offset-at-the-end": ("PCB-EXTENT-002", _extents(1, (0, 10, 1))),
    "offset-2-to-63": ("PCB-EXTENT-002", _extents(1, (0, 2**63, 1))),
    "size-2-to-63": ("PCB-EXTENT-002", _extents(10, (0, 0, 2**63))),
    "sum-that-wraps": ("PCB-EXTENT-002", _extents(10, (0, 2**64 - 10, 10))),
    "empty": ("PCB-EXTENT-002", _extents(0, (0, 0, 0))),
    "empty-at-the-end": ("PCB-EXTENT-002", _extents(0, (0, 10, 0))),
    "none-for-content": ("PCB-EXTENT-004", _extents(10)),
    "one-for-empty-content": ("PCB-EXTENT-004", _extents(0, (0, 0, 10))),
    "below-content-size": ("PCB-EXTENT-004", _extents(11, (0, 0, 10))),
    "above-content-size": ("PCB-EXTENT-004", _extents(9, (0, 0, 10))),
    "sizes-that-wrap-to-0": (
        "PCB-EXTENT-004",
        edits(
            lambda m: setattr(m.blocks[0], "content_size", 2**63),
            _extents(0, (0, 0, 2**63), (0, 0, 2**63)),
        ),
    ),
    "first-of-two-covers-a-part": ("PCB-EXTENT-003", _extents(15, (0, 0, 5), (1, 0, 10))),
    "last-of-two-covers-a-part": ("PCB-EXTENT-003", _extents(15, (0, 0, 10), (1, 0, 5))),
    "two-from-the-middle": ("PCB-EXTENT-003", _extents(10, (0, 5, 5), (0, 0, 5))),
}
BLOCKS: dict[str, tuple[str, Edit]] = {
    "size-one-low": ("PCB-BLOCK-004", _size(0, RECORD - 1)),
    "size-one-high": ("PCB-BLOCK-004", _size(0, RECORD + 1)),
    "size-2-to-63": ("PCB-BLOCK-003", _size(0, 2**63)),
    "size-2-to-64-less-1": ("PCB-BLOCK-003", _size(1, 2**64 - 1)),
    "size-over-1-gib": ("PCB-BLOCK-003", _size(0, 2**30 + 1)),
    "size-below-any-record": ("PCB-BLOCK-003", edits(_size(0, 1), _size(1, 2 * RECORD - 1))),
    "size-of-an-empty-record": ("PCB-BLOCK-003", edits(_size(0, 4), _size(1, 2 * RECORD - 4))),
    "size-of-no-record-130": ("PCB-BLOCK-003", edits(_size(0, 130))),
    "an-entry-too-few": (
        "PCB-BLOCK-004",
        edits(lambda m: m.blocks.pop(), lambda m: m.artifacts.pop()),
    ),
    "an-entry-too-many": ("PCB-BLOCK-004", lambda m: m.blocks.append(m.blocks[0])),
    "no-content": (
        "PCB-BLOCK-005",
        edits(lambda m: setattr(m.blocks[1], "content_size", 0), lambda m: m.artifacts.pop()),
    ),
}


def cases() -> Cases:
    """All cases of the areas."""
    for name, (rule, edit) in EXTENTS.items():
        yield refused(
            f"EXTENT/{name}", "Extents lie in their blocks and are the content.", rule,
            replace(SECOND, edit=edit), name.replace("-", " "), "BAD_REFERENCE", base=BASE,
        )  # fmt: skip
    for name, (rule, edit) in BLOCKS.items():
        yield refused(
            f"BLOCK/{name}", "Block entries are the blocks of the segment.", rule,
            replace(SECOND, edit=edit), name.replace("-", " "), "BAD_REFERENCE", base=BASE,
        )  # fmt: skip
    yield from _accepted()
    yield from _external()
    yield from _chain()


def _accepted() -> Cases:
    whole = Artifact("a", b"bbbaaabbb", extents=[(1, 0, 3), (0, 0, 3), (1, 0, 3)])
    yield accepts(
        "EXTENT/whole-blocks-in-any-order", "Several extents that each cover a block.",
        "PCB-EXTENT-001 PCB-EXTENT-003 PCB-EXTENT-004",
        Segment(artifacts=(whole,), blocks=(Block(b"aaa"), Block(b"bbb"))),
    )  # fmt: skip
    parts = (Artifact("a", b"2345"), Artifact("b", b"0123456789"), Artifact("c", b"9"),
             Artifact("d"))  # fmt: skip
    yield accepts(
        "EXTENT/parts-of-a-block", "Parts that overlap, up to the last byte; empty content.",
        "PCB-EXTENT-002 PCB-EXTENT-004", Segment(artifacts=parts, blocks=(Block(b"0123456789"),)),
    )  # fmt: skip
    sizes = {"127": 127, "128": 128, "16380": 16380, "16384": 16384}
    for name, size in sizes.items():
        yield accepts(
            f"BLOCK/data-of-{name}", "Records at the edges of their lengths' lengths.",
            "PCB-BLOCK-003 PCB-BLOCK-004 PCB-BLOCK-008 PCB-CONT-003",
            Segment(artifacts=(Artifact("a", bytes([7]) * size),)),
        )  # fmt: skip
    yield accepts(
        "BLOCK/no-artifact-in-it", "A block may hold what no artifact names.", "PCB-BLOCK-004",
        Segment(artifacts=(Artifact("a", b"content"),), blocks=(Block(b"nobody's"),
                                                               Block(b"content"))),
    )  # fmt: skip


SHARED = Block(b"content that many share")
USER = Artifact("user", b"content that many share")
OWNER = Segment(artifacts=(replace(USER, key="owner"),), blocks=(SHARED,))
BORROWER = Segment(artifacts=(USER,), blocks=(replace(SHARED, external=True),))


def _external() -> Cases:
    base = "BLOCK/external"
    yield accepts(
        base, "An external block of any earlier segment of the chain.",
        "PCB-BLOCK-006 PCB-CHAIN-003", bundle(OWNER, PLAIN, BORROWER),
    )  # fmt: skip
    entries: dict[str, dict[str, int | bytes]] = {
        "other-digest": {"digest": sha256(b"?")},
        "other-compression": {"compression": 2},
        "unknown-compression": {"compression": 9},
        "other-content-size": {"content_size": 24},
    }
    for name, entry in entries.items():
        lying = replace(BORROWER, blocks=(replace(SHARED, external=True, entry=entry),))
        built = bundle(OWNER, PLAIN, lying)
        yield refuses(
            f"BLOCK/external-{name}", "An external entry equals an own one.", "PCB-BLOCK-006",
            built, "BAD_REFERENCE", built.segments[2].manifest_offset, base=base,
            defect=f"the entry has an{name[5:] if name.startswith('other') else ' unknown'}",
        )  # fmt: skip
    wrong: dict[str, tuple[str, tuple[Segment, ...]]] = {
        "in-the-first-segment": ("PCB-BLOCK-006", (BORROWER,)),
        "of-its-own-segment": (
            "PCB-BLOCK-006",
            (replace(BORROWER, blocks=(SHARED, replace(SHARED, external=True))),),
        ),
        "of-a-later-segment": ("PCB-BLOCK-006", (BORROWER, OWNER)),
        "of-another-chain": (
            "PCB-BLOCK-006 PCB-CHAIN-003",
            (OWNER, replace(BORROWER, chained=False)),
        ),
        "of-the-chain-before": (
            "PCB-BLOCK-006 PCB-CHAIN-003",
            (OWNER, replace(MORE, chained=False), BORROWER),
        ),
        "of-an-external-one": ("PCB-BLOCK-006", (BORROWER, BORROWER)),
    }
    for name, (rules, segments) in wrong.items():
        built = bundle(*segments)
        at = next(i for i, segment in enumerate(segments) if segment.artifacts == (USER,))
        yield refuses(
            f"BLOCK/external-{name}", "External: of an earlier segment of the same chain.", rules,
            built, "BAD_REFERENCE", built.segments[at].manifest_offset, base=base,
            defect=name.replace("-", " "),
        )  # fmt: skip


def _previous(digest: bytes) -> Edit:
    return lambda m: setattr(m, "previous_manifest_digest", digest)


def _chain() -> Cases:
    three = bundle(PLAIN, MORE, SECOND)
    base = "CHAIN/three"
    yield accepts(
        base, "Three segments, each of which names the one before.", "PCB-CHAIN-002", three
    )
    yield accepts(
        "CHAIN/two-chains", "An empty digest begins a chain anywhere.", "PCB-CHAIN-002"
        " PCB-CHAIN-003 PCB-APPD-010", bundle(PLAIN, MORE).data + bundle(SECOND, OWNER).data,
    )  # fmt: skip
    first, second, third = three.segments
    named = bundle(replace(PLAIN, edit=_previous(bytes(32))))
    wrong = {
        "first-names-one": (named.data, named.segments[0].manifest_offset),
        "head-cut-off": (three.data[second.offset :], second.manifest_offset - second.offset),
        "middle-taken-out": (first.data + third.data,
                             third.manifest_offset - second.offset - len(second.data)
                             + len(first.data)),
        "zeros": (bundle(PLAIN, MORE, replace(SECOND, edit=_previous(bytes(32)))).data,
                  third.manifest_offset),
        "of-the-one-before-that": (
            bundle(PLAIN, MORE, replace(SECOND, edit=_previous(sha256(first.payload)))).data,
            third.manifest_offset),
        "of-itself": (bundle(PLAIN, MORE,
                             replace(SECOND, edit=_previous(sha256(third.payload)))).data,
                      third.manifest_offset),
    }  # fmt: skip
    for name, (data, at) in wrong.items():
        yield refuses(
            f"CHAIN/{name}", "A segment names the one directly before it, or none.",
            "PCB-CHAIN-002", data, "BROKEN_CHAIN", at,
            base=base, defect=name.replace("-", " "),
        )  # fmt: skip
