"""A warm start: a bundle file is applied before torch compiles, and extended by what is new."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType

from precompile_context.adapters.pytorch import shortcuts
from precompile_context.adapters.pytorch.applying import register_types, replay
from precompile_context.adapters.pytorch.environment import fitting_environment, host_environment
from precompile_context.adapters.pytorch.precompile.mode import Precompile, bundle_path
from precompile_context.adapters.pytorch.precompile.report import PrecompileReport
from precompile_context.adapters.pytorch.private import UnsupportedTorchError
from precompile_context.adapters.pytorch.recording import Capture, capture
from precompile_context.adapters.pytorch.serving import Serving
from precompile_context.adapters.pytorch.trusting import Trusting, trusting
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.context import PrecompileContext
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, PrecompileError, Stage
from precompile_context.files import BundleFile, check_private
from precompile_context.held import Held, digest_of
from precompile_context.populate import Outcome, Populate
from precompile_context.trust import Signer, TrustPolicy, Verifier

# Without handlers of the program's, logging prints a warning's text, one line, on stderr.
_log = logging.getLogger("precompile_context")

# A save reads the index of each segment: with one a compile, a run of a thousand compiles
# would spend minutes on that.
_FOLD_AT_SEGMENTS = 32
# A fold copies what stands before; past this, that costs more than small segments do.
_MOST_BASE = 256 << 20
# The program waits meanwhile; others append within milliseconds.
_LOCK_SECONDS = 10.0
_WHOM_TO_TRUST = (
    "trust the signer's public key (--trust KEY.pub, or trust=), vouch for the file yourself "
    "(precompile sign), or accept it unsigned (--unsigned, or trust=UNSIGNED)"
)


class WarmStart:
    """One process's use of a bundle file, from `start` to `finish`, or as a with-block.

    Nothing here breaks the program: a file that is damaged, foreign or of another
    host, and any failure of ours, is one line of a warning, and the program
    compiles as it would without. What a forked child does is not recorded.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read_only: bool = False,
        precompile: bool = False,
        trust: TrustPolicy | Iterable[Verifier] = (),
        signer: Signer | None = None,
        tell: Callable[[str], None] = _log.warning,
    ) -> None:
        """Args:
        path: the bundle file, or a directory for one.
        precompile: serve and save whole frames, too: the automatic mode.
        trust: the policy, or keys that are trusted beside the signer's.
        signer: signs what is appended; by default this user's own key, made on first
            use, or nobody where `trust` is UNSIGNED.
        tell: is given the one line that a person should see, if there is one.
        """
        self.bundle: Bundle | None = None  # the file as it was at the start
        # Absolute: the program may change its directory.
        self.report = WarmStartReport(bundle_path(path))
        self._precompiles = precompile
        self._file = BundleFile(self.report.path, lock_seconds=_LOCK_SECONDS)
        self._writes = not read_only
        self._trust = trust
        self._signer = signer
        self._folds = True
        self._told: set[str] = set()
        self._say = tell
        self._pid = os.getpid()
        self._saving = threading.Lock()
        self._session: _Contexts | None = None

    def __enter__(self) -> WarmStartReport:
        return self.start()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish()

    def start(self) -> WarmStartReport:
        """Stand ready with what fits, then begin to record."""
        try:
            self._start()
        except Exception as error:  # nothing of ours may break the program
            self._run_cold(_text(error))
        return self.report

    def _start(self) -> None:
        environment = host_environment()
        # What others could put there would be loaded, and recorded under our signature.
        _check_cache_directory()
        trusting_ = trusting(self._trust, self._signer, read_only=not self._writes)
        if trusting_.fault is not None:
            self._writes = False
            self._tell(f"not saved: {trusting_.fault}", "save")
        bundle = self.bundle = self._open(trusting_)
        if bundle is not None:
            environment = fitting_environment(environment, bundle)
        self.report.environment = environment
        base = bundle.segments[-1].payload_digest if bundle else b""
        contexts = _Contexts(environment, trusting_, base)
        register_types(contexts.main.registry)
        if self._precompiles:
            contexts.precompile = Precompile(contexts.main, self._save)
            self.report.precompile = contexts.precompile.report
        if bundle is not None:
            self._apply(bundle, contexts)
        capture = Capture(
            contexts.main,
            superseding=contexts.superseding,
            on_compiled=self._save,
            is_known=contexts.holds,
        )
        capture.start()
        contexts.capture = capture
        self._session = contexts
        if contexts.precompile is not None:
            try:
                contexts.precompile.start()
            except UnsupportedTorchError as error:  # what the caches hold serves all the same
                contexts.precompile.report.is_off(str(error))
                self._tell(f"unsupported torch version, running cold: {error}", "precompile")

    def _open(self, trusting_: Trusting) -> Bundle | None:
        """The file's bundle; None where there is none, or none that is trusted and can be read.

        Whether the latter can be appended to is for the file to say: what it does
        not understand it leaves as it is.
        """
        try:
            return self._file.open(policy=trusting_.policy, recover=True)
        except FileNotFoundError:
            return None
        except PrecompileError as error:
            if self.report.path.stat().st_size:  # an empty file is a new one
                self.report.matched = False
                reason = f"{error}; the file is left as it is"
                if error.code.stage is Stage.TRUST:
                    reason = f"{error.code.name}: {error.detail}; {_WHOM_TO_TRUST}"
                self._run_cold(reason)
                self._told.add("save")  # that it cannot be appended to is the same news
            return None

    def _apply(self, bundle: Bundle, contexts: _Contexts) -> None:
        try:
            contexts.load(bundle)
        except PrecompileError as error:
            # Another environment's: this one's artifacts are appended as a segment of their own.
            self.report.matched = False
            self._run_cold(_difference(error))
            return
        self.report.matched = True
        current = bundle.current(bundle.matching(contexts.main.environment))
        self.report.loaded = {name: stored.content_size for name, stored in current.items()}
        contexts.loaded = {
            (stored.type, stored.attributes.get("torch_key"), stored.content_digest)
            for stored in current.values()
        }
        shortcuts.install()

        def refused(stored: StoredArtifact, error: PrecompileError) -> None:
            outcome = Outcome(stored.type, stored.key, error.code, error.detail, error.offset)
            self._refused(outcome, contexts)

        from torch._inductor.runtime.cache_dir_utils import cache_dir

        serving = Serving(bundle, cache_dir(), handed=self._handed, refused=refused)
        # What is small goes where torch looks at once. Entries are stitched for the automatic
        # mode; without it, they and their backends go nowhere.
        mode = contexts.precompile
        kinds = {ArtifactKind.CACHE} if mode is None else set(ArtifactKind)
        small = {
            (stored.type, stored.key): Held.loaded(bundle, stored)
            for stored in serving.take(current.values())
            if stored.kind in kinds
        }
        populated = Populate(small, contexts.main.registry, mode.cache if mode else None).run()
        self.report.applied += (
            (type_name, key) for type_name, keys in populated.info.artifacts.items() for key in keys
        )
        for outcome in populated.outcomes:
            self._refused(outcome, contexts)
        serving.start(str(self.report.path))

    def _handed(self, stored: StoredArtifact) -> None:
        self.report.applied.append((stored.type, stored.key))

    def _refused(self, outcome: Outcome, contexts: _Contexts) -> None:
        self.report.refused.append(outcome)
        if outcome.code.stage is Stage.CONTENT:
            # Damaged: taken out of the file, so that what replaces it is saved.
            contexts.main.remove(outcome.type, outcome.key)
            contexts.loaded.clear()
        self._tell(
            f"not all was applied; the first, {outcome.type} {outcome.key}:"
            f" {outcome.code.name}: {outcome.detail}"
        )

    def leave(self) -> None:
        """In a forked child: record and save nothing, what was applied stays."""
        session, self._session = self._session, None
        if session is not None:
            session.stop()

    def finish(self) -> None:
        """Save what is left, fold what this run appended, and record no more. Once."""
        session = self._session
        if session is None or os.getpid() != self._pid:
            return
        self._session = None
        try:
            self._finish(session)
        except Exception as error:  # as in start
            self._tell(f"not saved: {_text(error)}", "save")

    def _finish(self, session: _Contexts) -> None:
        if self.bundle is not None:
            self.bundle.release()
        session.stop()
        if session.capture is not None and session.capture.fault is not None:
            self._tell(f"not all was recorded: {_text(session.capture.fault)}", "save")
        self.report.recorded = session.recorded()
        self._save_from(session)
        self._compact(session)
        self._fold(session)

    def _save(self) -> None:
        """Append what a compile brought, so that a killed process loses no more than its last."""
        session = self._session
        if session is None:
            return
        try:
            self._save_from(session)
            if session.segments >= _FOLD_AT_SEGMENTS:
                self._fold(session)
        except (OSError, PrecompileError) as error:
            self._writes = False  # it would fail again after each compile
            self._tell(f"not saved: {_text(error)}", "save")

    def _save_from(self, session: _Contexts) -> None:
        if not self._writes:
            return
        with self._saving:
            for context, keep_existing in session.by_rule():
                if context.need_serialize():
                    saved = context.save_to(self._file, keep_existing=keep_existing)
                    self.report.appended += saved.appended
                    session.segments += bool(saved.appended)

    def _fold(self, session: _Contexts) -> None:
        """Put what this run appended into one segment: many small ones compress badly."""
        with self._saving:
            if self._writes and self._folds and session.segments > 1:
                try:
                    self._folds = self._file.fold(
                        session.base,
                        policy=session.trusting.policy,
                        signer=session.trusting.signer,
                        most_base=_MOST_BASE,
                    )
                    session.segments = 1
                except (OSError, PrecompileError):
                    # A directory that takes no second file, a disk without room for one: all is
                    # saved, only larger than it need be.
                    self._folds = False

    def _compact(self, session: _Contexts) -> None:
        """Fold what earlier runs appended, too, where it is worth it."""
        with self._saving:
            if self._writes and self._folds and session.segments:
                try:
                    if self._file.compact(
                        policy=session.trusting.policy,
                        signer=session.trusting.signer,
                        most_bytes=_MOST_BASE,
                    ):
                        session.segments = 1
                except (OSError, PrecompileError):
                    self._folds = False  # as in _fold

    def _run_cold(self, reason: str) -> None:
        self.report.reason = " ".join(reason.split())
        self._tell(f"the program runs cold: {reason}")

    def _tell(self, text: str, about: str = "load") -> None:
        """One line on loading and one on saving; the report has the rest."""
        line = " ".join(text.split())
        if about == "save":
            self.report.not_saved = line
        if about not in self._told:
            self._told.add(about)
            self._say(f"precompile: {self.report.path}: {printable(line)}")


