"""Names from a bundle never lead out of the cache directory."""

import os
import stat
from pathlib import Path

import pytest

from precompile_context.adapters.pytorch import places

HOSTILE = {
    "absolute": "/etc/cron.d/job.so",
    "parent": "../out.so",
    "parent_inside": "ab/../../out.so",
    "current": "./ab.so",
    "empty": "",
    "empty_part": "ab//c.so",
    "directory": "ab/",
    "backslash": "ab\\..\\out.so",
    "drive": "C:/out.so",
    "drive_relative": "C:out.so",
    "stream": "ab/c.so:hidden",
    "nul": "ab/c\0.so",
    "newline": "ab/c\n.so",
    "device": "ab/NUL",
    "device_with_suffix": "con.so",
    "device_with_superscript": "com¹.so",
    "device_spaced": "aux .so",
    "trailing_dot": "ab./c.so",
    "trailing_space": "ab/c.so ",
    "wildcard": "ab/*.so",
    "long_part": "a" * 256,
    "long_part_in_bytes": "é" * 128,
    "lone_surrogate": "ab/\ud800.so",
}


@pytest.mark.parametrize("place", HOSTILE.values(), ids=HOSTILE)
def test_put_refuses_an_unsafe_place(place: str, tmp_path: Path) -> None:
    root = tmp_path / "cache"
    root.mkdir()
    with pytest.raises(places.UnsafePlaceError):
        places.put(root, place, b"x", replace=True)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_put_writes_below_the_root(tmp_path: Path) -> None:
    assert places.put(tmp_path, "ab/cd/é.so", b"x", replace=False)
    assert (tmp_path / "ab/cd/é.so").read_bytes() == b"x"
    assert sorted(p.name for p in (tmp_path / "ab/cd").iterdir()) == ["é.so"]


def test_put_follows_no_link_below_the_root(tmp_path: Path) -> None:
    root, outside = tmp_path / "cache", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (outside / "file").write_bytes(b"theirs")
    (root / "directory").symlink_to(outside)
    (root / "file").symlink_to(outside / "file")
    (root / "dangling").symlink_to(outside / "new")
    for place in ("directory/new", "directory/file", "file", "dangling"):
        with pytest.raises(places.UnsafePlaceError, match="symbolic link"):
            places.put(root, place, b"ours", replace=True)
    assert [path.name for path in outside.iterdir()] == ["file"]
    assert (outside / "file").read_bytes() == b"theirs"


def test_put_writes_below_a_root_that_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "cache").symlink_to(tmp_path / "real")
    assert places.put(tmp_path / "cache", "a", b"x", replace=False)


def test_put_leaves_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"mapped by a process")
    inode = os.stat(tmp_path / "a.so").st_ino
    assert not places.put(tmp_path, "a.so", b"other", replace=False)
    assert places.put(tmp_path, "a.so", b"mapped by a process", replace=True)
    assert os.stat(tmp_path / "a.so").st_ino == inode


def test_put_replaces_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.so").touch()
    assert places.put(tmp_path, "a.so", b"x", replace=False)
    assert (tmp_path / "a.so").read_bytes() == b"x"


def test_put_replaces_by_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"old")
    with (tmp_path / "a").open("rb") as reader:
        assert places.put(tmp_path, "a", b"new", replace=True)
        assert reader.read() == b"old"
    assert (tmp_path / "a").read_bytes() == b"new"


def test_put_makes_nothing_that_others_may_write(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        places.put(tmp_path, "ab/cd/e.so", b"x", replace=False)
    finally:
        os.umask(umask)
    for path in (tmp_path / "ab", tmp_path / "ab/cd", tmp_path / "ab/cd/e.so"):
        assert not stat.S_IMODE(path.stat().st_mode) & (stat.S_IWGRP | stat.S_IWOTH)


def test_put_leaves_nothing_where_it_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fails)
    with pytest.raises(OSError, match="disk full"):
        places.put(tmp_path, "a.so", b"x", replace=False)
    assert not list(tmp_path.iterdir())
