"""A run of a program with a bundle, whichever compilers it uses."""

from precompile_context.session.adapter import Adapter, Part, UnsupportedCompilerError
from precompile_context.session.missing import Difference, Miss

__all__ = ["Adapter", "Difference", "Miss", "Part", "UnsupportedCompilerError"]