class _Contexts:
    """What a session records into: where the first content of a key stays, and where the last."""

    def __init__(self, environment: Environment, trusting_: Trusting, base: bytes) -> None:
        self.trusting = trusting_
        self.main = PrecompileContext(
            environment=environment, policy=trusting_.policy, signer=trusting_.signer
        )
        self.superseding = PrecompileContext(
            environment=environment,
            registry=self.main.registry,
            policy=trusting_.policy,
            signer=trusting_.signer,
        )
        self.base = base  # the last segment that was there before us
        # Type, torch's key and digest of what came with the file: torch records it again.
        self.loaded: set[tuple[str, object, bytes]] = set()
        self._before: set[ArtifactId] = set()
        self.segments = 0  # how many we appended
        self.capture: Capture | None = None
        self.precompile: Precompile | None = None

    def stop(self) -> None:
        """Record and serve no more."""
        if self.precompile is not None:
            self.precompile.stop()
        if self.capture is not None:
            self.capture.stop()

    def by_rule(self) -> Iterator[tuple[PrecompileContext, bool]]:
        """Each context, and whether what the file holds under a key stays."""
        yield self.main, True
        yield self.superseding, False

    def load(self, bundle: Bundle) -> None:
        """Load what fits.

        Raises:
            PrecompileError: INCOMPATIBLE_ENVIRONMENT.
        """
        self.main.load(bundle)
        self._before = set(self.main.current())

    def holds(self, type_name: str, torch_key: str, content: bytes) -> bool:
        """Whether the very content was loaded under this type and key."""
        return bool(self.loaded) and (type_name, torch_key, digest_of(content)) in self.loaded

    def recorded(self) -> tuple[ArtifactId, ...]:
        """What is current now and was not loaded."""
        current = (*self.main.current(), *self.superseding.current())
        return tuple(id_ for id_ in current if id_ not in self._before)


