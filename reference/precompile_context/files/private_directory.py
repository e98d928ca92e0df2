"""Directories that only this user can change: code is loaded from what lies in them."""

import errno
import os
import stat
from pathlib import Path

from precompile_context.files.system import this_user


def check_private(path: str | os.PathLike[str], *, link_allowed: bool = False) -> None:
    """Return where no other user can change what the directory holds, or which one it is.

    Refused are a directory that everyone may write to or that another user than
    root owns, one below such a directory (but for one like /tmp, where nobody can
    rename another's), a way to it over another user's symbolic link, and a
    symbolic link itself unless `link_allowed`. Its group may write to it: who is
    in it is an administrator's word.

    Raises:
        PermissionError: it is refused, and why.
        OSError: it is not there.
    """
    user = this_user(path)
    there = Path(os.path.abspath(path))
    if there.is_symlink() and not link_allowed:
        raise _refusal("the directory is a symbolic link", there)
    for step in (there, *there.parents):
        if step.is_symlink() and not _is_ours(os.lstat(step), user):
            raise _refusal("the way to the directory is another user's symbolic link", step)
    real = Path(os.path.realpath(there))
    found = os.stat(real)
    if not _is_ours(found, user):
        raise _refusal(f"the directory belongs to another user, {found.st_uid}", real)
    if found.st_mode & stat.S_IWOTH:
        raise _refusal("everyone may write to the directory (`chmod o-w` it)", real)
    for parent in real.parents:
        mode = os.stat(parent).st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise _refusal("everyone may rename what is in a directory above", parent)


def is_private(found: os.stat_result, user: int) -> bool:
    """Whether no other user can change what the system says this of, a group's members apart."""
    return _is_ours(found, user) and not found.st_mode & stat.S_IWOTH


def _is_ours(found: os.stat_result, user: int) -> bool:
    return found.st_uid in (user, 0)


def _refusal(text: str, path: Path) -> PermissionError:
    return PermissionError(errno.EPERM, text, str(path))
