"""Objects of torch's and Python's own that hold nothing, as `dataclasses.MISSING`.

Such a one is what its class makes of it, and that is a fact of the environment.
"""

import sys
import types
from typing import Any

from precompile_context.adapters.pytorch.precompile.digests import is_pinned
from precompile_context.adapters.pytorch.precompile.taking_apart import holds_nothing


def standing(value: Any) -> tuple[types.ModuleType, str] | None:
    """The module of its class, and the name under which that has it; None for other objects."""
    name = type(value).__module__
    if not is_pinned(name) or not holds_nothing(value):
        return None
    if (module := sys.modules.get(name)) is None:  # some classes say another than their own
        return None
    return next(((module, key) for key, held in [*vars(module).items()] if held is value), None)
