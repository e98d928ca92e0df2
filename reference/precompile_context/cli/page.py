"""The page that shows a bundle: viewer/ builds it, the wheel carries it, no server is needed."""

import base64
import json
from importlib import resources

from precompile_context.bundle import Bundle

_EMBEDDED = '<script type="application/json" id="embedded"></script>'
_HEADER_BYTES = 32  # the viewer reads so many to tell what a header is


def page() -> str:
    """The page, which opens what its user names."""
    return resources.files(__package__).joinpath("viewer.html").read_text(encoding="utf-8")


def embedded(name: str, bundle: Bundle, *, full: bool) -> str:
    """The page with a bundle in it: the index alone, or with `full` every byte.

    Content is left out unless it is asked for: it is large, and whoever is given the page need
    not be given the code.
    """
    parts = [(0, bundle.size)] if full else _index(bundle)
    told = {
        "name": name,
        "size": bundle.size,
        "parts": [
            (start, base64.b64encode(bundle.source.read(start, end - start)).decode())
            for start, end in parts
        ],
    }
    # No text of a bundle ends the element that it stands in.
    data = json.dumps(told).replace("<", "\\u003c")
    empty = page()
    assert empty.count(_EMBEDDED) == 1
    return empty.replace(_EMBEDDED, _EMBEDDED.replace("><", f">{data}<"))


def _index(bundle: Bundle) -> list[tuple[int, int]]:
    """The ranges that a reader of the index touches: heads, manifests and footers."""
    found: list[tuple[int, int]] = []
    for segment in bundle.segments:
        end = segment.offset + segment.size
        ranges = [
            (segment.offset, min(segment.offset + _HEADER_BYTES, bundle.size)),
            (segment.manifest_offset, end),
        ]
        for start, stop in ranges:
            if found and start <= found[-1][1]:
                found[-1] = found[-1][0], max(stop, found[-1][1])
            else:
                found.append((start, stop))
    return found
