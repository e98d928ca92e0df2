"""What a context has serialized or loaded so far: segments, in order, as ranges of sources."""

from collections.abc import Sequence

from precompile_context.bundle import BufferSource, Bundle, Chain, JoinedSource
from precompile_context.bundle.source import ByteSource


class Serialized:
    """The segments so far. False where there are none. A longer one is another object."""

    def __init__(
        self,
        segments: Sequence[tuple[ByteSource, int, int]] = (),
        digests: Sequence[bytes] = (),
        chain: Chain | Bundle | None = None,
        data: bytes | None = None,
    ) -> None:
        """`data` is all segments as one bundle, where that is at hand."""
        self._segments, self._digests = segments, digests
        self._chain = Chain() if chain is None else chain
        self._bytes = data

    def __bool__(self) -> bool:
        return bool(self._segments)

    @property
    def chain(self) -> Chain:
        """What the next segment continues; that of a loaded bundle is made when it is asked for."""
        if isinstance(self._chain, Bundle):
            self._chain = Chain.of(self._chain)
        return self._chain

    def with_written(self, data: bytes, digests: list[bytes], chain: Chain) -> "Serialized":
        """With segments behind these that were just written."""
        return Serialized(
            (*self._segments, (BufferSource(data), 0, len(data))),
            (*self._digests, *digests),
            chain,
            None if self._segments else data,
        )

    def with_loaded(self, bundle: Bundle) -> "tuple[Serialized, bool]":
        """With a loaded bundle's segments; and whether it begins with all that there were."""
        loaded = tuple(segment.payload_digest for segment in bundle.segments)
        continues = loaded[: len(self._digests)] == self._digests
        # [PCB-CTX-028]
        if self._digests[len(self._digests) - len(loaded) :] == loaded:
            return self, continues  # loaded before: those very segments are the last ones already
        segment = bundle.source, 0, bundle.size
        if continues:  # the same bundle, grown
            return Serialized((segment,), loaded, bundle), True
        return Serialized((*self._segments, segment), (*self._digests, *loaded), bundle), False

    def joined(self) -> bytes:
        """All segments as one bundle; the same object until there is a new one."""
        if self._bytes is None:
            source = JoinedSource(self._segments)
            self._bytes = bytes(source.read(0, source.size))
        return self._bytes
