"""What torch took to compile a graph: it writes that into the graph's pickle.

Found by its name there. Nothing is unpickled.
"""

import re

# The name as pickle writes a string, and behind it, as a state's items are written, the number:
# in one, two or four bytes, or in as many as the byte before says.
_TAKEN = re.compile(
    rb"\x8c\x0e_time_taken_ns\x94?(?:\x95.{8})?(?:K(.)|M(..)|J(....)|\x8a\x05(.{5})|\x8a\x06(.{6})"
    rb"|\x8a\x07(.{7})|\x8a\x08(.{8}))",
    re.DOTALL,
)


def compile_seconds(content: bytes) -> float:
    """The seconds in the pickle of a graph; 0.0 where it does not say."""
    found = _TAKEN.search(content)
    if found is None:
        return 0.0
    return max(0, int.from_bytes(found[found.lastindex or 0], "little", signed=True)) / 1e9
