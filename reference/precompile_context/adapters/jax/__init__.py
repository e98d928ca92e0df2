"""JAX: compiled executables are served from a bundle, and recorded into one.

`precompile run` finds the adapter by itself. What this module names are the classes of its
artifacts, for whoever reads a bundle, and for functions that were exported with `jax.export`.
"""

from precompile_context.adapters.jax.artifacts import AutotunedFile, Executable, ExportedFunction

__all__ = ["AutotunedFile", "Executable", "ExportedFunction"]
