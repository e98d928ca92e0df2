"""BLOCK and CHAIN: what points at something points at what it must."""

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


def _size(index: int, size: int) -> Edit:
    return lambda m: setattr(m.blocks[index], "size", size)


def _content_size(index: int, size: int) -> Edit:
    return lambda m: setattr(m.blocks[index], "content_size", size)


def _without_the_last(manifest: bundle_pb2.Manifest) -> None:
    """The table without its last artifact."""
    table = manifest.artifacts
    for name in ("type", "key", "content_size", "block", "offset"):
        getattr(table, name).pop()
    table.content_digest = table.content_digest[:-32]


BLOCKS: dict[str, tuple[str, Edit]] = {
    "size-one-low": ("PCB-BLOCK-004", _size(0, RECORD - 1)),
    "size-one-high": ("PCB-BLOCK-004", _size(0, RECORD + 1)),
    "size-2-to-63": ("PCB-BLOCK-003", _size(0, 2**63)),
    "size-2-to-64-less-1": ("PCB-BLOCK-003", _size(1, 2**64 - 1)),
    "size-over-64-mib": ("PCB-BLOCK-003", _size(0, 2**26 + 11)),
    "size-over-1-gib": ("PCB-BLOCK-003", _size(0, 2**30 + 1)),
    "size-below-any-record": ("PCB-BLOCK-003", edits(_size(0, 1), _size(1, 2 * RECORD - 1))),
    "size-of-an-empty-record": ("PCB-BLOCK-003", edits(_size(0, 4), _size(1, 2 * RECORD - 4))),
    "size-of-no-record-130": ("PCB-BLOCK-003", edits(_size(0, 130))),
    "an-entry-too-few": (
        "PCB-BLOCK-004",
        edits(lambda m: m.blocks.pop(), _without_the_last),
    ),
    "an-entry-too-many": ("PCB-BLOCK-004", lambda m: m.blocks.append(m.blocks[0])),
    "no-content": ("PCB-BLOCK-005", edits(_content_size(1, 0), _without_the_last)),
    "content-over-64-mib": ("PCB-BLOCK-005", _content_size(1, 2**26 + 1)),
    "content-of-2-to-63": ("PCB-BLOCK-005", _content_size(1, 2**63)),
    "content-of-2-to-64-less-1": ("PCB-BLOCK-005", _content_size(1, 2**64 - 1)),
}


def cases() -> Cases:
    """All cases of the areas."""
    for name, (rule, edit) in BLOCKS.items():
        yield refused(
            f"BLOCK/{name}", "Block entries are the blocks of the segment.", rule,
            replace(SECOND, edit=edit), name.replace("-", " "), "BAD_REFERENCE", base=BASE,
        )  # fmt: skip
    yield from _accepted()
    yield from _largest()
    yield from _external()
    yield from _chain()


def _accepted() -> Cases:
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


def _largest() -> Cases:
    """2^26 bytes of content, in a block of a compression that nobody knows."""
    block = Block(b"?", 9, entry={"content_size": 1 << 26})
    built = bundle(Segment(artifacts=(Artifact("a", b"?", place=(0, 0)),), blocks=(block,)))
    yield accepts(
        "BLOCK/content-of-64-mib", "A block's content may have 2^26 bytes.", "PCB-BLOCK-005",
        built, fault="UNSUPPORTED_FEATURE", at=built.segments[0].block_offsets[0],
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
