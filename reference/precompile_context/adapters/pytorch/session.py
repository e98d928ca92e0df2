"""A warm start: a bundle file is applied before torch compiles, and extended by what is new."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType

from precompile_context.adapters.pytorch.appending import Appending
from precompile_context.adapters.pytorch.contexts import Contexts
from precompile_context.adapters.pytorch.facts.environment import (
    fitting_environment,
    host_environment,
)
from precompile_context.adapters.pytorch.facts.switches import ruled_out
from precompile_context.adapters.pytorch.precompile.mode import Precompile
from precompile_context.adapters.pytorch.private import UnsupportedTorchError
from precompile_context.adapters.pytorch.recording.capturing import Capture
from precompile_context.adapters.pytorch.serving import shortcuts
from precompile_context.adapters.pytorch.serving.applying import register_types
from precompile_context.adapters.pytorch.serving.handing import Serving
from precompile_context.adapters.pytorch.telling import Telling, difference, failure, refusal
from precompile_context.adapters.pytorch.warm_start_report import WarmStartReport
from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.context.held import Held, Snapshot
from precompile_context.context.populate import Outcome, Populate
from precompile_context.errors import PrecompileError, Stage
from precompile_context.files import FilePath, check_private
from precompile_context.session.trusting import (
    Trusted,
    Trusting,
    believed,
    signing,
    trusting,
)
from precompile_context.stores import attached
from precompile_context.trust import Signer

# The bundle's name in a directory.
_FILE_NAME = "torch.precompile"

# Without handlers of the program's, logging prints a warning's text, one line, on stderr.
_log = logging.getLogger("precompile_context")


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
        trust: Trusted = (),
        signer: Signer | FilePath | None = None,
        tell: Callable[[str], None] = _log.warning,
    ) -> None:
        """Args:
        path: the bundle file, or a directory for one, or a store's name.
        precompile: serve and save whole frames, too: the automatic mode.
        trust: the policy, or keys that are trusted beside the signer's: themselves, or
            their names or files; one or several.
        signer: signs what is appended; by default this user's own key, made on first
            use, or nobody where `trust` is UNSIGNED.
        tell: is given the one line that a person should see, if there is one.

        Raises:
            MisuseError: an argument is none of these, or names a key that is not there.
        """
        believed_, signing_ = believed(trust), signing(signer)
        self.bundle: Bundle | None = None  # the file as it was at the start
        self._store = attached(path)
        if self._store is None:
            # Absolute: the program may change its directory.
            self.report = WarmStartReport(bundle_path(path))
        else:
            self.report = WarmStartReport(self._store.file, store=self._store.name)
        self._precompiles = precompile
        self._telling = Telling(self.report, tell)
        self._appending = Appending(
            self.report, self._telling, writes=not read_only, store=self._store
        )
        self._read_only = read_only
        self._trust = believed_
        self._signer = signing_
        self._pid = os.getpid()
        self._contexts: Contexts | None = None

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
            self._telling.tell_cold(failure(error))
        return self.report

    def _start(self) -> None:
        if (switch := ruled_out()) is not None:
            self._ruled_out(switch)
            return
        environment = host_environment()
        # What others could put there would be loaded, and recorded under our signature.
        _check_cache_directory()
        trusting_ = trusting(self._trust, self._signer, read_only=not self._appending.writes)
        if trusting_.fault is not None:
            self._appending.writes = False
            self._telling.tell(f"not saved: {trusting_.fault}", "save")
        bundle = self.bundle = self._open(trusting_)
        if bundle is not None:
            environment = fitting_environment(environment, bundle)
        self.report.environment = environment
        # What a store's session appends to is a file of its own, which holds nothing yet.
        base = bundle.segments[-1].payload_digest if bundle and not self._store else b""
        contexts = Contexts(environment, trusting_, base)
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
            on_ruled_out=self._ruled_out,
            is_known=contexts.holds,
        )
        capture.start()
        contexts.capture = capture
        self._contexts = contexts
        if contexts.precompile is not None:
            try:
                contexts.precompile.start()
            except UnsupportedTorchError as error:  # what the caches hold serves all the same
                contexts.precompile.report.is_off(str(error))
                self._telling.tell(
                    f"unsupported torch version, running cold: {error}", "precompile"
                )

    def _ruled_out(self, switch: str) -> None:
        self._telling.tell_cold(f"{switch}, so that nothing is served or saved")

    def _open(self, trusting_: Trusting) -> Bundle | None:
        """The file's bundle; None where there is none, or none that is trusted and can be read.

        Whether the latter can be appended to is for the file to say: what it does
        not understand it leaves as it is.
        """
        try:
            return self._appending.open(trusting_.policy)
        except FileNotFoundError:
            if self._read_only:
                self._telling.tell_cold("no bundle is there, and none is to be made")
            return None
        except PrecompileError as error:
            if self._store or self.report.path.stat().st_size:  # an empty file is a new one
                self.report.matched = False
                self._telling.tell_cold(refusal(error))
                self._telling.silence("save")  # that it cannot be appended to is the same news
            return None

    def _apply(self, bundle: Bundle, contexts: Contexts) -> None:
        try:
            if self._store is None:
                contexts.load(bundle)
            else:
                contexts.found_elsewhere(bundle)
        except PrecompileError as error:
            # Another environment's: this one's artifacts are appended as a segment of their own.
            self.report.matched = False
            self._telling.tell_cold(difference(error))
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
            if self._store is not None and error.code.stage is Stage.CONTENT:
                self._store.forget(stored)
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
        if self._store is not None:
            self._store.prefetch(current[name] for name in small)
        cache = mode.cache if mode else None
        populated = Populate(Snapshot.of(small), contexts.main.registry, cache).run()
        self.report.applied += (
            (type_name, key) for type_name, keys in populated.info.artifacts.items() for key in keys
        )
        for outcome in populated.outcomes:
            self._refused(outcome, contexts)
        serving.start(str(self.report.store or self.report.path))

    def _handed(self, stored: StoredArtifact) -> None:
        self.report.applied.append((stored.type, stored.key))

    def _refused(self, outcome: Outcome, contexts: Contexts) -> None:
        self.report.refused.append(outcome)
        if outcome.code.stage is Stage.CONTENT:
            # Damaged: taken out of the file, so that what replaces it is saved.
            contexts.is_damaged(outcome.type, outcome.key)
        self._telling.tell(
            f"not all was applied; the first, {outcome.type} {outcome.key}:"
            f" {outcome.code.name}: {outcome.detail}"
        )

    def leave(self) -> None:
        """In a forked child: record and save nothing, what was applied stays."""
        contexts, self._contexts = self._contexts, None
        if contexts is not None:
            contexts.stop()

    def finish(self) -> None:
        """Save what is left, fold what this run appended, and record no more. Once."""
        contexts = self._contexts
        if contexts is None or os.getpid() != self._pid:
            return
        self._contexts = None
        try:
            self._finish(contexts)
        except Exception as error:  # as in start
            self._telling.tell(f"not saved: {failure(error)}", "save")

    def _finish(self, contexts: Contexts) -> None:
        if self.bundle is not None:
            self.bundle.release()
        contexts.stop()
        if contexts.capture is not None and contexts.capture.fault is not None:
            self._telling.tell(f"not all was recorded: {failure(contexts.capture.fault)}", "save")
        self.report.recorded = contexts.recorded()
        self._appending.finish(contexts)

    def _save(self) -> None:
        if self._contexts is not None:
            self._appending.save(self._contexts)


@contextlib.contextmanager
def warm_start(
    path: str | os.PathLike[str],
    read_only: bool = False,
    *,
    trust: Trusted = (),
    signer: Signer | FilePath | None = None,
) -> Iterator[WarmStartReport]:
    """Apply a bundle file before the block compiles anything, and extend it by what is new.

    `path` is a file, a directory for one, or a store's name: `s3://bucket/team/train/`.
    `trust` is a policy, or keys that are trusted beside the signer's, by name, file or
    themselves; the signer is by default this user's own key. The report is complete when
    the block has ended. Never raises for the sake of the bundle; see `WarmStart`.
    """
    with WarmStart(path, read_only=read_only, trust=trust, signer=signer) as report:
        yield report


def bundle_path(path: str | os.PathLike[str]) -> Path:
    """The bundle file that a path means, absolute: itself, or one in a directory, which is made."""
    text = os.fspath(path)
    if os.path.isdir(text) or text.endswith(os.sep):
        os.makedirs(text, exist_ok=True)
        text = os.path.join(text, _FILE_NAME)
    return Path(text).absolute()


def _check_cache_directory() -> None:
    """Raise PermissionError where other users could change what torch loads."""
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    check_private(cache_dir(), link_allowed=True)
