"""Around all tests: a home directory of their own, and no network but this machine's own."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Where programs put what they keep for a user. Below these, what is new counts, of those names that
# programs under test use: the user's other programs go on meanwhile.
_KEPT = (".", ".cache", ".config", ".local/share", ".local/state")
_NAMES = ("precompile", "torch", "triton")
_HERE = ("localhost", "127.0.0.1", "::1")
# Nothing answers there.
_NO_PROXY = "http://127.0.0.1:9"
_CONNECT = socket.socket.connect


def _entries(home: Path) -> set[Path]:
    paths = (path for name in _KEPT for path in (home / name).glob("*"))
    return {path for path in paths if any(name in path.name for name in _NAMES)}


@pytest.fixture(autouse=True, scope="session")
def own_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What programs under test keep for their user goes with the tests."""
    real = Path.home()
    before = _entries(real)
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        for name in [name for name in os.environ if name.startswith("XDG_")]:
            patch.delenv(name)
        yield home
    assert not _entries(real) - before, "a test left something in the home directory"


@pytest.fixture(autouse=True, scope="session")
def no_network() -> Iterator[None]:
    """Programs that would ask other machines are told at once that they cannot."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            patch.setenv(name, _NO_PROXY)
            patch.setenv(name.upper(), _NO_PROXY)
        patch.setenv("no_proxy", ",".join(_HERE))
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setattr(socket.socket, "connect", _connect)
        yield


def _connect(self: socket.socket, address: Any) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and address[0] not in _HERE:
        raise OSError(f"a test must not connect to {address[0]}")
    _CONNECT(self, address)
