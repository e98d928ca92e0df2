"""A run of a program with a bundle, whichever compilers it uses."""

from precompile_context.session.adapter import Adapter, Difference, Miss, Part

__all__ = ["Adapter", "Difference", "Miss", "Part"]
