"""One bundle file, shared by any number of readers and appending processes."""

import contextlib
import mmap
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from precompile_context.bundle import (
    DEFAULT_LIMITS,
    Batch,
    Bundle,
    ByteSource,
    Chain,
    Limits,
    Segment,
    SegmentWriter,
    ends_with,
)
from precompile_context.bundle.fold import (
    Folded,
    fold,
    foldable_runs,
    foldable_tail,
    is_worth_folding,
)
from precompile_context.bundle.runs import split
from precompile_context.bundle.sign import sign
from precompile_context.bundle.soundness import sound_part
from precompile_context.bundle.source import ranges
from precompile_context.errors import MisuseError, PrecompileError
from precompile_context.files.access import (
    BecameShorterError,
    Chunk,
    FilePath,
    FileSource,
    check_regular,
    checked_path,
)
from precompile_context.files.appending import FileAppending
from precompile_context.files.atomic import remove_stale, replace
from precompile_context.files.locking import LOCK_SECONDS, is_at, locked
from precompile_context.files.system import RAW, WITHOUT_WAITING
from precompile_context.trust import UNSIGNED, Envelope, Signer, TrustPolicy
from precompile_context.trust.keys import check_signer

_READING = os.O_RDONLY | RAW | WITHOUT_WAITING


