"""What the automatic mode did: which frames were served, which were compiled, and why."""

import threading
from typing import Any


class PrecompileReport:
    """Counts and reasons; they grow until the session ends.

    Attributes:
        off: why the mode is not on at all; None where it is.
        served: versions of frames that were taken from what was saved.
        compiled: frames that torch compiled.
        saved: versions of frames that were saved.
        cold: by frame, why what it was compiled to could not be saved or reused.
        differs: by frame, what was there and why it was not for this frame: each
            version's key with the reason.
    """

    def __init__(self) -> None:
        self.off: str | None = None
        self.served = 0
        self.compiled = 0
        self.saved = 0
        self.cold: dict[str, str] = {}
        self.differs: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()

    def count(self, what: str) -> None:
        """Add one to `served`, `compiled` or `saved`."""
        with self._lock:
            setattr(self, what, getattr(self, what) + 1)

    def is_off(self, reason: str) -> None:
        """This torch is not one that the mode knows."""
        self.off = reason

    def is_cold(self, frame: str, reason: str) -> None:
        """A frame is compiled in each process, for this reason."""
        with self._lock:
            self.cold[frame] = reason

    def is_other(self, frame: str, key: str, reason: str) -> None:
        """A saved version was not for this frame, for this reason."""
        with self._lock:
            self.differs.setdefault(frame, {})[key] = reason

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        with self._lock:
            return {
                "off": self.off,
                "served": self.served,
                "compiled": self.compiled,
                "saved": self.saved,
                "cold": dict(self.cold),
                "differs": {frame: dict(why) for frame, why in self.differs.items()},
            }
