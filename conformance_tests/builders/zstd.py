"""ZSTD: one right frame, and frames that lie. Made by hand, but for one of libzstd's."""

from collections.abc import Sequence

from builders.bases import CONTENT, GOOD, beside_good, put
from builders.case import ZSTD, Cases, accepts
from builders.content import damaged
from precompile_conformance.build import ZSTD as COMPRESSED
from precompile_conformance.build import Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.wire import zstd_frame

RAW: Sequence[tuple[str, int | bytes]] = [("raw", CONTENT)]
FRAME = zstd_frame(RAW, content_size=40)
# By libzstd 1.5.7 at level 3: repeats are told as sequences.
COMPRESSED_FRAME = bytes.fromhex("28b52ffd2028a5000070736f6d6520636f6e74656e742c200100614f25")
CHECKSUMMED = b"\x28\xb5\x2f\xfd\x24" + COMPRESSED_FRAME[5:] + b"\xf4\xe6\x72\x1d"
SKIPPABLE = b"\x50\x2a\x4d\x18\x00\x00\x00\x00"
# A single-segment frame: its window is its content size.
SINGLE = zstd_frame(RAW, content_size=40, size_bytes=1, window_log=None)
# Its window is 2**22 bytes and seven eighths of them more; an eighth more than the widest one.
BELOW_8_MIB = put(zstd_frame(RAW, content_size=40, window_log=22), 5, bytes([12 << 3 | 7]))
OF_9_MIB = put(zstd_frame(RAW, content_size=40, window_log=23), 5, bytes([13 << 3 | 1]))
LARGE = 17 << 20
MIB = 1 << 20
WINDOW = 8 * MIB  # the widest that a reader takes
BLOCK = 128 << 10
BASE = "ZSTD/stored"


def cases() -> Cases:
    """All cases of the area."""
    frames = {
        "stored": (FRAME, "one stored block"),
        "window-of-8-mib": (zstd_frame(RAW, content_size=40, window_log=23), "the widest window"),
        "window-of-7-and-a-half-mib": (BELOW_8_MIB, "a window of 4 MiB and seven eighths more"),
        "two-blocks": (
            zstd_frame([("raw", CONTENT[:4]), ("raw", CONTENT[4:])], content_size=40),
            "two stored blocks",
        ),
        "single-segment": (SINGLE, "no window of its own"),
        "compressed": (COMPRESSED_FRAME, "literals and sequences"),
        "with-checksum": (CHECKSUMMED, "a checksum"),
    }
    for name, (frame, shows) in frames.items():
        yield accepts(
            f"ZSTD/{name}", f"A frame with {shows}.",
            "PCB-ZSTD-002 PCB-ZSTD-003 PCB-ZSTD-004 PCB-ZSTD-005 PCB-ZSTD-006 PCB-ZSTD-007"
            " PCB-ZSTD-009", beside_good(Block(CONTENT, COMPRESSED, stored=frame)), needs=[ZSTD],
        )  # fmt: skip
    yield from _large()
    yield from _single_segments()
    yield from _sizes_in_two_bytes()
    yield from _without_a_dictionary()
    yield from _order()
    for name, (rule, frame) in WRONG.items():
        code = "SIZE_MISMATCH" if rule.startswith("PCB-ZSTD-004") else "DECOMPRESSION_FAILED"
        yield damaged(
            f"ZSTD/{name}", "Exactly one standard frame with its size, and no dictionary.", rule,
            beside_good(Block(CONTENT, COMPRESSED, stored=frame)), code, name.replace("-", " "),
            base=BASE, zstd=True,
        )  # fmt: skip


