"""The source distribution: all of the tree, built anew with equal bytes.

`make test-runtimes` runs tests in it.
"""

import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.building import ROOT, build


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def unpacked(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree in the sdist."""
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def _files(tree: Path) -> dict[str, bytes]:
    found = [path for path in tree.rglob("*") if path.is_file()]
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in found}


def test_the_sdist_is_the_tree(unpacked: Path) -> None:
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    tree = {name: ROOT / name for name in listed.split("\0") if (ROOT / name).is_file()}
    there = _files(unpacked)
    assert there.pop("PKG-INFO")
    assert there.keys() == tree.keys()
    assert not [name for name, path in tree.items() if there[name] != path.read_bytes()]


@pytest.mark.parametrize("kind", ["sdist", "wheel"])
def test_what_is_built_twice_is_the_same(kind: str, unpacked: Path, tmp_path: Path) -> None:
    """Once from this tree and once from the sdist: at another place and time, by another umask."""
    here, there = tmp_path / "here", tmp_path / "there"
    first = build(kind, here)
    umask = os.umask(0o077)
    try:
        second = build(kind, there, unpacked)
    finally:
        os.umask(umask)
    assert first.name == second.name
    assert first.read_bytes() == second.read_bytes()
