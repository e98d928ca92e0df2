"""The suite's own reader: the oracle for what testees write, one more opinion on what they read.

Written from the norm for whole bundles in memory, in the order of the stages and
for nothing but clearness: it holds everything, reads everything and is not fast.
"""

from precompile_conformance.reader.fault import Limits, Refused
from precompile_conformance.reader.read import extract, read

__all__ = ["Limits", "Refused", "extract", "read"]
