"""A compiled kernel as an artifact."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from precompile_context.adapters.triton.group import unpack
from precompile_context.artifact import CacheArtifact

# Triton's key, and the name of the file that its group is named after.
_KEY = re.compile(r"[A-Z2-7]{52}/[^/\\\x00]{1,255}")


@dataclass(frozen=True)
class TritonKernel(CacheArtifact):
    """All files of one kernel, for one target.

    Attributes:
        kernel: the function's name.
        seconds: that its compile took.
    """

    TYPE: ClassVar[str] = "triton.kernel"

    kernel: str = ""
    seconds: float = 0.0

    def populate_cache(self) -> None:
        """Put the files where Triton's own cache looks.

        Raises:
            ValueError: the key is none of Triton's, or the content holds no kernel's files.
        """
        from triton.runtime.cache import FileCacheManager

        put_files(FileCacheManager, self.key, self.content)


def put_files(manager: object, key: str, content: bytes) -> dict[str, str]:
    """Put a kernel's files into a cache of this class of Triton's; where each one is.

    Raises:
        ValueError: the key is none of Triton's, or the content holds no kernel's files.
        OSError: they cannot be written.
    """
    folder, group = _parts(key)
    files = unpack(content)
    if group not in files:
        raise ValueError("a kernel's files lack the one that they are named after")
    cache = manager(folder)  # type: ignore[operator]  # a class of CacheManager's
    paths = {name: cache.put(data, name) for name, data in files.items()}
    cache.put_group(group, paths)  # last: what it names is there
    return paths


def take_away(manager: object, key: str, content: bytes) -> None:
    """Have this class's cache hold the kernel no more, as long as its files are the same.

    Raises:
        ValueError: the key is none of Triton's, or the content holds no kernel's files.
        OSError: they cannot be removed.
    """
    folder, group = _parts(key)
    files = unpack(content)
    cache = manager(folder)  # type: ignore[operator]  # a class of CacheManager's
    paths = {name: Path(path) for name in files if (path := cache.get_file(name))}
    if all(path.read_bytes() == files[name] for name, path in paths.items()):
        for path in paths.values():
            path.unlink(missing_ok=True)
        if index := cache.get_file(f"__grp__{group}"):
            Path(index).unlink(missing_ok=True)


def _parts(key: str) -> tuple[str, str]:
    """The directory of a kernel in Triton's cache, and the name of its group of files."""
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r:.80} is no key of Triton's")
    folder, group = key.split("/")
    return folder, group
