"""What a session appends to its file: after each compile, and as one segment at the end."""

import threading

from precompile_context.adapters.pytorch.contexts import Contexts
from precompile_context.adapters.pytorch.telling import Telling, failure
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.bundle import Bundle
from precompile_context.bundle.fold import MANY_SEGMENTS
from precompile_context.errors import PrecompileError
from precompile_context.files import BundleFile
from precompile_context.stores import Attached
from precompile_context.trust import TrustPolicy

# A fold copies what stands before; past this, that costs more than small segments do.
_MOST_BASE = 256 << 20
# The program waits meanwhile; others append within milliseconds.
_LOCK_SECONDS = 10.0


class Appending:
    """The file of one session.

    Attributes:
        writes: whether anything is appended, so far.
    """

    def __init__(
        self,
        report: WarmStartReport,
        telling: Telling,
        *,
        writes: bool,
        store: Attached | None = None,
    ) -> None:
        """With `store`, the file is where what goes there waits, and the bundle is the store's."""
        self.writes = writes
        self._store = store
        self._file = BundleFile(report.path, lock_seconds=_LOCK_SECONDS)
        self._report = report
        self._telling = telling
        self._folds = True
        self._segments = 0  # how many we appended
        self._saving = threading.Lock()

    def open(self, policy: TrustPolicy) -> Bundle:
        """The file's bundle, without a torn tail.

        Raises:
            FileNotFoundError: there is no file.
            PrecompileError: it cannot be read, or is not trusted.
        """
        if self._store is None:
            return self._file.open(policy=policy, recover=True)
        bundle, fault = self._store.open(policy)
        if self._store.keeps_nothing and self.writes:
            self.writes = False
            self._telling.tell(f"not saved: {self._store.keeps_nothing}", "save")
        if fault is not None:
            self._telling.tell(f"not all is there: {fault}")
        if bundle is None:
            raise FileNotFoundError
        return bundle

    def save(self, contexts: Contexts) -> None:
        """Append what a compile brought, so that a killed process loses no more than its last."""
        try:
            self._save(contexts)
            if self._segments >= MANY_SEGMENTS:
                self._fold(contexts)
            if self._store is not None and self._segments and self.writes:
                self._store.push_beside(contexts.trusting.signer)
        except (OSError, PrecompileError) as error:
            self.writes = False  # it would fail again after each compile
            self._telling.tell(f"not saved: {failure(error)}", "save")

    def finish(self, contexts: Contexts) -> None:
        """Append what is left, and fold what this session appended, or all that is worth it.

        Raises:
            OSError, PrecompileError: it could not be appended, or not be pushed.
        """
        self._save(contexts)
        self._fold(contexts, of_earlier=True)
        if self._store is not None and self.writes:
            self._store.finish(contexts.trusting.signer)

    def _save(self, contexts: Contexts) -> None:
        if not self.writes:
            return
        with self._saving:
            if self._store is not None:
                contexts.leave_out_known()
            for context, keep_existing in contexts.by_rule():
                if context.need_serialize():
                    saved = context.save_to(self._file, keep_existing=keep_existing)
                    self._report.appended += saved.appended
                    self._segments += bool(saved.appended)

    def _fold(self, contexts: Contexts, *, of_earlier: bool = False) -> None:
        """Put what this session appended into one segment: many small ones compress badly.

        With `of_earlier`, what earlier sessions appended, too, where it is worth it.
        """
        with self._saving:
            if not (self.writes and self._folds and self._segments):
                return
            policy, signer = contexts.trusting.policy, contexts.trusting.signer
            try:
                if of_earlier and self._file.compact(
                    policy=policy, signer=signer, most_bytes=_MOST_BASE
                ):
                    self._segments = 1
                if self._segments > 1:
                    self._folds = self._file.fold(
                        contexts.base, policy=policy, signer=signer, most_base=_MOST_BASE
                    )
                    self._segments = 1
            except (OSError, PrecompileError):
                # A directory that takes no second file, a disk without room for one: all is
                # saved, only larger than it need be.
                self._folds = False
