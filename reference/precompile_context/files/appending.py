"""A locked bundle file that segments are appended to; see `BundleFile.appending`."""

import os
from collections.abc import Iterable
from pathlib import Path

from precompile_context.bundle import Bundle, Limits, Written, extended, framing, grown
from precompile_context.bundle.forwards import ends_with_torn_footer, holds_committed_segment
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.files.access import Chunk, FileSource, start_writing, write_all
from precompile_context.files.atomic import naming, sync_directory
from precompile_context.files.system import RAW
from precompile_context.trust import UNSIGNED, TrustPolicy

# The disk is told to begin whenever so many bytes are new: of 1 GiB, a save took 0.75 s in place
# of 1.0, on a disk that took 0.5 for it.
_WRITTEN_BEHIND = 16 << 20


class FileAppending:
    """A locked bundle file; see `BundleFile.appending`."""

    def __init__(
        self,
        fd: int,
        path: Path,
        limits: Limits,
        policy: TrustPolicy,
        known: Bundle | None = None,
    ) -> None:
        """`known` is what was in the file before, where it may still be there."""
        self._fd = fd
        self._path = path
        self._limits = limits
        self.known = self.bundle = continued(fd, known, policy)
        if self.bundle is None:
            with naming(path):
                self.bundle = open_for_append(fd, limits, policy)
            self.known = self._remembered(self.bundle)
        self._policy = policy
        self._base = self.size = self.bundle.size if self.bundle else 0
        self._footers: list[tuple[int, Chunk]] = []
        self._written: list[Written] = []  # what the appends wrote, as far as that was told
        self._started = self.size  # up to here, the disk was told to begin

    def _remembered(self, bundle: Bundle | None) -> Bundle | None:
        """The bundle for the next append, over a descriptor of its own that holds no lock."""
        source = None if bundle is None else self._own_source()
        return bundle.over(source) if bundle and source else None

    def _own_source(self) -> FileSource | None:
        try:
            source = FileSource(os.open(self._path, os.O_RDONLY | RAW), owned=True)
        except OSError:  # it can be written and not read, say: the next append opens it whole
            return None
        # Else it was replaced by one who takes no lock.
        return source if source.is_of(self._fd) else None

    def remember(self, segment: Written) -> None:
        """What the last append has written: the next one then need not read it."""
        self._written.append(segment)

    def append(self, chunks: Iterable[Chunk]) -> None:
        """Write one segment but for its footer, the last of `chunks`; `commit` writes that.

        Raises:
            PrecompileError: LIMIT_EXCEEDED; with this segment nobody would read the file.
            OSError: it could not be written.
        """
        there = len(self.bundle.segments) if self.bundle else 0
        if there + len(self._footers) >= self._limits.segments:
            detail = f"the file has {self._limits.segments} segments; fold it first"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, self.size)
        # [PCB-APPD-001]
        at, last = self.size, None
        for chunk in chunks:  # which may fail to be read: that is not this file's error
            if last is not None:
                with naming(self._path):
                    at += self._write(last, at)
            last = chunk
        if last is not None:
            self._footers.append((at, last))
            with naming(self._path):  # the footer's space is taken already
                self.size = at + write_all(self._fd, bytes(len(last)), at)

    def _write(self, chunk: Chunk, at: int) -> int:
        done = write_all(self._fd, chunk, at)
        # [PCB-APPD-013]
        if not at:
            # The header of a new file: from here on, what a power cut leaves begins as
            # a bundle does, and is known for a writer's unfinished work.
            os.fsync(self._fd)
        end = at + done
        if end - self._started >= _WRITTEN_BEHIND:
            start_writing(self._fd, self._started, end - self._started)
            self._started = end
        return done

    def commit(self) -> None:
        """Sync all that was written, then write the footers.

        So what can fail, for want of space say, fails before anything is
        committed; and nothing of a footer is on the disk before its segment is,
        nor before the footer in front of it.
        """
        count = len(self._footers)
        if not count:
            return
        with naming(self._path):
            self._commit()
        source = self._own_source() if len(self._written) == count else None
        if source is not None:
            written, policy = self._written, self._policy
            self.known = extended(self.bundle, written, source, policy, self._limits)

    def _commit(self) -> None:
        os.ftruncate(self._fd, self.size)  # what a failed append left behind it
        os.fsync(self._fd)
        # Whoever made or folded the file may have died before its name was on the disk.
        sync_directory(self._path.parent)
        # [PCB-APPD-002]
        while self._footers:
            at, footer = self._footers[0]
            self._base = at + write_all(self._fd, footer, at)
            self._footers.pop(0)
            # [PCB-APPD-003] [PCB-APPD-013]
            os.fsync(self._fd)

    def roll_back(self) -> None:
        """Take back what was written and not committed; a reader may have mapped what was."""
        # [PCB-APPD-008]
        with naming(self._path):
            if os.fstat(self._fd).st_size > self._base:
                os.ftruncate(self._fd, self._base)
                os.fsync(self._fd)
        self._footers.clear()
        self.size = self._base


def continued(fd: int, known: Bundle | None, policy: TrustPolicy) -> Bundle | None:
    """What is in the file, where that is what was there before and sound segments behind it.

    None where it is to be opened: nothing is known of it, or of this very file; it
    became shorter; its end is torn; or other bytes stand where the known ones stood.
    """
    # [PCB-APPD-004]
    if known is None or known.policy is not policy:
        return None
    source = known.source
    if not isinstance(source, FileSource) or not source.is_of(fd):
        return None
    return grown(known, source.again())


def open_for_append(fd: int, limits: Limits, policy: TrustPolicy) -> Bundle | None:
    """The bundle in the file, a torn tail cut off; None where nothing is left."""
    source = FileSource(fd)
    # [PCB-APPD-005]
    if source.size <= framing.HEADER_SIZE and not any(source.read(0, source.size)):
        os.ftruncate(fd, 0)  # new, or its length alone came to the disk before a power cut
        return None
    bundle, end = None, 0
    try:
        # [PCB-APPD-004]
        bundle = Bundle.open(source, policy=policy, limits=limits, recover=True)
        end = bundle.size
    except PrecompileError as error:
        if error.code is not ErrorCode.TRUNCATED and not ends_with_torn_footer(source, 0):
            raise
    if end < source.size:
        _check_torn(source, end, limits)
        os.ftruncate(fd, end)
    return bundle


def _check_torn(source: FileSource, end: int, limits: Limits) -> None:
    """Raise unless what follows E is a writer's unfinished work, with nothing committed in it."""
    if ends_with_torn_footer(source, end):
        return
    detail = "what follows the last complete segment is no unfinished segment; nothing is cut off"
    try:
        Bundle.open(source, policy=UNSIGNED, limits=limits)
    except PrecompileError as error:
        # With a footer at the end and the walk failing, damage lies within: what is behind it
        # may still be read.
        # [PCB-APPD-006] [PCB-APPD-014]
        if error.code is ErrorCode.TRUNCATED:
            if not holds_committed_segment(source, end):
                return
            detail = "there is damage before a later segment, which appending would cut off"
    raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, end)
