"""The remembered digest of torch's sources: found again for the same files, and for no others."""

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from precompile_context.adapters.pytorch.facts import torch_sources

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no time of an inode")


class Torch:
    """A directory with modules, and how often their digest was computed."""

    def __init__(self, place: Path) -> None:
        self.root, self.state = place / "torch", place / "state"
        self.module = self.root / "_inductor" / "codecache.py"
        self.module.parent.mkdir(parents=True)
        for folder in (self.root, self.module.parent):
            (folder / "__init__.py").touch()
        self.module.write_text("one = 1\n")
        self.computed = 0

    def digest(self, version: str = "2.13.0") -> bytes:
        def compute() -> bytes:
            self.computed += 1
            return hashlib.sha256(self.module.read_bytes()).digest()

        return torch_sources.remembered(self.root, version, self.state, compute)


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Torch:
    monkeypatch.setattr(torch_sources, "_SETTLED_NS", 0)
    return Torch(tmp_path)


def settle(file: Path, change: Callable[[], object]) -> None:
    """Change a file until the clock has gone on: its system's ticks are milliseconds."""
    before = file.stat().st_ctime_ns
    while True:
        change()
        if file.stat().st_ctime_ns != before:
            return


def test_digest_is_computed_once_for_the_same_files(there: Torch) -> None:
    assert there.digest() == there.digest()
    assert there.computed == 1


def test_edit_that_keeps_size_and_time_is_seen(there: Torch) -> None:
    first = there.digest()
    before = there.module.stat()

    def edit() -> None:
        there.module.write_text("one = 2\n")
        os.utime(there.module, ns=(before.st_atime_ns, before.st_mtime_ns))

    settle(there.module, edit)
    after = there.module.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert there.digest() != first


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "new.py").touch(),
        lambda root: (root / "_inductor" / "__init__.py").unlink(),
        lambda root: (root / "_inductor" / "script.ld").touch(),
        lambda root: (root / "_inductor" / "codecache.py").rename(root / "moved.py"),
    ],
    ids=["added", "no package any more", "beside modules", "moved"],
)
def test_other_files_are_another_torch(there: Torch, change: Callable[[Path], object]) -> None:
    there.digest()
    change(there.root)
    there.module.parent.mkdir(exist_ok=True)
    there.module.touch()
    there.digest()
    assert there.computed == 2


def test_another_version_is_another_torch(there: Torch) -> None:
    there.digest()
    there.digest("2.13.1")
    assert there.computed == 2


def test_what_torch_does_not_read_changes_nothing(there: Torch) -> None:
    there.digest()
    (there.root / "lib").mkdir()
    (there.root / "lib" / "no_package.py").touch()
    there.digest()
    assert there.computed == 1


def test_files_that_have_just_changed_are_not_remembered(
    there: Torch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch_sources, "_SETTLED_NS", 3600 * 10**9)
    there.digest()
    there.digest()
    assert there.computed == 2


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"00 11\n", b"a" * 64 + b" " + b"b" * 64 + b"\n"]
)
def test_what_is_no_record_of_these_files_is_computed_anew(there: Torch, content: bytes) -> None:
    first = there.digest()
    (file,) = there.state.iterdir()
    file.write_bytes(content)
    assert there.digest() == first
    assert there.computed == 2


def test_record_that_others_may_write_is_not_read(there: Torch) -> None:
    there.digest()
    there.state.chmod(0o777)
    there.digest()
    assert there.computed == 2


def test_nowhere_to_remember_is_no_failure(there: Torch) -> None:
    there.state.touch()
    assert there.digest() == there.digest()
    assert there.computed == 2


@pytest.mark.torch
def test_digest_is_torchs_own_and_torch_has_it() -> None:
    codecache = pytest.importorskip("torch._inductor.codecache")
    assert torch_sources.sources_digest() == codecache.torch_key()


@pytest.mark.torch
def test_all_that_torch_reads_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    codecache = pytest.importorskip("torch._inductor.codecache")
    import pkgutil

    root = Path(torch.__file__).parent
    seen = {name for name, _ in torch_sources._modules(root)}
    read: list[str] = []

    def modules_of(folder: str, prefix: str) -> None:
        for module in pkgutil.iter_modules([folder], prefix):
            spec = module.module_finder.find_spec(module.name, None)
            assert spec is not None
            assert spec.origin is not None
            read.append(spec.origin)
            for within in (spec.submodule_search_locations or ()) if module.ispkg else ():
                modules_of(within, f"{spec.name}.")

    modules_of(str(root), "")
    assert "build_code_hash" in vars(codecache)
    assert len(read) > 1000
    assert set(read) <= seen
