"""Cache directories that other users could change are refused."""

import os
from pathlib import Path

import pytest

from precompile_context.files import Directory, check_private


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "cache"
    path.mkdir(mode=0o700)
    return path


def test_a_directory_of_one_s_own_is_taken(directory: Path) -> None:
    check_private(directory)
    Directory(directory).replace("a", [b"1"])
    Directory(directory / "new" / "one")


def test_a_world_writable_cache_directory_is_refused(directory: Path) -> None:
    for mode in (0o777, 0o1777, 0o702):
        directory.chmod(mode)
        with pytest.raises(PermissionError, match="everyone may write"):
            Directory(directory)


def test_a_directory_that_its_group_may_write_to_is_taken(directory: Path) -> None:
    directory.chmod(0o775)
    Directory(directory)


def test_a_symlinked_cache_directory_is_refused(directory: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(directory)
    with pytest.raises(PermissionError, match="symbolic link"):
        Directory(link)
    check_private(link, link_allowed=True)  # one's own
    Directory(link / "below")


def test_a_dangling_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(OSError, match="link"):
        Directory(tmp_path / "link")
    assert not (tmp_path / "nowhere").exists()


def test_a_directory_that_others_can_rename_is_refused(directory: Path, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(PermissionError, match="rename"):
        Directory(directory)
    tmp_path.chmod(0o1777)  # as /tmp
    Directory(directory)


def test_a_directory_of_another_user_is_refused(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid():
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    else:
        os.chown(directory, 12345, -1)
    with pytest.raises(PermissionError, match="another user"):
        Directory(directory)


def test_a_link_of_another_user_is_refused_wherever_it_leads(
    directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In /tmp anyone may make one, and lead it elsewhere later."""
    link = tmp_path / "link"
    link.symlink_to(directory)
    if os.getuid():
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    else:
        os.lchown(link, 12345, -1)
    (directory / "below").mkdir(mode=0o700)
    for path in (link, link / "below"):
        with pytest.raises(PermissionError, match="another user"):
            check_private(path, link_allowed=True)
