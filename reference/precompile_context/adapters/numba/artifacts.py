"""A compiled function of numba's, as an artifact."""

from dataclasses import dataclass
from typing import ClassVar

from precompile_context.artifact import CacheArtifact
from precompile_context.errors import MisuseError


@dataclass(frozen=True)
class NumbaFunction(CacheArtifact):
    """What numba keeps of one signature of one function: a pickle, with object code in it.

    Attributes:
        function: its module and qualified name.
        signature: the types of its arguments.
        source: a digest of its file, and of its code and options.
        reads: what it calls and reads, a line each: a digest and the name.
    """

    TYPE: ClassVar[str] = "numba.function"

    function: str
    signature: str
    source: str
    reads: str

    def populate_cache(self) -> None:
        """Never right: numba asks for each function by itself, and a session answers.

        Raises:
            MisuseError: always.
        """
        raise MisuseError("numba's functions are served when they are asked for, by a session")
