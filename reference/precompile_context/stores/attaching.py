"""A store as a session uses it: read at the start; what is recorded waits in a file of its own.

A session appends to that file as to any other; at its end, and now and then before it,
the file is pushed as a piece. What cannot be pushed stays, and goes with the next run.
"""

import contextlib
import threading
import time
from collections.abc import Iterable
from pathlib import Path

from precompile_context.bundle import BufferSource, Bundle, StoredArtifact
from precompile_context.errors import PrecompileError
from precompile_context.files import remove_unchanged
from precompile_context.stores.level import Level
from precompile_context.stores.names import StoreName, is_store_name
from precompile_context.stores.opening import open_store
from precompile_context.stores.pushing import lacking, push
from precompile_context.stores.ranges import Traffic
from precompile_context.stores.reading import Reading, read_store
from precompile_context.stores.store import Store, StoreError
from precompile_context.stores.waiting import Patience
from precompile_context.trust import UNSIGNED, Signer, TrustPolicy

# All that a program waits for its store: at the start, for what a compile asks for, at the end.
READ_SECONDS = 10.0
PUSH_SECONDS = 10.0
# A piece a minute at most: each one costs every reader a request.
_PUSH_EVERY = 60.0


class Attached:
    """One session's use of a store.

    Attributes:
        name: the store's, for a person.
        file: where what is recorded waits.
        traffic: what was moved.
        keeps_nothing: why nothing of it can be kept on this machine, and so nothing
            recorded; None where it can, as far as is known.
    """

    def __init__(
        self,
        name: StoreName,
        *,
        store: Store | None = None,
        level: Level | None = None,
        read_seconds: float = READ_SECONDS,
        push_seconds: float = PUSH_SECONDS,
    ) -> None:
        """`store` and `level` are those of the name unless they are given; asks nothing."""
        self.name = str(name)
        self._place = name
        self._store = store
        self._level = level or Level(f"{name}?{sorted(name.options.items())}")
        self.file: Path = self._level.new_file()
        self.traffic = Traffic()
        self.keeps_nothing: str | None = None
        self._patience = Patience(read_seconds)
        self._push_seconds = push_seconds
        self._reading: Reading | None = None
        self._pushed_at = time.monotonic()
        self._pushing: threading.Thread | None = None
        self._sent: Bundle | None = None

    def open(self, policy: TrustPolicy) -> tuple[Bundle | None, str | None]:
        """The union of the store's pieces and what waits here; and what was wrong, in a line.

        Raises:
            PrecompileError: the pieces together go past the limits.
            OSError: an extra is missing.
        """
        try:
            self._level.make()
        except OSError as error:  # a read-only file system, say
            where = f": {error.filename}" if error.filename else ""
            self.keeps_nothing = f"{error.strerror or error}{where}"
        if self._store is None:
            self._store = open_store(self._place)
        local = []
        for file in () if self.keeps_nothing else self._level.left():
            with contextlib.suppress(OSError):
                local.append(BufferSource(file.read_bytes()))
        reading = read_store(
            self._store, policy=policy, patience=self._patience, level=self._level, local=local
        )
        self._reading, self.traffic = reading, reading.traffic
        faults = [] if reading.fault is None else [reading.fault]
        if reading.left_out:
            first = reading.left_out[0]
            more = f" (and {len(reading.left_out) - 1} more)" if len(reading.left_out) > 1 else ""
            faults.append(f"piece {first.piece[:16]} is left out: {first.reason}{more}")
        return reading.bundle, "; ".join(faults) or None

    def prefetch(self, artifacts: Iterable[StoredArtifact]) -> None:
        """Have the content of these here; what does not come in time is read, or missed, later."""
        if self._reading is not None:
            with contextlib.suppress(StoreError):
                self._reading.prefetch(artifacts)

    def forget(self, artifact: StoredArtifact) -> None:
        """Its content is damaged: nobody is to find it nearer."""
        if self._reading is not None:
            self._reading.forget(artifact)

    def push_beside(self, signer: Signer | None) -> None:
        """Push what is new, beside the program, where the last push was long enough ago."""
        if (
            self._store is None
            or not self._store.writable
            or time.monotonic() - self._pushed_at < _PUSH_EVERY
        ):
            return
        if self._pushing is None or not self._pushing.is_alive():
            self._pushed_at = time.monotonic()
            self._pushing = threading.Thread(target=self._push_quietly, args=(signer,), daemon=True)
            self._pushing.start()

    def _push_quietly(self, signer: Signer | None) -> None:
        with contextlib.suppress(OSError, PrecompileError):  # the end says what still waits
            self._push_new(Patience(self._push_seconds), signer)

    def finish(self, signer: Signer | None) -> None:
        """Push what waits, and what earlier runs left.

        Raises:
            OSError, PrecompileError: not all could be pushed; it waits for the next run.
        """
        if self._store is None:
            return
        patience = Patience(self._push_seconds)
        if self._pushing is not None:
            self._pushing.join(patience.left)
        try:
            if not self._store.writable:
                if self.file.exists():
                    raise StoreError(f"{self.name} is read, and never written")
                return
            if size := self._push_new(patience, signer):
                remove_unchanged(self.file, size)
            for file in self._level.left():
                data = file.read_bytes()
                whole = Bundle.open(data, policy=UNSIGNED, recover=True)
                push(self._store, data[: whole.size], patience=patience, traffic=self.traffic)
                remove_unchanged(file, len(data))
        except (OSError, PrecompileError):
            self._level.give_up(self.file)
            raise

    def _push_new(self, patience: Patience, signer: Signer | None) -> int:
        """Push what this session's file holds and was not pushed; the file's bytes."""
        try:
            data = self.file.read_bytes()
        except FileNotFoundError:
            return 0
        assert self._store is not None
        bundle = Bundle.open(data, policy=UNSIGNED, recover=True)
        for piece in lacking(bundle, self._sent, signer):
            push(self._store, piece, patience=patience, traffic=self.traffic)
        self._sent = bundle
        return len(data)


def attached(name: object) -> Attached | None:
    """The store that a session is given in place of a file's path; None where it is a path.

    Raises:
        MisuseError: it is a store's name, and a wrong one.
    """
    if isinstance(name, str) and is_store_name(name):
        return Attached(StoreName.parse(name))
    return None
