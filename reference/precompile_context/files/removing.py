"""Removing a file that may be appended to."""

import contextlib
import os
from pathlib import Path

from precompile_context.files.locking import LOCK_SECONDS, locked


def remove_unchanged(path: Path, size: int, lock_seconds: float = LOCK_SECONDS) -> bool:
    """Remove the file where it still has this size in bytes; whether it is gone.

    Raises:
        OSError: it cannot be locked or removed.
    """
    with contextlib.suppress(FileNotFoundError), locked(path, lock_seconds, make=False) as (fd, _):
        if os.fstat(fd).st_size != size:
            return False
        os.unlink(path)
    return True
