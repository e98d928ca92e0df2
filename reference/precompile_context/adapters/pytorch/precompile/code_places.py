"""The place at which code stands: the same function may stand elsewhere in its file."""

import re
import types
from typing import Any

# How torch calls what goes on behind a graph break, up to the line.
_BEHIND_A_BREAK = re.compile(r"(.*torch_dynamo_resume_in_.*_at_)\d+")


def without_line(name: str) -> str:
    """A code's name, the same wherever in its file it stands: torch names what goes on behind a
    graph break by the line, where the code begins.
    """
    found = _BEHIND_A_BREAK.fullmatch(name)
    return name if found is None else found[1]


def moved(code: types.CodeType, file: str, lines: int) -> types.CodeType:
    """The code, with what is nested in it, as it is so many lines further down in this file."""
    line = code.co_firstlineno + lines
    names: dict[str, Any] = {
        attribute: f"{found[1]}{line}"
        for attribute in ("co_name", "co_qualname")
        if (found := _BEHIND_A_BREAK.fullmatch(getattr(code, attribute)))
    }
    constants = tuple(
        moved(value, file, lines) if isinstance(value, types.CodeType) else value
        for value in code.co_consts
    )
    return code.replace(co_filename=file, co_firstlineno=line, co_consts=constants, **names)
