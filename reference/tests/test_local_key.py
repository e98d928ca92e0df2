"""The user's own key: made once, whoever makes it first, and refused where others could use it."""

import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from precompile_context.errors import MisuseError
from precompile_context.files import keys, local_key, read_signing_key, read_verifying_key
from tests import hanging
from tests.signing import ALICE

MAKE = "from precompile_context.files import local_key; print(local_key().keyid)"


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def test_the_key_is_made_on_first_use_and_stays(config: Path) -> None:
    first = local_key()
    assert first is not None
    again = local_key()
    assert again is not None
    assert first.keyid == again.keyid


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_only_the_user_can_read_the_key(umask: int, config: Path) -> None:
    before = os.umask(umask)
    try:
        local_key()
    finally:
        os.umask(before)
    directory = config / "precompile"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert [p.name for p in directory.iterdir()] == ["key.pem"]
    assert stat.S_IMODE((directory / "key.pem").stat().st_mode) == 0o600


def test_it_is_not_made_where_none_is_asked_for(config: Path) -> None:
    assert local_key(make=False) is None
    assert not config.exists()


@pytest.mark.slow
def test_processes_that_make_it_at_once_have_one_key(config: Path) -> None:
    command = [sys.executable, "-c", MAKE]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    keyids = {process.communicate(timeout=hanging.SECONDS)[0].strip() for process in running}
    assert {process.returncode for process in running} == {0}
    assert len(keyids) == 1
    own = local_key()
    assert own is not None
    assert keyids == {own.keyid}
    assert [p.name for p in (config / "precompile").iterdir()] == ["key.pem"]


def test_a_process_that_comes_second_takes_the_first_one_s_key(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look and the making, another process makes it."""
    link = os.link

    def other_was_first(source: Path, target: Path) -> None:
        Path(target).write_bytes(ALICE.to_pem())
        Path(target).chmod(0o600)
        link(source, target)

    monkeypatch.setattr(os, "link", other_was_first)
    made = local_key()
    assert made is not None
    assert made.keyid == ALICE.keyid


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_use_is_refused(mode: int, config: Path) -> None:
    local_key()
    (config / "precompile" / "key.pem").chmod(mode)
    with pytest.raises(PermissionError, match="chmod 600"):
        local_key()


def test_a_key_of_another_user_is_refused(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    local_key()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(PermissionError, match="another user"):
        local_key()


def test_a_file_that_holds_no_key_is_told_with_its_name(config: Path) -> None:
    path = config / "precompile" / "key.pem"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    path.chmod(0o600)
    with pytest.raises(MisuseError, match=r"key\.pem"):
        local_key()


def test_a_relative_config_home_is_ignored_as_the_standard_says(tmp_path: Path) -> None:
    path = keys.local_key_file({"XDG_CONFIG_HOME": "relative"})
    assert path == Path.home() / ".config" / "precompile" / "key.pem"
    assert keys.local_key_file({"XDG_CONFIG_HOME": str(tmp_path)}).is_relative_to(tmp_path)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(OSError, match="XDG_CONFIG_HOME"):
        keys.local_key_file({})


def test_a_key_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_bytes(b"precious")
    with pytest.raises(FileExistsError):
        keys.write_signing_key(path, ALICE)
    assert path.read_bytes() == b"precious"
    assert [p.name for p in tmp_path.iterdir()] == ["k"]


def test_a_file_without_end_is_no_key() -> None:
    for read in (read_signing_key, read_verifying_key):
        with pytest.raises(MisuseError, match="/dev/zero"):
            read("/dev/zero")


def test_a_pipe_in_the_key_s_place_is_refused_and_not_waited_for(config: Path) -> None:
    (config / "precompile").mkdir(parents=True)
    os.mkfifo(config / "precompile" / "key.pem", 0o600)
    with pytest.raises(OSError, match="regular file"):
        local_key()


def test_the_key_that_is_read_is_the_one_that_was_checked(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the directory may put another file there between the two."""
    own = local_key()
    assert own is not None
    theirs = config / "theirs.pem"
    keys.write_signing_key(theirs, ALICE)
    check = keys._check_only_ours

    def check_and_swap(found: Any, path: Path) -> None:
        check(found, path)
        os.replace(theirs, path)

    monkeypatch.setattr(keys, "_check_only_ours", check_and_swap)
    read = local_key()
    assert read is not None
    assert read.keyid == own.keyid


def test_an_error_in_making_a_key_names_the_key(tmp_path: Path) -> None:
    for path in (tmp_path / "none" / "k.pem", tmp_path / "there.pem"):
        (tmp_path / "there.pem").touch()
        with pytest.raises((FileNotFoundError, FileExistsError)) as error:
            keys.write_signing_key(path, ALICE)
        assert error.value.filename == str(path)
    with pytest.raises(IsADirectoryError):
        keys.write_signing_key(Path(""), ALICE)
