"""Every producer's bundles with every consumer: a corpus of what testees write, made and run."""

from precompile_conformance.interop import report
from precompile_conformance.interop.matrix import Disagreement, Matrix, Progress, cross

__all__ = ["Disagreement", "Matrix", "Progress", "cross", "report"]
