"""LARGE: past 2 and 4 GiB, and 100,000 artifacts; made on the fly, run with `--large`."""

from builders.case import READER, Built, Cases, case
from precompile_conformance.large import FIRST, LAST
from precompile_conformance.wire import sha256

RULES = "PCB-LIM-001 PCB-READ-010 PCB-FRAME-010 PCB-BLOCK-004"
# The artifacts that are asked for: before and behind all that is large.
ASKED = {
    "past-2-gib": [("first", FIRST), ("last", LAST)],
    "past-4-gib": [("first", FIRST), ("last", LAST)],
    "100000-artifacts": [("000000", b"\x00"), ("099999", bytes([99_999 % 256]))],
}


def cases() -> Cases:
    """All cases of the area."""
    for recipe, asked in ASKED.items():
        for key, content in asked:
            message = case(
                f"LARGE/{recipe}-{key}", f"One artifact of a bundle {recipe.replace('-', ' ')}.",
                RULES, classes=[READER],
            )  # fmt: skip
            message.recipe = recipe
            message.request.extract.path = "input.precompile"
            message.request.extract.type, message.request.extract.key = "test.blob", key
            extracted = message.expected.extracted
            extracted.found, extracted.content = True, content
            extracted.content_size, extracted.content_digest = len(content), sha256(content)
            yield Built(message)