WRONG: dict[str, tuple[str, bytes]] = {
    "no-content-size": ("PCB-ZSTD-003", zstd_frame(RAW, content_size=None)),
    "content-size-one-low": ("PCB-ZSTD-004", zstd_frame(RAW, content_size=39)),
    "content-size-one-high": ("PCB-ZSTD-004", zstd_frame(RAW, content_size=41)),
    "content-size-2-to-63": ("PCB-ZSTD-004 PCB-ZSTD-008", zstd_frame(RAW, content_size=2**63)),
    "dictionary": ("PCB-ZSTD-005", zstd_frame(RAW, content_size=40, dictionary=7)),
    "dictionary-in-a-byte": (
        "PCB-ZSTD-005",
        zstd_frame(RAW, content_size=40, dictionary=7, dictionary_bytes=1),
    ),
    "dictionary-in-two-bytes": (
        "PCB-ZSTD-005",
        zstd_frame(RAW, content_size=40, dictionary=7 << 8, dictionary_bytes=2),
    ),
    "dictionary-of-a-single-segment": (
        "PCB-ZSTD-005",
        zstd_frame(RAW, content_size=40, window_log=None, dictionary=7, dictionary_bytes=1),
    ),
    "window-of-9-mib": ("PCB-ZSTD-006", OF_9_MIB),
    "window-of-16-mib": ("PCB-ZSTD-006", zstd_frame(RAW, content_size=40, window_log=24)),
    "window-of-2-gib": ("PCB-ZSTD-006", zstd_frame(RAW, content_size=40, window_log=31)),
    "a-byte-behind": ("PCB-ZSTD-007", FRAME + b"\0"),
    "two-frames": ("PCB-ZSTD-007", FRAME + FRAME),
    "an-empty-frame-behind": (
        "PCB-ZSTD-007",
        FRAME + zstd_frame([("raw", b"")], content_size=0),
    ),
    "skippable-frame-behind": ("PCB-ZSTD-007", FRAME + SKIPPABLE),
    "skippable-frame-before": ("PCB-ZSTD-002", SKIPPABLE + FRAME),
    "skippable-frame-alone": ("PCB-ZSTD-002", SKIPPABLE[:4] + b"\x20\0\0\0" + bytes(32)),
    "cut-by-a-byte": ("PCB-ZSTD-007", FRAME[:-1]),
    "cut-behind-the-header": ("PCB-ZSTD-007", FRAME[:14]),
    "cut-in-the-header": ("PCB-ZSTD-009", FRAME[:6]),
    "cut-in-the-magic": ("PCB-ZSTD-002", FRAME[:3]),
    "no-frame": ("PCB-ZSTD-002", CONTENT),
    "legacy-magic": ("PCB-ZSTD-002", b"\x1e" + FRAME[1:]),
    "reserved-bit": ("PCB-ZSTD-009", FRAME[:4] + bytes([FRAME[4] | 8]) + FRAME[5:]),
    "reserved-block-type": (
        "PCB-ZSTD-009",
        FRAME[:14] + (40 << 3 | 3 << 1 | 1).to_bytes(3, "little") + CONTENT,
    ),
    "wrong-checksum": ("PCB-ZSTD-009", CHECKSUMMED[:-1] + b"\x1e"),
    "corrupt-sequences": ("PCB-ZSTD-009", COMPRESSED_FRAME[:-1] + b"\xff"),
    "a-byte-less-than-it-says": (
        "PCB-ZSTD-009",
        zstd_frame([("raw", CONTENT[:-1])], content_size=40),
    ),
    "a-byte-more-than-it-says": (
        "PCB-ZSTD-009",
        zstd_frame([("raw", CONTENT + b"!")], content_size=40),
    ),
    "much-more-than-it-says": (
        "PCB-ZSTD-009",
        zstd_frame([("raw", CONTENT), ("rle", BLOCK)], content_size=40),
    ),
    "a-gibibyte-behind-40-bytes": (
        "PCB-ZSTD-009 PCB-LIM-004",
        zstd_frame([("raw", CONTENT), *[("rle", BLOCK)] * 8192], content_size=40),
    ),
}


def _large() -> Cases:
    frame = zstd_frame([("rle", BLOCK)] * 136, content_size=LARGE, window_log=23)
    block = Block(b"?", COMPRESSED, stored=frame, entry={"content_size": LARGE})
    yield accepts(
        "ZSTD/17-mib-of-zeros", "600 bytes that inflate to 17 MiB: within every limit.",
        "PCB-LIM-001 PCB-ZSTD-007", _first_bytes_of(block), needs=[ZSTD],
    )  # fmt: skip
    for name, count in {"17-mib-and-a-block-less": 135, "17-mib-and-a-block-more": 137}.items():
        wrong = zstd_frame([("rle", BLOCK)] * count, content_size=LARGE, window_log=23)
        block = Block(b"?", COMPRESSED, stored=wrong, entry={"content_size": LARGE})
        yield damaged(
            f"ZSTD/{name}", "A large frame inflates to what it says.",
            "PCB-ZSTD-009 PCB-LIM-004", _first_bytes_of(block), "DECOMPRESSION_FAILED",
            f"{count} blocks of 128 KiB", base="ZSTD/17-mib-of-zeros", zstd=True,
        )  # fmt: skip


