"""What a session appends to its file: after each compile, and as one segment at the end."""

import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from precompile_context.bundle import Bundle
from precompile_context.bundle.fold import MANY_SEGMENTS
from precompile_context.errors import MisuseError, PrecompileError
from precompile_context.files import BundleFile
from precompile_context.files.bundle_file import is_signed_alike
from precompile_context.session.contexts import Contexts
from precompile_context.session.part_report import PartReport
from precompile_context.session.telling import Telling, failure
from precompile_context.session.trusting import Trusting
from precompile_context.session.use import last_used_of
from precompile_context.trust import NOBODY

if TYPE_CHECKING:
    from precompile_context.stores import Attached

# A fold copies what stands before; past this, that costs more than small segments do.
_MOST_BASE = 256 << 20
# The program waits meanwhile; others append within milliseconds.
_LOCK_SECONDS = 10.0

# What a part recorded, and where it is told what of it was appended.
Saved = tuple[Contexts, PartReport]


class Appending:
    """The file of one session.

    Attributes:
        writes: whether anything is appended, so far.
        trusting: whose the file's segments may be, and who signs new ones.
        base: digest of the last segment that was in the file before us; b"" without one.
    """

    def __init__(
        self,
        path: Path,
        telling: Telling,
        *,
        writes: bool,
        store: "Attached | None" = None,
        max_bytes: int | None = None,
    ) -> None:
        """With `store`, the file is where what goes there waits, and the bundle is the store's.

        `max_bytes` is what the file may have at the end.
        """
        if max_bytes is not None:
            # Not at the end: a dataclass that is made there has Python forget an interrupt.
            import precompile_context.files.pruning  # noqa: F401
        self.writes = writes
        self.trusting = Trusting(NOBODY)
        self.base = b""
        self._store = store
        self._max_bytes = max_bytes
        self._file = BundleFile(path, lock_seconds=_LOCK_SECONDS)
        self._telling = telling
        self._folds = True
        self._segments = 0  # how many we appended
        self._saving = threading.Lock()

    def open(self, trusting: Trusting) -> Bundle:
        """The file's bundle, without a torn tail.

        Raises:
            FileNotFoundError: there is no file.
            PrecompileError: it cannot be read, or is not trusted.
        """
        self.trusting = trusting
        if self._store is None:
            bundle = self._file.open(policy=trusting.policy, recover=True)
            self.base = bundle.segments[-1].payload_digest
            return bundle
        # What is new is appended to a file of its own, which holds nothing yet.
        there, fault = self._store.open(trusting.policy)
        if self._store.keeps_nothing and self.writes:
            self.writes = False
            self._telling.tell(f"not saved: {self._store.keeps_nothing}", "save")
        if fault is not None:
            self._telling.tell(f"not all is there: {fault}")
        if there is None:
            raise FileNotFoundError
        return there

    def save(self, part: Saved) -> None:
        """Append what a compile brought, so that a killed process loses no more than its last."""
        try:
            self._save(part)
            if self._segments >= MANY_SEGMENTS:
                self._fold()
            if self._store is not None and self._segments and self.writes:
                self._store.push_beside(self.trusting.signer)
        except (OSError, PrecompileError) as error:
            self.writes = False  # it would fail again after each compile
            self._telling.tell(f"not saved: {failure(error)}", "save")

    def finish(self, parts: Iterable[Saved]) -> None:
        """Append what is left, and fold what this session appended, or all that is worth it.

        Raises:
            OSError, PrecompileError: it could not be appended, or not be pushed.
        """
        for part in parts:
            self._save(part)
        self._fold(of_earlier=True)
        if self.writes and self._store is None and self._max_bytes is not None:
            self._prune(self._max_bytes)
        if self._store is not None and self.writes:
            self._store.finish(self.trusting.signer)

    def _save(self, part: Saved) -> None:
        if not self.writes:
            return
        contexts, report = part
        with self._saving:
            contexts.renew_left_out()
            if self._store is not None:
                contexts.leave_out_known()
            for context, keep_existing in contexts.by_rule():
                if context.need_serialize():
                    saved = context.save_to(self._file, keep_existing=keep_existing)
                    report.appended += saved.appended
                    self._segments += bool(saved.appended)

    def _prune(self, max_bytes: int) -> None:
        """Leave out what is superseded and what was used longest ago, where it is too much.

        Not where others signed part of it: what is written anew bears our signature alone.
        """
        from precompile_context.compare.pruning import Rules
        from precompile_context.files.pruning import prune_file

        try:
            if self._file.path.stat().st_size <= max_bytes:
                return
            policy, signer = self.trusting.policy, self.trusting.signer
            prune_file(
                self._file,
                Rules(superseded=True, max_bytes=max_bytes),
                policy=policy,
                signer=signer,
                last_used=last_used_of(self._file.path),
                may=lambda bundle: all(
                    is_signed_alike(bundle.envelope(s), policy, signer) for s in bundle.segments
                ),
            )
        except (OSError, PrecompileError, MisuseError):
            return  # all is saved, only larger than it was to be

    def _fold(self, *, of_earlier: bool = False) -> None:
        """Put what this session appended into one segment: many small ones compress badly.

        With `of_earlier`, what earlier sessions appended, too, where it is worth it.
        """
        with self._saving:
            if not (self.writes and self._folds and self._segments):
                return
            policy, signer = self.trusting.policy, self.trusting.signer
            try:
                if of_earlier and self._file.compact(
                    policy=policy, signer=signer, most_bytes=_MOST_BASE
                ):
                    self._segments = 1
                if self._segments > 1:
                    self._folds = self._file.fold(
                        self.base, policy=policy, signer=signer, most_base=_MOST_BASE
                    )
                    self._segments = 1
            except (OSError, PrecompileError):
                # A directory that takes no second file, a disk without room for one: all is
                # saved, only larger than it need be.
                self._folds = False
