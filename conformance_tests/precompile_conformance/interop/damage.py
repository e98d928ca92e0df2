"""Copies of a bundle with one defect each, at the places that its structure has."""

from collections.abc import Iterator

from precompile_conformance.reader.read import open_all
from precompile_conformance.wire import FOOTER_SIZE, HEADER


def damaged(data: bytes, count: int, turn: int) -> Iterator[tuple[str, bytes]]:
    """What was done, and the bytes, of `count` copies.

    Bundle after bundle, each with the next `turn`, the choice goes round all ways there are.
    """
    ways = list(_all_ways(data))
    for index in range(min(count, len(ways))):
        yield ways[(turn * count + index) % len(ways)]


def _all_ways(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Every place of the first and the last segment, with a low bit, a high bit, and cut there."""
    segments = open_all(data)
    places: dict[str, int] = {}
    for index in sorted({0, len(segments) - 1}):
        frame = segments[index].frame
        at, manifest, footer = frame.offset, frame.manifest_offset, frame.footer_offset
        payload = data.index(frame.envelope.payload, manifest) if frame.envelope.payload else footer
        known = {
            "header": at, "version": at + len(HEADER) - 1, "first-record": at + len(HEADER),
            "first-length": at + len(HEADER) + 1, "first-block": (at + len(HEADER) + manifest) // 2,
            "before-manifest": manifest - 1, "manifest": manifest, "manifest-length": manifest + 1,
            "envelope": manifest + 3, "payload": payload, "payload-middle": (payload + footer) // 2,
            "envelope-end": footer - 1, "footer": footer, "footer-offset": footer + 2,
            "footer-size": footer + FOOTER_SIZE // 2 + 1, "last-byte": footer + FOOTER_SIZE - 1,
        }  # fmt: skip
        places |= {f"{name}-{index}": place for name, place in known.items()}
    seen = {data}
    for name, at in places.items():
        low, high = data[at] ^ 1, data[at] ^ 0x80
        for how, copy in (
            (f"bit-0-of-{name}", data[:at] + bytes([low]) + data[at + 1 :]),
            (f"bit-7-of-{name}", data[:at] + bytes([high]) + data[at + 1 :]),
            (f"cut-at-{name}", data[:at]),
        ):
            if copy not in seen:
                seen.add(copy)
                yield how, copy
    yield "a-zero-behind", data + b"\0"
    yield "a-header-behind", data + HEADER
    yield "twice", data + data
