"""numba: cached functions, served from a bundle."""

from precompile_context.adapters.numba.adapter import NumbaAdapter
from precompile_context.adapters.numba.artifacts import NumbaFunction

__all__ = ["NumbaAdapter", "NumbaFunction"]