@contextlib.contextmanager
def warm_start(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    trust: TrustPolicy | Iterable[Verifier] = (),
    signer: Signer | None = None,
) -> Iterator[WarmStartReport]:
    """Apply a bundle file before the block compiles anything, and extend it by what is new.

    `trust` is a policy, or keys that are trusted beside the signer's; the signer is
    by default this user's own key. The report is complete when the block has
    ended. Never raises for the sake of the bundle; see `WarmStart`.
    """
    with WarmStart(path, read_only=read_only, trust=trust, signer=signer) as report:
        yield report


@contextlib.contextmanager
def caching_precompile(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    trust: TrustPolicy | Iterable[Verifier] = (),
    signer: Signer | None = None,
) -> Iterator[WarmStartReport]:
    """`warm_start`, and each torch.compile within the block is served from the bundle, and saved.

    `path` is a bundle file, or a directory, which is made, for one.
    """
    session = WarmStart(path, read_only=read_only, precompile=True, trust=trust, signer=signer)
    with session as report:
        yield report


@contextlib.contextmanager
def precompiling(context: PrecompileContext) -> Iterator[PrecompileReport]:
    """The automatic mode over a context of one's own, which the caller serializes and loads.

    What the context holds is applied, entries are served, and what is new is recorded
    into it within the block.

    Raises:
        MisuseError: the context knows no facts of torch; what it saves would match any host.
        UnsupportedTorchError: torch lacks something that this needs.
    """
    with capture(context):
        mode = Precompile(context)
        replay(context, mode.cache)
        mode.start()
        try:
            yield mode.report
        finally:
            mode.stop()


def printable(line: str) -> str:
    """Without control sequences for the terminal: part of a line may come from a file."""
    return "".join(char if char.isprintable() else "?" for char in line)


def _check_cache_directory() -> None:
    """Raise PermissionError where other users could change what torch loads."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    check_private(cache_dir(), link_allowed=True)


def _difference(error: PrecompileError) -> str:
    """Which fact differs: the first one, and how many more do."""
    if error.code is not ErrorCode.INCOMPATIBLE_ENVIRONMENT:
        return str(error)
    first, *more = error.detail.split("; ")
    others = f" (and {len(more)} more)" if more else ""
    return f"it was saved in another environment: {first}{others}"


def _text(error: Exception) -> str:
    if isinstance(error, PermissionError) and error.filename:
        return f"{error.strerror}: {error.filename}"
    known = isinstance(error, PrecompileError) or type(error).__name__ == "UnsupportedTorchError"
    return str(error) if known else f"{type(error).__name__}: {error}"
