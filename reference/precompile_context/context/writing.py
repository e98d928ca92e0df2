"""What a context writes: all of it in memory, or what is new behind what a sink holds."""

from collections.abc import Iterator
from dataclasses import dataclass

from precompile_context.artifact import ArtifactId
from precompile_context.bundle import (
    ArtifactName,
    Batch,
    Chain,
    Limits,
    Producer,
    SegmentWriter,
)
from precompile_context.bundle.runs import split
from precompile_context.cache_info import CacheInfo
from precompile_context.context.destination import Destination
from precompile_context.context.held import Snapshot
from precompile_context.context.saving import batch_of, missing
from precompile_context.context.sink import (
    Appending,
    BundleSink,
    KnownSink,
    Remembering,
    SaveReport,
)
from precompile_context.context.state import State
from precompile_context.environment import Environment, Requirement
from precompile_context.locks import StateLock
from precompile_context.pausing import without_collection
from precompile_context.trust import Signer, TrustPolicy

_Segments = Iterator[tuple[SegmentWriter, Batch, list[ArtifactId]]]


@dataclass(frozen=True)
class Writing:
    """How segments are written: what they require, who signs them, whose they stand behind.

    Its methods take a state and its lock, which they hold only to look and to note.
    """

    environment: Environment
    requirements: tuple[Requirement, ...]
    producer: Producer
    signer: Signer | None
    policy: TrustPolicy
    limits: Limits

    def _segments(self, chain: Chain, new: Batch, removed: list[ArtifactName]) -> _Segments:
        """What writes each segment: one, or more where a manifest would grow too large."""
        gone = (ArtifactId(*name) for name in removed)
        for artifacts, removals in split(new, gone):
            # [PCB-CTX-025]
            writer = SegmentWriter(
                chain,
                requirements=self.requirements,
                producer=self.producer,
                signer=self.signer,
            )
            yield writer, artifacts, removals

    @without_collection
    def serialize(self, state: State, lock: StateLock) -> tuple[bytes, CacheInfo] | None:
        """As `PrecompileContext.serialize`."""
        with lock:
            snapshot = state.to_save(state.memory)
            info = CacheInfo.of(snapshot.current)
            new = state.unserialized(snapshot)
            tombstones = list(state.memory.removed)
            removed = [name for name in tombstones if name in state.saved]
            # [PCB-CTX-019]
            if not new and not removed:
                state.memory.removed.clear()  # of what these segments never held
                # [PCB-CTX-023] An entry that was recorded again as it was is saved as it was, too.
                state.mark_saved(snapshot, state.memory)
                return (state.serialized.joined(), info) if state.serialized else None
        # [PCB-CTX-002] [PCB-CTX-018] [PCB-CTX-020]
        chain = state.serialized.chain.copy()
        chunks: list[bytes | memoryview] = []
        digests: list[bytes] = []
        for writer, artifacts, removals in self._segments(
            chain, batch_of(new, snapshot.loaded), removed
        ):
            chunks += writer.chunks(artifacts, removals)
            digests.append(chain.previous_digest)
        data = b"".join(chunks)
        with lock:
            state.serialized = state.serialized.with_written(data, digests, chain)
            for name in tombstones:
                state.saved.pop(name, None)
                state.memory.removed.pop(name, None)
            state.saved |= new
            state.mark_saved(snapshot, state.memory)
        return state.serialized.joined(), info

    def append(
        self, state: State, lock: StateLock, sink: BundleSink, *, keep_existing: bool
    ) -> SaveReport:
        """As `PrecompileContext.save_to`."""
        with lock:
            snapshot = state.to_save(state.file)
            changed = set(state.file.changed)
            tombstones = list(state.file.removed)
        known = state.destination
        if not changed and not tombstones and known.is_settled and isinstance(sink, KnownSink):
            last = known.chain.previous_digest
            if sink.is_as_left(known.size, last, policy=self.policy):
                with lock:
                    state.mark_saved(snapshot, state.file)
                return SaveReport(tuple(snapshot.current), known.size)
        # Until all is committed, what was known of the file is known no more.
        state.destination = Destination()
        # [PCB-SIGN-011]
        with sink.appending(self.policy) as file:
            to, new = self._append(file, known, snapshot, changed, tombstones, keep_existing)
        to.size = file.size
        state.destination = to
        with lock:  # it is committed
            for name in tombstones:
                state.file.removed.pop(name, None)
            state.mark_saved(snapshot, state.file)
        return SaveReport(tuple(snapshot.current), file.size, tuple(new.names), tuple(new.digests))

    @without_collection
    def _append(
        self,
        file: Appending,
        known: Destination,
        snapshot: Snapshot,
        changed: set[ArtifactName],
        tombstones: list[ArtifactName],
        keep_existing: bool,
    ) -> tuple[Destination, Batch]:
        """Append what is not there; gives what the file then holds, and what was new."""
        to = known if known.continues_in(file.bundle) else Destination()
        if file.bundle is not None:
            to.follow(file.bundle, self.environment, self.requirements)
        # [PCB-CTX-021]
        removed = [name for name in tombstones if name in to]
        among = to.unsettled
        if among is not None:
            # What was recorded again as it was, while it was being saved, did not change.
            among.update(changed, tombstones)
        new, left = missing(snapshot, to, removed, keep_existing=keep_existing, among=among)
        to.check_room(new, self.limits)
        if len(new) or removed:
            for writer, artifacts, removals in self._segments(to.chain, new, removed):
                file.append(writer.chunks(artifacts, removals))
                to.wrote(to.chain.previous_digest)
                if isinstance(file, Remembering) and writer.written is not None:
                    file.remember(writer.written)
        to.unsettled = left
        return to, new
