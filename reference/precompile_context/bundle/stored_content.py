"""A content that still lies in a bundle: read, or taken over block by block, when it is written."""

from collections.abc import Iterator
from contextlib import contextmanager

from precompile_context.bundle.packing import StoredBlock
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.stored import StoredArtifact
from precompile_context.errors import PrecompileError


class StoredContent:
    """An artifact's content, in place of its bytes, for whoever writes more than fits in memory."""

    def __init__(
        self,
        bundle: Bundle,
        artifact: StoredArtifact,
        origin: str = "",
        *,
        is_common: bool = False,
    ) -> None:
        """`origin` names the bundle where an error of one among several is told.

        `is_common`: others of them hold it, too.
        """
        self._is_common = is_common
        self.bundle = bundle
        self._artifact = artifact
        self._origin = origin

    def __len__(self) -> int:
        return self._artifact.content_size

    @property
    def has_own_blocks(self) -> bool:
        """Whether it is large and its blocks hold nothing else: they are written as they are."""
        return self.bundle.has_own_blocks(self._artifact)

    @property
    def place(self) -> object:
        """Equal for contents that begin in one block of one bundle, and for all common ones."""
        if self._is_common:
            return None
        first = next(iter(self.bundle.blocks(self._artifact)), None)
        return id(self.bundle), self._artifact.segment, first

    def own_blocks(self) -> Iterator[StoredBlock]:
        """Those blocks, one in memory at a time, verified like what `read` gives.

        Raises:
            PrecompileError: a CONTENT code; that of the content comes after the last block.
        """
        artifact = self._artifact
        with self._named():
            begins: tuple[bytes, ...] = (artifact.content_digest,)
            for (digest, _, compression, size), data in self.bundle.own_blocks(artifact):
                yield StoredBlock(data, digest, compression, size, begins, (0,))
                begins = ()

    def read(self) -> bytes:
        """All of it.

        Raises:
            PrecompileError: a CONTENT code.
        """
        with self._named():
            return self.bundle.read(self._artifact)

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except PrecompileError as error:
            if not self._origin:
                raise
            detail = f"{self._origin}: {error.detail}"
            raise PrecompileError(error.code, detail, error.offset) from error
