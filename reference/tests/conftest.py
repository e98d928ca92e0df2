"""Fixtures that tests of several modules use."""

import os
from pathlib import Path

import pytest
from google import protobuf
from google.protobuf.internal import api_implementation

from precompile_context import BundleFile


def pytest_report_header() -> str:
    """Which protobuf runtime the tests run on; another than was asked for is an error."""
    wanted = os.environ.get("PRECOMPILE_TEST_PROTOBUF", protobuf.__version__)
    if protobuf.__version__ != wanted:
        pytest.exit(f"protobuf {protobuf.__version__} is in place of {wanted}", returncode=1)
    return f"protobuf {protobuf.__version__}, {api_implementation.Type()}"


@pytest.fixture
def file(tmp_path: Path) -> BundleFile:
    """A bundle file that is not there yet, alone in its directory."""
    return BundleFile(tmp_path / "model.precompile")


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests with hundreds of appends: what a sync is good for, no test can see."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