class BundleFile:
    """One bundle file, shared by any number of readers and appending processes."""

    def __init__(
        self,
        path: FilePath,
        *,
        limits: Limits = DEFAULT_LIMITS,
        lock_seconds: float = LOCK_SECONDS,
    ) -> None:
        """`lock_seconds` is how long an append waits for another process's.

        Raises:
            MisuseError: no file has such a name.
        """
        self.path = checked_path(path, "a bundle's file")
        self._limits = limits
        self._lock_seconds = lock_seconds
        # What was in the file when it was last opened: an append then reads what is new alone.
        self._known: Bundle | None = None

    def __repr__(self) -> str:
        return f"BundleFile({str(self.path)!r})"

    def open(self, *, policy: TrustPolicy, recover: bool = True, mapped: bool = False) -> Bundle:
        """The bundle in the file as it is now; later appends are not seen.

        With `mapped`, content is read from a mapping, and `Bundle.view` copies
        nothing; then whoever overwrites or cuts the file in place (writers of
        bundles never do) ends this process with a fault. Indexes are never mapped.

        Raises:
            PrecompileError: a code of FRAME to VALIDATE.
            OSError: the file cannot be opened or mapped.
        """
        fd = os.open(self.path, _READING)
        try:
            check_regular(fd, self.path)
            while True:
                try:
                    source = FileSource(fd)
                    bundle = Bundle.open(
                        source, policy=policy, limits=self._limits, recover=recover
                    )
                    break
                except BecameShorterError as error:
                    if os.fstat(fd).st_size < source.size:
                        continue  # now the torn tail is cut
                    # As files of /sys do: to try again would never end.
                    text = "the file has fewer bytes than it says"
                    raise OSError(error.errno, text, str(self.path)) from None
            if mapped:
                return bundle.over(mmap.mmap(fd, bundle.size, access=mmap.ACCESS_READ))
            # The source keeps the file open for as long as the bundle is used.
            self._known = bundle.over(FileSource(os.dup(fd), owned=True))
            return self._known
        except PrecompileError as error:
            error.file = str(self.path)
            raise
        finally:
            os.close(fd)

    def source(self) -> FileSource:
        """The bytes in the file, whatever they are.

        Raises:
            OSError: the file cannot be opened.
        """
        fd = os.open(self.path, _READING)
        try:
            check_regular(fd, self.path)
            return FileSource(os.dup(fd), owned=True)
        finally:
            os.close(fd)

    def is_as_left(self, size: int, payload_digest: bytes, *, policy: TrustPolicy) -> bool:
        """Whether the file has this size and its last segment this digest, and is trusted.

        Reads that segment's manifest and takes no lock. Damage to what lies before is left for
        whoever opens the file to find.
        """
        try:
            fd = os.open(self.path, _READING)
        except OSError:
            return False
        try:
            check_regular(fd, self.path)
            source = FileSource(fd)
            return source.size == size and ends_with(source, payload_digest, policy, self._limits)
        except OSError:
            return False
        finally:
            os.close(fd)

    @contextlib.contextmanager
    def appending(self, policy: TrustPolicy) -> Iterator["FileAppending"]:
        """Lock the file, made where there is none, and open it for appending.

        Where `policy` does not trust what is there, nothing is appended to it. A torn
        tail is cut first, and only where nothing committed is cut with it.
        An exception within the block takes back what the block appended.

        Raises:
            PrecompileError: the file is no sound and trusted bundle; it was not changed.
            OSError: the file cannot be opened, locked or written.
        """
        with locked(self._target(), self._lock_seconds, make=True) as (fd, made):
            appending = FileAppending(fd, self._target(), self._limits, policy, self._known)
            self._known = appending.known
            try:
                yield appending
                appending.commit()
                self._known = appending.known
            except BaseException:
                appending.roll_back()
                raise
            finally:
                # Nothing came of it: an empty file is no bundle.
                if made and not appending.size and is_at(fd, self._target()):
                    os.unlink(self._target())

    def fold(
        self,
        base_digest: bytes,
        *,
        policy: TrustPolicy,
        signer: Signer | None = None,
        most_base: int | None = None,
    ) -> bool:
        """Put one segment in place of all behind the one with this payload digest; where they
        are of several environments, one for each run of one's.

        Segments appended one by one compress badly; together they share blocks.
        `base_digest` is empty to fold all. The file is replaced as a whole, what
        stands before stays byte for byte. Whether anything was folded: not where
        there is less than two, or one segment cannot mean the same, or more than
        `most_base` bytes stand before and would have to be copied. Nor where the
        segments are not all signed by `signer`, and by it alone, or, without one, all
        unsigned: a fold gives no signature to what did not have it, and takes none.

        Raises:
            PrecompileError: the file is damaged, or `policy` does not trust it; it
                was not changed.
            OSError: the file cannot be read or written; it was not changed.
        """
        with locked(self._target(), self._lock_seconds, make=False) as (fd, _):
            source = FileSource(fd)
            bundle = Bundle.open(source, policy=policy, limits=self._limits)
            digests = [b"", *(segment.payload_digest for segment in bundle.segments)]
            if base_digest not in digests:
                return False  # folded away by another process meanwhile
            tail = bundle.segments[digests.index(base_digest) :]
            runs = foldable_runs(tail) if tail else []
            if not 0 < len(runs) < len(tail) or (base_digest and tail[0].begins_chain):
                return False
            if most_base is not None and tail[0].offset > most_base:
                return False
            # [PCB-SIGN-011]
            if not all(is_signed_alike(bundle.envelope(s), policy, signer) for s in tail):
                return False
            return self._put_folded(fd, bundle, runs, signer)

    def compact(
        self, *, policy: TrustPolicy, signer: Signer | None = None, most_bytes: int | None = None
    ) -> bool:
        """Fold as many segments at the end as can be, where that is worth it; whether it was done.

        It is where they are 32 or more, or where more bytes of their blocks are dead
        than live. Not where the file has more than `most_bytes`. Which segments can be
        folded, and what is raised, is as for `fold`.
        """
        with locked(self._target(), self._lock_seconds, make=False) as (fd, _):
            source = FileSource(fd)
            if most_bytes is not None and source.size > most_bytes:
                return False
            bundle = Bundle.open(source, policy=policy, limits=self._limits)
            # [PCB-SIGN-011]
            tail = foldable_tail(
                bundle, lambda s: is_signed_alike(bundle.envelope(s), policy, signer)
            )
            return is_worth_folding(bundle, tail) and self._put_folded(fd, bundle, [tail], signer)

    def _put_folded(
        self, fd: int, bundle: Bundle, runs: list[tuple[Segment, ...]], signer: Signer | None
    ) -> bool:
        folded = [fold(bundle, run) for run in runs]
        if any(len(list(split(Batch.of(one.artifacts), one.removed))) > 1 for one in folded):
            return False  # no reader would take one manifest of that size
        chunks = _folded_chunks(bundle.source, bundle, runs[0][0].offset, folded, signer)
        self._put(chunks, fd)
        return True

    def _put(self, chunks: Iterable[Chunk], locked_fd: int | None) -> None:
        """Put other bytes in the file's place, with its mode where it is there.

        What killed processes left of doing so goes first: it may be what fills the disk.
        """
        target = self._target()
        remove_stale(target.parent, target.name)
        mode = None if locked_fd is None else os.fstat(locked_fd).st_mode & 0o777
        replace(target, chunks, mode=mode)
        self._known = None  # with it goes the old file, whose space it would keep taken

    @contextlib.contextmanager
    def replacing(self) -> Iterator[Callable[[Iterable[Chunk]], None]]:
        """Lock the file, where there is one; what is yielded puts other bytes in its place.

        Raises:
            OSError: the file cannot be locked or written; it was not changed.
        """
        target = self._target()
        if not target.is_file():  # what else may be there, `replace` refuses
            yield lambda chunks: self._put(chunks, None)
            return
        with locked(target, self._lock_seconds, make=False) as (fd, _):
            yield lambda chunks: self._put(chunks, fd)

    def sign(self, signer: Signer) -> int:
        """Make each segment carry this key's signature; how many did not.

        For whoever vouches for all that the file holds: all of it is read and
        checked before. Others' signatures stay, and so do payloads, blocks and the
        bundle digest. The file is replaced as a whole.

        Raises:
            MisuseError: that is no signer.
            PrecompileError: the file is damaged, its tail torn, or a segment would
                have more signatures than readers take; it was not changed.
            OSError: the file cannot be read or written; it was not changed.
        """
        if signer is None:
            raise MisuseError("who signs? a SigningKey, or what has a keyid and sign(message)")
        check_signer(signer)
        with locked(self._target(), self._lock_seconds, make=False) as (fd, _):
            source = FileSource(fd)
            bundle = Bundle.open(source, policy=UNSIGNED, limits=self._limits)
            bundle.verify()
            signed = sign(bundle, signer, self._limits)
            if signed.count:
                self._put(signed.chunks(), fd)
            return signed.count

    def _target(self) -> Path:
        """The file itself, where the path is a symbolic link: whoever names it shares it."""
        return Path(os.path.realpath(self.path)) if self.path.is_symlink() else self.path


