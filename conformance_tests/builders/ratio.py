"""LIM-010: at most 65,536 bytes of content for each byte of the bundle; total_content's floor."""

from dataclasses import replace

from builders.bases import PLAIN
from builders.case import (
    LIMITS,
    RECOVERY,
    ZSTD,
    Cases,
    Input,
    accepts,
    bytes_of,
    recovering,
    refuses,
    within,
)
from builders.scripting import Script
from precompile.v1 import bundle_pb2
from precompile_conformance.build import ZSTD as COMPRESSED
from precompile_conformance.build import Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.wire import zstd_frame

MOST = 65_536
MIB = 1 << 20
LARGEST = 64 * MIB  # the content of a block
# A block of a compression that nobody knows holds as much as it says.
UNKNOWN = Block(b"?", 9, entry={"content_size": LARGEST})
FLOOR = 16 << 30


def contents(*sizes: int, block: Block = UNKNOWN, more: int = 0) -> Segment:
    """Artifacts of these sizes, all at the start of one block; and `more` bytes of another."""

    def edit(manifest: bundle_pb2.Manifest) -> None:
        manifest.artifacts.content_size[:] = sizes

    artifacts = [Artifact(f"{i:03}", b"?", place=(0, 0)) for i in range(len(sizes))]
    padding = [Block(bytes(more))] if more else []
    return Segment(artifacts=artifacts, blocks=[block, *padding], edit=edit)


def _up_to(data: Input, over: int = 0) -> int:
    """The most content of a bundle as long as this one, and `over` bytes."""
    return MOST * len(bytes_of(data)) + over


def cases() -> Cases:
    """All cases of these limits."""
    yield from _exactly()
    yield from _over_segments()
    yield from _inflated()
    yield from _floor()
    yield from _saved()


def _exactly() -> Cases:
    exactly = "LIM/65536-for-a-byte"
    size = _up_to(contents(LARGEST))
    assert MIB < size < LARGEST
    built = bundle(contents(size))
    yield accepts(
        exactly, "65,536 bytes of content for each byte of the bundle.", "PCB-LIM-010", built,
        fault="UNSUPPORTED_FEATURE", at=built.segments[0].block_offsets[0],
    )  # fmt: skip
    over = bundle(contents(size + 1))
    assert len(over.data) == len(built.data)
    # The twin above has a content that cannot be read: it is no base.
    base, defect = "FRAME/one-segment", f"a byte of content more than in {exactly}"
    yield refuses(
        "LIM/65536-for-a-byte-over", "More content than 65,536 bytes for each byte is refused.",
        "PCB-LIM-010", over, "LIMIT_EXCEEDED", over.segments[0].manifest_offset, base=base,
        defect=defect,
    )  # fmt: skip
    yield refuses(
        "LIM/65536-for-a-byte-over-under-a-higher-limit", "No limit of the reader's raises it.",
        "PCB-LIM-010 PCB-LIM-005", over, "LIMIT_EXCEEDED", over.segments[0].manifest_offset,
        asked=within(total_content=1 << 50), needs=[LIMITS], base=base, defect=defect,
    )  # fmt: skip
    whole = over.data
    for name, tail in {"": b"torn", "-of-1000-bytes": bytes(1000)}.items():
        yield refuses(
            f"RECV/65536-for-a-byte-without-the-tail{name}", "A torn tail is no part of a bundle.",
            "PCB-LIM-010 PCB-RECV-001", whole + tail, "LIMIT_EXCEEDED",
            over.segments[0].manifest_offset, asked=recovering(), needs=[RECOVERY],
            base="RECV/tail-a-byte", defect=defect,
        )  # fmt: skip
    yield accepts(
        "RECV/65536-for-a-byte-and-a-tail", "A torn tail is no part of the bundle.",
        "PCB-LIM-010 PCB-RECV-001", built.data + b"torn", asked=recovering(), needs=[RECOVERY],
        fault="UNSUPPORTED_FEATURE",
    )  # fmt: skip


def _over_segments() -> Cases:
    """The sum runs over the segments, against the size of the whole bundle."""
    second = replace(PLAIN, chained=False)
    plain = sum(len(one.content) for one in PLAIN.artifacts)
    base, exactly = "FRAME/two-segments", "LIM/65536-for-a-byte-of-two-segments"
    most = _up_to(bundle(contents(LARGEST), second)) - plain
    built = bundle(contents(most), second)
    yield accepts(
        exactly, "The first segment may have more than is its own.", "PCB-LIM-010", built,
        fault="UNSUPPORTED_FEATURE",
    )  # fmt: skip
    over = bundle(contents(most + 1), second)
    yield refuses(
        "LIM/65536-for-a-byte-of-two-segments-over", "Told at the segment where the sum goes past.",
        "PCB-LIM-010 PCB-READ-008", over, "LIMIT_EXCEEDED", over.segments[1].manifest_offset,
        base=base, defect=f"a byte of content more than in {exactly}",
    )  # fmt: skip
    wraps = bundle(contents(2**63, 2**63, 5))
    yield refuses(
        "LIM/content-sizes-that-wrap", "A sum past 2^64 does not wrap.", "PCB-LIM-010 PCB-LIM-003",
        wraps, "LIMIT_EXCEEDED", wraps.segments[0].manifest_offset, base="FRAME/one-segment",
        defect="sizes that add up to 2^64 + 5",
    )  # fmt: skip
    wraps = bundle(contents(2**64 - 1), replace(contents(9), chained=False))
    yield refuses(
        "LIM/content-sizes-that-wrap-over-segments", "A sum past 2^64 does not wrap.",
        "PCB-LIM-010 PCB-LIM-003", wraps, "LIMIT_EXCEEDED", wraps.segments[0].manifest_offset,
        base=base, defect="sizes that add up to 2^64 + 8",
    )  # fmt: skip


