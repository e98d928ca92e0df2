"""Which of several contents of one torch cache key an artifact is: told by its guards.

torch keeps several compiled versions of a graph under one key, each with guard
expressions over its symbolic shapes. Versions with equal guards are equivalent, although
no two runs give equal bytes (they hold timings), so the guards name the version.

The expressions are found by reading the pickle's opcodes. Nothing is unpickled.
"""

import hashlib
import pickletools
from collections.abc import Iterator

_GUARD_FIELDS = ("guards_expr", "fx_graph_guard_expr")
_STRINGS = frozenset(("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"))
_PUTS = frozenset(("PUT", "BINPUT", "LONG_BINPUT"))
_GETS = frozenset(("GET", "BINGET", "LONG_BINGET"))
# Of a digest: enough that two versions of one graph never meet.
_NAME_CHARACTERS = 16


def guard_variant(content: bytes) -> str:
    """A name for the guards in a pickle, in their order; "" where it has none, or is no pickle."""
    hasher = hashlib.sha256()
    guarded = False
    try:
        for field, guard in _guards(content):
            guarded = guarded or bool(guard)
            hasher.update(f"{field}={guard!r}\n".encode(errors="backslashreplace"))
    except Exception:  # pickletools raises what it meets: bytes that are no pickle have no guards
        return ""
    return hasher.hexdigest()[:_NAME_CHARACTERS] if guarded else ""


def guards_in(content: bytes) -> tuple[str, ...]:
    """The guard expressions in a pickle; none where it has none, or is no pickle."""
    try:
        return tuple(guard for _, guard in _guards(content) if guard)
    except Exception:  # as above
        return ()


def _guards(pickled: bytes) -> Iterator[tuple[str, str | None]]:
    """Each guard field with its expression; None where the graph has no guards.

    A field's value follows its name directly, as pickle writes a state's items.
    Either may be a reference to a string that came before, hence the memo.
    """
    memo: dict[object, str | None] = {}
    top: str | None = None  # what the last opcode pushed, where that is a string
    field: str | None = None
    for opcode, argument, _ in pickletools.genops(pickled):
        name = opcode.name
        if name == "MEMOIZE":
            memo[len(memo)] = top
            continue
        if name in _PUTS:
            memo[argument] = top
            continue
        if name in _STRINGS:
            top = argument
        elif name in _GETS:
            top = memo.get(argument)
        else:
            top = None
        if field is not None:
            yield field, top
            field = None
        elif top in _GUARD_FIELDS:
            field = top
