"""A compiled function of numba's, as an artifact."""

from dataclasses import dataclass
from typing import ClassVar

from precompile_context.session import ServedArtifact


@dataclass(frozen=True)
class NumbaFunction(ServedArtifact):
    """What numba keeps of one signature of one function: a pickle, with object code in it.

    Attributes:
        function: its module and qualified name.
        signature: the types of its arguments.
        source: a digest of its file, and of its code and options.
        reads: what it calls and reads, a line each: a digest and the name.
        seconds: that its compile took, without those of functions that were compiled for it.
    """

    TYPE: ClassVar[str] = "numba.function"

    function: str
    signature: str
    source: str
    reads: str
    seconds: float = 0.0
