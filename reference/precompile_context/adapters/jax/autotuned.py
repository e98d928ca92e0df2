"""Results of XLA's autotuning on a GPU, which are files below JAX's own cache directory.

An executable holds the choices that were made for it. The files are for programs that are
compiled anew, and are there only where the program gives JAX a cache directory.
"""

import contextlib
from pathlib import Path
from typing import Any

from precompile_context.adapters.jax.artifacts import AutotunedFile
from precompile_context.files import check_private, replace
from precompile_context.session.adapter import Part

_OPTION = "xla_gpu_per_fusion_autotune_cache_dir"
# A result is some lines of text.
_MAX_BYTES = 1 << 20
_MAX_FILES = 100_000


def directory() -> Path | None:
    """Where XLA keeps them now; None where it does not, or others could put some there."""
    from jax._src import config

    cache, enabled = (
        config.compilation_cache_dir.value,
        config.persistent_cache_enable_xla_caches.value or "",
    )
    if not cache or "://" in cache or not (enabled == "all" or _OPTION in enabled):
        return None
    folder = Path(cache) / _OPTION
    try:
        folder.mkdir(parents=True, exist_ok=True)
        check_private(folder)
    except OSError:
        return None
    return folder


class Autotuned:
    """The files of one session: put there before a compile, recorded after it."""

    def __init__(self, part: Part) -> None:
        self._part = part
        self._restored: set[Path] = set()
        self._seen: set[tuple[Path, str]] = set()
        self._applies = False

    def restore(self, backend: Any) -> None:
        """Put what the bundle has where XLA looks, once for each directory."""
        self._applies = self._applies or backend.platform == "gpu"
        folder = directory() if self._applies else None
        if folder is None or folder in self._restored:
            return
        self._restored.add(folder)
        for stored in self._part.stored(AutotunedFile.TYPE):
            path = folder / stored.key
            if not _is_name(stored.key) or path.exists():
                continue
            content = self._part.find(AutotunedFile.TYPE, stored.key)
            if content is not None:
                with contextlib.suppress(OSError):  # XLA tunes anew
                    replace(path, [content], mode=0o600)
                    self._seen.add((folder, stored.key))

    def record(self) -> None:
        """Record what XLA has written since."""
        folder = directory() if self._applies else None
        if folder is None or len(self._seen) > _MAX_FILES:
            return
        for path in sorted(folder.iterdir()):
            if (folder, path.name) in self._seen or not _is_name(path.name):
                continue
            self._seen.add((folder, path.name))
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= _MAX_BYTES:
                self._part.record(AutotunedFile.TYPE, path.name, path.read_bytes())


def _is_name(name: str) -> bool:
    """Whether it is a single part of a path, and none that is hidden or still being written."""
    return "/" not in name and "\0" not in name and not name.startswith((".", "tmp"))
