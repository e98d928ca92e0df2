"""Where files of a bundle may go: below one directory, and nowhere else.

The names come from whoever wrote the bundle. They are refused rather than mended:
a mended name is another file than the one that was meant.
"""

import contextlib
import os
import re
import tempfile
from pathlib import Path

MAX_PART_BYTES = 255
# What no file name holds on Windows; ':' also names a drive or a hidden stream there.
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')
# Devices on Windows, whatever follows a first dot; the digits ¹²³ count there too.
_RESERVED = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(\..*)?", re.IGNORECASE
)
# Others may read the cache, as they may read what torch writes; nobody else writes it.
_FILE_MODE = 0o644
_DIRECTORY_MODE = 0o755


class UnsafePlaceError(ValueError):
    """A name from a bundle that would lead out of the cache directory, or be another file's."""


def part_fault(part: str) -> str | None:
    """Why `part` cannot be the name of a file or directory; None where it can."""
    if part in ("", ".", ".."):
        return "empty, '.' and '..' are no names"
    if "/" in part or _FORBIDDEN.search(part):
        return "it holds a separator, a drive's colon, a wildcard or a control character"
    if part[-1] in ". ":
        return "a trailing dot or space is dropped on Windows"
    if _RESERVED.fullmatch(part):
        return "it is a device's name on Windows"
    try:
        size = len(part.encode())
    except UnicodeEncodeError:
        return "it holds a lone surrogate"
    if size > MAX_PART_BYTES:
        return f"a name is at most {MAX_PART_BYTES} bytes"
    return None


def relative_parts(place: str) -> tuple[str, ...]:
    """The parts of a relative path with forward slashes.

    Raises:
        UnsafePlaceError: a part is no safe name, or the path is absolute.
    """
    parts = tuple(place.split("/"))
    # [PCB-NAME-007] [PCB-SEC-002]
    for part in parts:
        if fault := part_fault(part):
            raise UnsafePlaceError(f"{place[:200]!r} is no place in a cache directory: {fault}")
    return parts


def put(root: str | os.PathLike[str], place: str, content: bytes, *, replace: bool) -> bool:
    """Make `content` the file at `place` below `root`, at once for every reader.

    A file that is there stays unless `replace` is set: a process may have it
    mapped, and another may be about to. (Not an empty one: that is what a crash
    leaves of a file that was being written.) Whether the file holds `content` now.

    Raises:
        UnsafePlaceError: the place is unsafe, or a symbolic link stands in its way.
        OSError: the file cannot be written.
    """
    parts = relative_parts(place)
    directory = Path(root)
    for part in parts[:-1]:
        directory /= part
        _refuse_link(directory)
        # One at a time: only the last of several would get the mode.
        directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    path = directory / parts[-1]
    _refuse_link(path)
    if path.exists() and path.stat().st_size:
        if path.read_bytes() == content:
            return True
        if not replace:
            return False
    _write(path, content)
    return True


def remove(root: str | os.PathLike[str], place: str, content: bytes) -> None:
    """Remove the file at `place` below `root` where it holds `content`.

    Raises:
        UnsafePlaceError: the place is unsafe, or a symbolic link stands in its way.
        OSError: the file cannot be read or removed.
    """
    path = Path(root)
    for part in relative_parts(place):
        path /= part
        _refuse_link(path)
    if path.exists() and path.stat().st_size == len(content) and path.read_bytes() == content:
        path.unlink(missing_ok=True)


def _refuse_link(path: Path) -> None:
    """A link below the cache directory may lead anywhere."""
    if path.is_symlink():
        raise UnsafePlaceError(f"{path} is a symbolic link")


def _write(path: Path, content: bytes) -> None:
    """Write beside `path` and rename. Nothing is synced: what a crash takes is compiled again."""
    fd, temporary = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=path.parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(content)
        os.chmod(temporary, _FILE_MODE)
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise
