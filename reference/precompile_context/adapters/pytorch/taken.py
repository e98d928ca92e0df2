"""What torch took to compile a graph: it writes that into the graph's pickle.

Found by its name there. Nothing is unpickled.
"""

import re

# What pickle writes behind the name of a state's item that is a number: it has one, two or four
# bytes, or as many as the byte before says. The first two kinds have no sign.
_NUMBER = (
    rb"\x94?(?:\x95.{8})?(?:K(.)|M(..)|J(....)|\x8a\x05(.{5})|\x8a\x06(.{6})|\x8a\x07(.{7})"
    rb"|\x8a\x08(.{8}))"
)
_UNSIGNED = 2


def _item(name: bytes) -> re.Pattern[bytes]:
    return re.compile(b"\x8c" + re.escape(bytes([len(name)]) + name) + _NUMBER, re.DOTALL)


_GRAPH = _item(b"_time_taken_ns")
_DIRECTIONS = _item(b"forward_time_taken_ns"), _item(b"backward_time_taken_ns")


def compile_seconds(content: bytes) -> float:
    """The seconds in the pickle of inductor's graph; 0.0 where it does not say."""
    return _seconds(_GRAPH, content)


def whole_compile_seconds(content: bytes) -> float:
    """Those in the pickle of autograd's graph, where it holds inductor's graphs: else it names
    them, and theirs are in their own.
    """
    if _GRAPH.search(content) is None:
        return 0.0
    return sum(_seconds(item, content) for item in _DIRECTIONS)


def _seconds(item: re.Pattern[bytes], content: bytes) -> float:
    found = item.search(content)
    if found is None or found.lastindex is None:
        return 0.0
    signed = found.lastindex > _UNSIGNED
    return max(0, int.from_bytes(found[found.lastindex], "little", signed=signed)) / 1e9
