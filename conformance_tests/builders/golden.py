"""GOLDEN: what torch's compiles on a CPU left behind: blocks as they were captured.

They are the one input that no builder can make: each is read from the vectors, where it
stands, and written there again.
"""

from builders.case import INPUT, ZSTD, Cases, accepts
from precompile_conformance.corpus import VECTORS

CAPTURED = {
    "relu-of-a-product": "A compiled function of one kernel: graphs, pickles and a library.",
    "training-step": "Forward and backward of a linear layer.",
    "two-programs": "Two programs that saved into one file, one after the other.",
}
RULES = "PCB-READ-008 PCB-CONT-005 PCB-CONT-001 PCB-HOST-004 PCB-LIM-001"


def cases() -> Cases:
    """All cases of the area."""
    for name, shows in CAPTURED.items():
        data = (VECTORS / "v1.0" / "GOLDEN" / name / INPUT).read_bytes()
        yield accepts(f"GOLDEN/{name}", shows, RULES, data, needs=[ZSTD])
