"""Where a bundle's bytes are read from: a buffer, or anything that can read a range."""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from typing import Protocol, TypeGuard, runtime_checkable

from precompile_context.errors import MisuseError

# What is copied is held in memory so much at a time.
_STEP = 16 << 20

Buffer = bytes | bytearray | memoryview | mmap.mmap


@runtime_checkable
class ByteSource(Protocol):
    """Random access to the bytes of a bundle: a file, a mapping, HTTP or S3 ranges."""

    @property
    def size(self) -> int:
        """Number of bytes there are; does not change."""

    def read(self, offset: int, size: int) -> memoryview:
        """The `size` bytes from `offset`; only asked for bytes below `self.size`."""


class BufferSource:
    """A buffer in memory or a mapping; reads are views, nothing is copied."""

    def __init__(self, buffer: Buffer) -> None:
        self._view = memoryview(buffer).toreadonly().cast("B")

    @property
    def size(self) -> int:
        return len(self._view)

    def read(self, offset: int, size: int) -> memoryview:
        return self._view[offset : offset + size]


class JoinedSource:
    """Ranges of several sources one behind another, as if concatenated."""

    def __init__(self, parts: Sequence[tuple[ByteSource, int, int]]) -> None:
        """`parts` are (source, first byte, number of bytes)."""
        self._parts = parts
        self._size = sum(size for _, _, size in parts)

    @property
    def size(self) -> int:
        return self._size

    def read(self, offset: int, size: int) -> memoryview:
        pieces = []
        for source, start, length in self._parts:
            if offset < length:
                take = min(size, length - offset)
                pieces.append(source.read(start + offset, take))
                offset, size = 0, size - take
                if size == 0:
                    break
            else:
                offset -= length
        return pieces[0] if len(pieces) == 1 else memoryview(b"".join(pieces))


def ranges(source: ByteSource, start: int, end: int) -> Iterator[memoryview]:
    """The bytes from `start` to `end`, a few at a time."""
    for at in range(start, end, _STEP):
        yield source.read(at, min(_STEP, end - at))


def is_source(source: object) -> TypeGuard[Buffer | ByteSource]:
    """Whether bundles are read from such a thing."""
    return isinstance(source, (bytes, bytearray, memoryview, mmap.mmap, ByteSource))


def as_source(source: Buffer | ByteSource) -> ByteSource:
    """`source` itself where it can read ranges, else a view of the buffer.

    Raises:
        MisuseError: it is neither.
    """
    if isinstance(source, (bytes, bytearray, memoryview, mmap.mmap)):
        return BufferSource(source)
    if isinstance(source, ByteSource):
        return source
    hint = "; BundleFile(path).open(policy=...) reads a file" if _is_path(source) else ""
    raise MisuseError(f"a bundle is bytes or a ByteSource, not {type(source).__name__}{hint}")


def _is_path(source: object) -> bool:
    return isinstance(source, str) or hasattr(source, "__fspath__")
