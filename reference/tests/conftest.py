"""Fixtures that tests of several modules use."""

import os
from pathlib import Path

import pytest

from precompile_context import BundleFile


@pytest.fixture
def file(tmp_path: Path) -> BundleFile:
    """A bundle file that is not there yet, alone in its directory."""
    return BundleFile(tmp_path / "model.precompile")


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests with hundreds of appends: what a sync is good for, no test can see."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
