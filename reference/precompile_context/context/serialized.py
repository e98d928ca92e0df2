"""What a context has serialized or loaded so far: segments, in order, as ranges of sources."""

from precompile_context.bundle import BufferSource, Bundle, Chain, JoinedSource
from precompile_context.bundle.source import ByteSource


class Serialized:
    """The segments so far. False where there are none."""

    def __init__(self) -> None:
        self.segments: list[tuple[ByteSource, int, int]] = []
        self.digests: list[bytes] = []
        self._chain: Chain | Bundle = Chain()
        self._bytes: bytes | None = None

    def __bool__(self) -> bool:
        return bool(self.segments)

    @property
    def chain(self) -> Chain:
        """What the next segment continues; that of a loaded bundle is made when it is asked for."""
        if isinstance(self._chain, Bundle):
            self._chain = Chain.of(self._chain)
        return self._chain

    def append(self, data: bytes, digests: list[bytes], chain: Chain) -> None:
        """Segments that were just written."""
        self.segments.append((BufferSource(data), 0, len(data)))
        self.digests += digests
        self._chain = chain
        self._bytes = data if len(self.segments) == 1 else None

    def adopt(self, bundle: Bundle) -> bool:
        """Take a loaded bundle's segments in; whether it begins with all that there were."""
        digests = [segment.payload_digest for segment in bundle.segments]
        continues = digests[: len(self.digests)] == self.digests
        # [PCB-CTX-028]
        if self.digests[len(self.digests) - len(digests) :] == digests:
            return continues  # loaded before: those very segments are the last ones already
        if continues:
            self.segments, self.digests = [], []  # the same bundle, grown
        self.segments.append((bundle.source, 0, bundle.size))
        self.digests += digests
        self._chain = bundle
        self._bytes = None
        return continues

    def joined(self) -> bytes:
        """All segments as one bundle; the same object until there is a new one."""
        if self._bytes is None:
            source = JoinedSource(self.segments)
            self._bytes = bytes(source.read(0, source.size))
        return self._bytes
