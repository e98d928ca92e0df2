"""The file system, and the only place that touches it: map, append under a lock, replace."""

import contextlib
import errno
import fcntl
import mmap
import os
import stat
import tempfile
import time
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

from precompile_context.bundle import (
    DEFAULT_LIMITS,
    Bundle,
    Chain,
    Limits,
    SegmentWriter,
)
from precompile_context.bundle.fold import Folded, fold, foldable
from precompile_context.bundle.walk import holds_committed_segment
from precompile_context.bundle.writer import split
from precompile_context.errors import ErrorCode, PrecompileError

Chunk = bytes | memoryview
# An append holds the lock for as long as it writes: a second for a gigabyte.
LOCK_SECONDS = 60.0
_APPENDING = os.O_RDWR | os.O_CLOEXEC


class BundleFile:
    """One bundle file, shared by any number of readers and appending processes."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        limits: Limits = DEFAULT_LIMITS,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        """`lock_seconds` is how long an append waits for another process's."""
        self.path = Path(path)
        self._limits = limits
        self._lock_seconds = lock_seconds

    def open(self, *, recover: bool = True, mapped: bool = False) -> Bundle:
        """The bundle in the file as it is now; later appends are not seen.

        With `mapped`, content is read from a mapping, and `Bundle.view` copies
        nothing; then whoever overwrites or cuts the file in place (writers of
        bundles never do) ends this process with a fault. Indexes are never mapped.

        Raises:
            PrecompileError: a code of FRAME to VALIDATE.
            OSError: the file cannot be opened or mapped.
        """
        # Non-blocking, so that a pipe is told from a file rather than waited for.
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            _check_regular(fd, self.path)
            while True:
                try:
                    source = _FileSource(fd)
                    bundle = Bundle.open(source, limits=self._limits, recover=recover)
                    break
                except _BecameShorterError:
                    continue  # now the torn tail is cut
            if mapped:
                return bundle.over(mmap.mmap(fd, bundle.size, access=mmap.ACCESS_READ))
            # The source keeps the file open for as long as the bundle is used.
            return bundle.over(_FileSource(os.dup(fd), owned=True))
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def appending(self) -> Iterator["FileAppending"]:
        """Lock the file, made where there is none, and open it for appending.

        A torn tail is cut first, and only where nothing committed is cut with it.
        An exception within the block takes back what the block appended.

        Raises:
            PrecompileError: the file is no sound bundle; it was not changed.
            OSError: the file cannot be opened, locked or written.
        """
        fd, made = self._lock()
        try:
            appending = FileAppending(fd, self.path, self._limits)
            try:
                yield appending
                appending.commit()
            except BaseException:
                appending.roll_back()
                raise
            finally:
                if made and not appending.size:
                    os.unlink(self._target())  # nothing came of it: an empty file is no bundle
        finally:
            os.close(fd)  # also unlocks

    def fold(self, base_digest: bytes, *, most_base: int | None = None) -> bool:
        """Put one segment in place of all behind the one with this payload digest.

        Segments appended one by one compress badly; together they share blocks.
        `base_digest` is empty to fold all. The file is replaced as a whole, what
        stands before stays byte for byte. Whether anything was folded: not where
        there is less than two, or one segment cannot mean the same, or more than
        `most_base` bytes stand before and would have to be copied.

        Raises:
            PrecompileError: the file is damaged; it was not changed.
            OSError: the file cannot be read or written; it was not changed.
        """
        fd, _ = self._lock(make=False)
        try:
            source = _FileSource(fd)
            bundle = Bundle.open(source, limits=self._limits)
            digests = [b"", *(segment.payload_digest for segment in bundle.segments)]
            if base_digest not in digests:
                return False  # folded away by another process meanwhile
            tail = bundle.segments[digests.index(base_digest) :]
            if len(tail) < 2 or (base_digest and tail[0].begins_chain) or not foldable(tail):
                return False
            if most_base is not None and tail[0].offset > most_base:
                return False
            folded = fold(bundle, tail)
            if len(list(split(folded.artifacts, folded.removed))) > 1:
                return False  # no reader would take one manifest of that size
            chunks = _folded_chunks(source, bundle, tail[0].offset, folded)
            replace(self._target(), chunks, mode=os.fstat(fd).st_mode & 0o777)
            return True
        finally:
            os.close(fd)

    def _target(self) -> Path:
        """The file itself, where the path is a symbolic link: whoever names it shares it."""
        return Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path

    def _lock(self, *, make: bool = True) -> tuple[int, bool]:
        """A descriptor of the file, locked for us alone, and whether this call made it."""
        path = self._target()
        while True:
            fd, made = _open_or_make(path) if make else (os.open(path, _APPENDING), False)
            try:
                _lock_descriptor(fd, path, self._lock_seconds)
                # Another process may have replaced the file while this one waited: what is
                # appended to the old one would be lost.
                with contextlib.suppress(FileNotFoundError):
                    if os.path.samestat(os.fstat(fd), os.stat(path)):
                        return fd, made
            except BaseException:
                if made:
                    path.unlink(missing_ok=True)
                os.close(fd)
                raise
            os.close(fd)


def _open_or_make(path: Path) -> tuple[int, bool]:
    while True:
        with contextlib.suppress(FileNotFoundError):
            return os.open(path, _APPENDING), False
        with contextlib.suppress(FileExistsError):
            return os.open(path, _APPENDING | os.O_CREAT | os.O_EXCL, 0o644), True


def _check_regular(fd: int, path: Path) -> None:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        raise OSError(errno.EINVAL, "a bundle is a regular file", str(path))


