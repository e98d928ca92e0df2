"""What the automatic mode did: which frames were served, which were compiled, and why."""

import re
import threading
from typing import Any

# Where an object is in memory, which is another place in each process.
_ADDRESS = re.compile(r" at 0x[0-9a-f]+|0x[0-9a-f]{9,}")


class PrecompileReport:
    """Counts and reasons; they grow until the session ends.

    Attributes:
        off: why the mode is not on at all; None where it is.
        served: versions of frames that were taken from what was saved.
        compiled: frames that torch compiled.
        saved: versions of frames that were saved.
        cold: by frame, why what it was compiled to could not be saved or reused; each
            compiled frame that was not saved is there once, further ones of one function
            with a number.
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
            number, name = 1, frame
            while name in self.cold:
                number += 1
                name = f"{frame} ({number})"
            self.cold[name] = _ADDRESS.sub("", reason)

    def is_other(self, frame: str, key: str, reason: str) -> None:
        """A saved version was not for this frame, for this reason."""
        with self._lock:
            self.differs.setdefault(frame, {})[key] = _ADDRESS.sub("", reason)

    def why_other(self, frame: str, key: str) -> str | None:
        """Why a saved version was not for a frame; None where it was not offered, or was."""
        with self._lock:
            return self.differs.get(frame, {}).get(key)

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
