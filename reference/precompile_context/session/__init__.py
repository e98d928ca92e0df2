"""A run of a program with a bundle, whichever compilers it uses."""

from precompile_context.session.adapter import Adapter, Part, UnsupportedCompilerError
from precompile_context.session.missing import Difference, Miss
from precompile_context.session.served import ServedArtifact

__all__ = ["Adapter", "Difference", "Miss", "Part", "ServedArtifact", "UnsupportedCompilerError"]