def _sizes_in_two_bytes() -> Cases:
    """Two bytes tell a size less 256, so that they reach from 256 to 65,791."""
    for size in (256, 320, 65_791):
        content = (CONTENT * (size // 40 + 1))[:size]
        raw: Sequence[tuple[str, int | bytes]] = [("raw", content)]
        for name, window in {"": 17, "-of-a-single-segment": None}.items():
            frame = zstd_frame(raw, content_size=size, size_bytes=2, window_log=window)
            yield accepts(
                f"ZSTD/{size}-bytes-told-in-two{name}", "A size in two bytes is told less 256.",
                "PCB-ZSTD-003 PCB-ZSTD-004",
                beside_good(Block(content, COMPRESSED, stored=frame), content=content),
                needs=[ZSTD],
            )  # fmt: skip
    content = CONTENT * 8
    raw = [("raw", content)]
    frame = zstd_frame(raw, content_size=len(content) + 256, size_bytes=2)
    yield damaged(
        "ZSTD/size-in-two-bytes-as-it-stands", "A size in two bytes is told less 256.",
        "PCB-ZSTD-004", beside_good(Block(content, COMPRESSED, stored=frame), content=content),
        "SIZE_MISMATCH", "the two bytes are the size itself",
        base="ZSTD/320-bytes-told-in-two", zstd=True,
    )  # fmt: skip
    yield accepts(
        "ZSTD/size-told-in-four", "A size in four bytes is told as it is.", "PCB-ZSTD-004",
        beside_good(Block(CONTENT, COMPRESSED, stored=zstd_frame(RAW, content_size=40,
                                                                 size_bytes=4))),
        needs=[ZSTD],
    )  # fmt: skip


def _without_a_dictionary() -> Cases:
    for count in (1, 2, 4):
        frame = zstd_frame(RAW, content_size=40, dictionary_bytes=count)
        yield accepts(
            f"ZSTD/dictionary-0-in-{count}", "A dictionary that is named 0 is none.",
            "PCB-ZSTD-005", beside_good(Block(CONTENT, COMPRESSED, stored=frame)), needs=[ZSTD],
        )  # fmt: skip


def _single_segments() -> Cases:
    """The window of a single-segment frame is its content size."""
    runs: list[tuple[str, int | bytes]] = [("rle", BLOCK)] * (WINDOW // BLOCK)
    frame = zstd_frame(runs, content_size=WINDOW, window_log=None)
    block = Block(b"?", COMPRESSED, stored=frame, entry={"content_size": WINDOW})
    base = "ZSTD/single-segment-of-8-mib"
    yield accepts(
        base, "A single-segment frame as long as the widest window.", "PCB-ZSTD-006",
        _first_bytes_of(block), needs=[ZSTD],
    )  # fmt: skip
    frame = zstd_frame([*runs, *runs[: MIB // BLOCK]], content_size=9 * MIB, window_log=None)
    block = Block(b"?", COMPRESSED, stored=frame, entry={"content_size": 9 * MIB})
    yield damaged(
        "ZSTD/single-segment-of-9-mib", "Its window is its content size.", "PCB-ZSTD-006",
        _first_bytes_of(block), "DECOMPRESSION_FAILED", "a MiB more", base=base, zstd=True,
    )  # fmt: skip
    frame = zstd_frame([*runs, ("rle", 1)], content_size=WINDOW + 1, window_log=None)
    block = Block(b"?", COMPRESSED, stored=frame, entry={"content_size": WINDOW + 1})
    yield damaged(
        "ZSTD/single-segment-over-8-mib", "Its window is its content size.", "PCB-ZSTD-006",
        _first_bytes_of(block), "DECOMPRESSION_FAILED", "a byte more", base=base, zstd=True,
    )  # fmt: skip


def _order() -> Cases:
    """Magic and header, presence of the size, its value, all others."""
    both = {
        "size-before-window": zstd_frame(RAW, content_size=41, window_log=24),
        "size-before-dictionary": zstd_frame(RAW, content_size=41, dictionary=7),
        "size-before-end": zstd_frame(RAW, content_size=41) + b"\0",
        "size-before-corruption": zstd_frame([("raw", CONTENT[:-1])], content_size=41)[:-1],
    }
    for name, frame in both.items():
        yield damaged(
            f"ZSTD/{name}", "The size that is stated is asked before all else of the frame.",
            "PCB-ZSTD-004", beside_good(Block(CONTENT, COMPRESSED, stored=frame)),
            "SIZE_MISMATCH", f"two defects: {name.replace('-', ' ')}", base=BASE, zstd=True,
        )  # fmt: skip
    reserved = zstd_frame(RAW, content_size=41)
    reserved = reserved[:4] + bytes([reserved[4] | 8]) + reserved[5:]
    yield damaged(
        "ZSTD/header-before-size", "A header that is none says no size.", "PCB-ZSTD-003",
        beside_good(Block(CONTENT, COMPRESSED, stored=reserved)), "DECOMPRESSION_FAILED",
        "the reserved bit is set, and the size another", base=BASE, zstd=True,
    )  # fmt: skip


def _first_bytes_of(block: Block) -> BuiltBundle:
    part = Artifact("one", bytes(10), place=(1, 0))
    return bundle(Segment(artifacts=(GOOD, part), blocks=(Block(GOOD.content), block)))
