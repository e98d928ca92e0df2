"""Our own functions, which dynamo must not compile as the program's.

Where a compiled function runs a backward, torch calls some while it looks out for frames to
compile, and it would take them for the program's: it passes over its own files alone.
"""

import os
import types
from collections.abc import Callable
from typing import Any

import precompile_context
from precompile_context.session.patches import Patches

_OURS = os.path.join(os.path.dirname(precompile_context.__file__), "")
# As a program of a user's is.
_DEMO = os.path.join(os.path.dirname(__file__), "demo_model.py")


def install(patches: Patches) -> None:
    """Have dynamo pass over frames of ours."""
    from torch._dynamo import trace_rules

    patches.wrap(trace_rules, "check", _check)


def _check(original: Callable[..., bool], value: Any, *args: Any, **kwargs: Any) -> bool:
    is_frame = isinstance(value, types.CodeType) and not (args or kwargs.get("is_inlined_call"))
    return (is_frame and _is_ours(value.co_filename)) or original(value, *args, **kwargs)


def _is_ours(file: str) -> bool:
    return file.startswith(_OURS) and file != _DEMO