def _lock_descriptor(fd: int, path: Path, seconds: float) -> None:
    """Lock, and wait for whoever holds it, but not for ever: it may be a stopped process."""
    _check_regular(fd, path)
    deadline = time.monotonic() + seconds
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                text = f"locked by another process for {seconds:g} seconds"
                raise OSError(error.errno, text, str(path)) from error
            time.sleep(0.002)
        except OSError as error:
            raise _lock_fault(error, path) from error


def _lock_fault(error: OSError, path: Path) -> OSError:
    if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
        return error
    text = "the file system cannot lock files; keep the bundle on a local one"
    return OSError(error.errno, text, str(path))


class FileAppending:
    """A locked bundle file; see `BundleFile.appending`."""

    def __init__(self, fd: int, path: Path, limits: Limits) -> None:
        self._fd = fd
        self._path = path
        self._limits = limits
        self.bundle = _open_for_append(fd, limits)
        self._base = self.size = self.bundle.size if self.bundle else 0
        self._footers: list[tuple[int, Chunk]] = []

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
        at, last = self.size, None
        for chunk in chunks:
            if last is not None:
                at += self._write(last, at)
            last = chunk
        if last is not None:
            self._footers.append((at, last))
            self.size = at + self._write(bytes(len(last)), at)  # its space is taken already

    def commit(self) -> None:
        """Sync all that was written, then write the footers.

        So what can fail, for want of space say, fails before anything is
        committed; and nothing of a footer is on the disk before its segment is.
        """
        if not self._footers:
            return
        os.ftruncate(self._fd, self.size)  # what a failed append left behind it
        os.fsync(self._fd)
        while self._footers:
            self._write(self._footers[0][1], self._footers[0][0])
            self._base = self._footers[0][0] + len(self._footers.pop(0)[1])
        os.fsync(self._fd)
        if self.bundle is None:
            _sync_directory(self._path.parent)

    def _write(self, chunk: Chunk, at: int) -> int:
        view = memoryview(chunk)
        done = 0
        while done < len(view):
            done += os.pwrite(self._fd, view[done:], at + done)
        return done

    def roll_back(self) -> None:
        """Take back what was written and not committed; a reader may have mapped what was."""
        if os.fstat(self._fd).st_size > self._base:
            os.ftruncate(self._fd, self._base)
            os.fsync(self._fd)
        self._footers.clear()
        self.size = self._base


class _BecameShorterError(OSError):
    """A writer cut the file's torn tail while it was read."""


class _FileSource:
    """Ranges of an open file. Unlike a mapping, it cannot fault where the file shrinks."""

    def __init__(self, fd: int, *, owned: bool = False) -> None:
        self._fd = fd
        self.size = os.fstat(fd).st_size
        if owned:
            weakref.finalize(self, os.close, fd)

    def read(self, offset: int, size: int) -> memoryview:
        data = os.pread(self._fd, size, offset)
        while len(data) < size:
            more = os.pread(self._fd, size - len(data), offset + len(data))
            if not more:
                raise _BecameShorterError(errno.EIO, "the file became shorter while it was read")
            data += more
        return memoryview(data)


def _open_for_append(fd: int, limits: Limits) -> Bundle | None:
    """The bundle in the file, a torn tail cut off; None where nothing is left."""
    source = _FileSource(fd)
    if source.size == 0:
        return None
    bundle, end = None, 0
    try:
        bundle = Bundle.open(source, limits=limits, recover=True)
        end = bundle.size
    except PrecompileError as error:
        if error.code is not ErrorCode.TRUNCATED:
            raise
    if end < source.size:
        _check_torn(source, end, limits)
        os.ftruncate(fd, end)
    return bundle


def _check_torn(source: _FileSource, end: int, limits: Limits) -> None:
    """Raise unless what follows E is a writer's unfinished work, with nothing committed in it."""
    detail = "what follows the last complete segment is no unfinished segment; nothing is cut off"
    try:
        Bundle.open(source, limits=limits)
    except PrecompileError as error:
        # With a footer at the end and the walk failing, damage lies within: what is behind it
        # may still be read.
        if error.code is not ErrorCode.TRUNCATED:
            raise
        if not holds_committed_segment(source, end):
            return
        detail = "there is damage before a later segment, which appending would cut off"
    raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, end)


def _folded_chunks(
    source: _FileSource, bundle: Bundle, base: int, folded: Folded
) -> Iterator[Chunk]:
    step = 16 << 20
    for start in range(0, base, step):
        yield source.read(start, min(step, base - start))
    chain = Chain()
    if base:
        chain = Chain.of(bundle, before=base)
    writer = SegmentWriter(chain, requirements=folded.requirements)
    yield from writer.chunks(folded.artifacts, folded.removed)


class Directory:
    """A flat directory of files that are replaced as a whole."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)

    def read(self, name: str) -> bytes | None:
        """The file's bytes, all of one version, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def replace(self, name: str, chunks: Iterable[Chunk]) -> None:
        """Make the chunks the file's bytes, at once for every reader."""
        replace(self.path / name, chunks)


def replace(path: Path, chunks: Iterable[Chunk], *, mode: int = 0o644) -> None:
    """Write a file beside `path`, sync it and put it in its place; readers see old or new.

    A symbolic link stays, its target is replaced.

    Raises:
        OSError: something else than a regular file is there, or it cannot be written.
    """
    path = Path(os.path.realpath(path)) if path.is_symlink() else path
    if path.exists() and not path.is_file():  # a device or a pipe must not give way to a file
        raise OSError(errno.EINVAL, "no regular file", str(path))
    fd, temporary = tempfile.mkstemp(prefix=f".{path.name[:64]}.", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.writelines(chunks)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    """Make a new name last through a power cut."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