def file_at(path: object, limits: Limits = DEFAULT_LIMITS) -> BundleFile | None:
    """The bundle file of this name; None where it is no path.

    Raises:
        MisuseError: no file has such a name.
    """
    if isinstance(path, str | os.PathLike):
        return BundleFile(path, limits=limits)
    return None


def open_named(path: Path, policy: TrustPolicy, limits: Limits = DEFAULT_LIMITS) -> Bundle:
    """`BundleFile.open`; the text of a rejection says which file it is, of several.

    Raises:
        PrecompileError, OSError: as for `BundleFile.open`.
    """
    try:
        return BundleFile(path, limits=limits).open(policy=policy)
    except PrecompileError as error:
        named = PrecompileError(error.code, f"{path}: {error.detail}", error.offset)
        named.file = str(path)
        raise named from error


def open_sound_part(
    path: FilePath, policy: TrustPolicy, limits: Limits = DEFAULT_LIMITS
) -> tuple[Bundle | None, PrecompileError | None]:
    """`sound_part` of the file.

    Raises:
        OSError: it cannot be read.
    """
    fd = os.open(path, _READING)
    source = FileSource(fd, owned=True)
    check_regular(fd, Path(path))
    return sound_part(source, policy=policy, limits=limits)


def _folded_chunks(
    source: ByteSource, bundle: Bundle, base: int, folded: list[Folded], signer: Signer | None
) -> Iterator[Chunk]:
    yield from ranges(source, 0, base)
    chain = Chain()
    if base:
        chain = Chain.of(bundle, before=base)
    for one in folded:
        writer = SegmentWriter(chain, requirements=one.requirements, signer=signer)
        yield from writer.chunks(one.artifacts, one.removed)


def is_signed_alike(envelope: Envelope, policy: TrustPolicy, signer: Signer | None) -> bool:
    """Whether the segment has the signatures that one written by `signer` would have."""
    if signer is None:
        return not envelope.signatures
    return len(envelope.signatures) == 1 and policy.signers(envelope) == {signer.keyid}
