"""The adapter of a directory, on a host that a variable makes another one."""

import os

from precompile_context.adapters.directory.adapter import adapter_of
from precompile_context.environment import Environment

_Adapter = adapter_of("tool")


class ToolAdapter(_Adapter):  # type: ignore[misc, valid-type]  # made for the name
    """As `precompile run --directory tool=cache` has it."""

    def facts(self) -> Environment:
        facts = super().facts().facts
        return Environment(
            {**facts, "directory.tool.cpu": frozenset([os.environ.get("TOOL_CPU", "this")])}
        )
