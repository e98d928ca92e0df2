"""SPEC: the bundles that the norm shows, and what one changed byte does to the first of them."""

import re
from pathlib import Path

from builders.bases import put
from builders.case import READER, ZSTD, Cases, accepts, refuses
from precompile_conformance.spec.examples import bundles
from precompile_conformance.spec.lint import DOCUMENTS

ROOT = Path(__file__).parents[2]
_CHANGE = re.compile(r"^\| (\w+) \| (\w{4}) \| (\w\w) \| (\w\w) \| (\w+) \| (\d+) \|$", re.M)
_OPENS = ("DIGEST_MISMATCH", "MALFORMED_BLOCK")
RULES = "PCB-READ-005 PCB-READ-008 PCB-READ-011"


def cases() -> Cases:
    """All cases of the area."""
    text = "\n".join((ROOT / name).read_text(encoding="utf-8") for name in DOCUMENTS)
    shown = bundles(text)
    for name, data in shown.items():
        yield accepts(
            f"SPEC/{name}", f"The bundle `{name}` of the norm.",
            "PCB-READ-008 PCB-FRAME-011 PCB-CURR-001 PCB-CURR-003", data, classes=[READER],
            needs=[ZSTD] if name == "blocks" else [],
        )  # fmt: skip
    for name, at, _, new, code, offset in _CHANGE.findall(text):
        data = put(shown[name], int(at, 16), bytes.fromhex(new))
        id_ = f"SPEC/{name}-{at.lower()}-{new.lower()}"
        shows = f"Byte {at} of `{name}` changed to {new}, as the norm tells it."
        defect = f"byte {at} is {new}"
        if code in _OPENS:
            yield accepts(
                id_, shows, "PCB-CONT-005", data, fault=code, at=int(offset),
                base=f"SPEC/{name}", defect=defect,
            )  # fmt: skip
        else:
            yield refuses(
                id_, shows, RULES, data, code, int(offset), base=f"SPEC/{name}", defect=defect
            )