def _zeros(*sizes: int) -> BuiltBundle:
    """Zeros in a frame that makes 32,768 bytes of one, at one place; digests are those of zeros."""
    runs: list[tuple[str, int | bytes]] = [("rle", 128 << 10)] * (LARGEST // (128 << 10))
    frame = zstd_frame(runs, content_size=LARGEST, window_log=23)
    block = Block(b"?", COMPRESSED, stored=frame, entry={"content_size": LARGEST})
    artifacts = [Artifact(f"{i:03}", bytes(size), place=(0, 0)) for i, size in enumerate(sizes)]
    return bundle(Segment(artifacts=artifacts, blocks=[block]))


def _inflated() -> Cases:
    """What compression and sharing make of few bytes together."""
    third = _up_to(_zeros(LARGEST, LARGEST, LARGEST)) - LARGEST - LARGEST
    assert MIB < third < LARGEST
    base = "LIM/65536-for-a-byte-of-zeros"
    yield accepts(
        base, "64 MiB of zeros, shared: as much as there may be.", "PCB-LIM-010 PCB-LIM-001"
        " PCB-CONT-008", _zeros(LARGEST, LARGEST, third), needs=[ZSTD],
    )  # fmt: skip
    over = _zeros(LARGEST, LARGEST, third + 1)
    yield refuses(
        "LIM/65536-for-a-byte-of-zeros-over", "64 MiB of zeros, shared a byte too much.",
        "PCB-LIM-010", over, "LIMIT_EXCEEDED", over.segments[0].manifest_offset, base=base,
        defect="one byte of content more",
    )  # fmt: skip


def _floor() -> Cases:
    """16 GiB of content in a bundle of 256 KiB."""
    count = FLOOR // LARGEST
    built = bundle(contents(*[LARGEST] * count, more=FLOOR // MOST))
    yield accepts(
        "LIM/total-content-of-16-gib", "16 GiB of content are within every reader's limits.",
        "PCB-LIM-001", built, fault="UNSUPPORTED_FEATURE",
    )  # fmt: skip


def _dense(letter: str, *, apart: bool = False) -> bytes:
    """16 times the same 8 MiB of zeros, in about as many bytes as there must be.

    With `apart`, those that nothing lies in are another chain.
    """
    runs: list[tuple[str, int | bytes]] = [("rle", 128 << 10)] * 64
    zeros = bytes(8 * MIB)
    block = Block(b"?", COMPRESSED, entry={"content_size": len(zeros)},
                  stored=zstd_frame(runs, content_size=len(zeros), window_log=23))  # fmt: skip
    artifacts = [Artifact(f"{letter}{i:02}", zeros, place=(0, 0)) for i in range(16)]
    padding = Block(
        bytes(16 * len(zeros) // MOST - len(bundle(Segment(artifacts, blocks=[block])).data))
    )
    if apart:
        return bundle(
            Segment(artifacts, blocks=[block]), Segment(blocks=[padding], chained=False)
        ).data
    return bundle(Segment(artifacts, blocks=[block, padding])).data


def _saved() -> Cases:
    """What is loaded holds no more than it may; all of it shared once more would hold too much."""
    runs: list[tuple[str, int | bytes]] = [("rle", 128 << 10)] * 136
    block = Block(b"?", COMPRESSED, entry={"content_size": 17 * MIB},
                  stored=zstd_frame(runs, content_size=17 * MIB, window_log=23))  # fmt: skip
    long = bundle(Segment([Artifact("long", bytes(17 * MIB), place=(0, 0))], blocks=[block]))
    yield Script(long=long.data).load("long").save().says("saved", segments=1).built(
        "CTX/save-of-17-mib-of-zeros", "Content that is longer than a window is written in frames"
        " that each reader takes.", "PCB-ZSTD-001 PCB-BLOCK-002", needs=[ZSTD],
    )  # fmt: skip
    script = Script(dense=_dense("a")).load("dense").says("loaded").save().says("saved")
    yield script.built(
        "LIM/shared-zeros-are-saved", "Content is stored again where sharing it would go past"
        " what a reader takes.", "PCB-LIM-011", needs=[ZSTD],
    )  # fmt: skip
    for name, apart in {"others": False, "another-chain": True}.items():
        script = Script(dense=_dense("a"), there=_dense("b", apart=apart)).load("dense")
        yield script.save("there").says("saved").built(
            f"LIM/shared-zeros-are-saved-behind-{name}", "What a file holds already counts, in"
            " whatever chain.", "PCB-LIM-011", needs=[ZSTD],
        )  # fmt: skip
