"""The sizes with which a frame was compiled, from which dynamo learns what is dynamic.

A process that is served a version has not compiled for its sizes. Told of them, dynamo
makes the next compile of the frame dynamic where it would have in the process that compiled.
"""

import copy
import types
from typing import Any


def sizes_seen(code: types.CodeType, closure: Any) -> dict[str, Any]:
    """What dynamo has seen of a frame's inputs so far, by their source."""
    from torch._dynamo.pgo import CodeId, get_code_state

    state = get_code_state().get(CodeId.make(code, closure))
    return {} if state is None else copy.deepcopy(dict(state.automatic_dynamic))


def tell_sizes(code: types.CodeType, closure: Any, sizes: dict[str, Any]) -> None:
    """Add what another process has seen to what dynamo has."""
    from torch._dynamo.pgo import CodeId, get_code_state

    state = get_code_state()[CodeId.make(code, closure)]
    for name, entry in sizes.items():
        state.automatic_dynamic[name] |= copy.deepcopy(entry)
