"""PrecompileContext, and what it is made of."""

from precompile_context.context.context import PrecompileContext

__all__ = ["PrecompileContext"]
