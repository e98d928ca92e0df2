"""On a system like Windows: bundles are read, and a write says in one line what it needs."""

import subprocess
import sys
from pathlib import Path

import pytest

from precompile_context import BundleFile, PrecompileContext
from tests.toys import Blob

# What Python's documentation has as not available on Windows, of what the core may use.
MISSING = (
    *("register_at_fork", "fork", "pread", "pwrite", "preadv", "pwritev", "posix_fadvise"),
    *("geteuid", "getuid", "fchmod", "fchown", "mkfifo", "O_CLOEXEC", "O_NONBLOCK"),
    *("O_DIRECTORY", "O_NOFOLLOW"),
)
# None in place of a module: importing it says that there is none.
WITHOUT_TORCH = """
import os, sys
sys.modules["torch"] = None
"""
HIDING = f"""{WITHOUT_TORCH}
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in {MISSING}:
    delattr(os, name)
"""
COMMAND = "from _precompile_command import main; main()"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle that somebody else's system wrote."""
    context = PrecompileContext(requirements=())
    context.register(Blob)
    context.record_artifact(Blob.TYPE, "a key", b"content")
    context.save_to(BundleFile(tmp_path / "a.precompile"))
    return tmp_path / "a.precompile"


def there(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script where the names are missing."""
    return run(HIDING + script, *arguments)


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """What a failed command said, above its line of help."""
    assert done.returncode == 1, done.stderr
    said, help_ = done.stderr.splitlines()
    assert help_.startswith("help: ")
    return said


@pytest.mark.parametrize("command", ["inspect", "verify", "explain"])
def test_a_bundle_is_looked_into_as_anywhere(bundle: Path, command: str) -> None:
    done, here = (run(before + COMMAND, command, bundle) for before in (HIDING, WITHOUT_TORCH))
    assert done.stdout
    assert (done.stdout, done.stderr, done.returncode) == (
        here.stdout,
        here.stderr,
        here.returncode,
    )


def test_content_is_extracted_to_a_file(bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    done = there(COMMAND, "extract", bundle, Blob.TYPE, "a key", "-o", output)
    assert done.returncode == 0, done.stderr
    assert output.read_bytes() == b"content"


@pytest.mark.parametrize("mapped", [False, True])
def test_a_bundle_is_opened_and_read(bundle: Path, mapped: bool) -> None:
    script = f"""
from precompile_context import UNSIGNED, BundleFile
bundle = BundleFile(sys.argv[1]).open(policy=UNSIGNED, mapped={mapped})
print(bundle.read(bundle.current()["{Blob.TYPE}", "a key"]))
"""
    done = there(script, bundle)
    assert (done.stdout, done.stderr) == ("b'content'\n", "")


def test_threads_that_read_one_file_do_not_mix_its_bytes(bundle: Path) -> None:
    script = """
from concurrent.futures import ThreadPoolExecutor
from precompile_context.files.access import FileSource
sys.setswitchinterval(1e-6)
source = FileSource(os.open(sys.argv[1], os.O_RDONLY))
whole = bytes(source.read(0, source.size))
def read(at):
    return bytes(source.again().read(at, 1)) == whole[at : at + 1]
with ThreadPoolExecutor(4) as threads:
    print(all(threads.map(read, [*range(source.size)] * 20)))
"""
    done = there(script, bundle)
    assert (done.stdout, done.stderr) == ("True\n", "")


def test_a_context_loads_what_was_saved_elsewhere(bundle: Path) -> None:
    script = """
from precompile_context import *
context = PrecompileContext(policy=UNSIGNED)
context.load(BundleFile(sys.argv[1]).open(policy=UNSIGNED))
data, _ = context.serialize()
print(*(key for _, key in Bundle.open(data, policy=UNSIGNED).current()))
"""
    done = there(script, bundle)
    assert (done.stdout, done.stderr) == ("a key\n", "")


def test_saving_says_that_it_needs_a_lock_and_changes_nothing(bundle: Path) -> None:
    script = """
from dataclasses import dataclass
from precompile_context import *
@dataclass(frozen=True)
class Toy(CacheArtifact):
    TYPE = "toy"
    def populate_cache(self): ...
context = PrecompileContext(policy=UNSIGNED)
context.register(Toy)
context.record_artifact("toy", "another", b"content")
try:
    context.save_to(BundleFile(sys.argv[1]))
except OSError as error:
    print(error.strerror)
"""
    before = bundle.read_bytes()
    for path in (bundle, bundle.with_name("new.precompile")):
        done = there(script, path)
        assert done.stderr == ""
        assert "needs a POSIX lock" in done.stdout
        assert done.stdout.count("\n") == 1
    assert bundle.read_bytes() == before
    assert list(bundle.parent.iterdir()) == [bundle]


def test_a_signature_says_that_it_needs_a_lock(bundle: Path, tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    assert run(COMMAND, "keygen", key).returncode == 0
    assert "needs a POSIX lock" in refusal(there(COMMAND, "sign", bundle, "--key", key))


def test_a_key_that_others_could_read_is_not_made(tmp_path: Path) -> None:
    assert "POSIX" in refusal(there(COMMAND, "keygen", tmp_path / "key.pem"))
    assert not list(tmp_path.iterdir())


def test_a_directory_that_others_could_write_to_is_not_used(tmp_path: Path) -> None:
    script = """
from precompile_context import Directory
try:
    Directory(sys.argv[1])
except PermissionError as error:
    print(error.strerror)
"""
    done = there(script, tmp_path)
    assert done.stderr == ""
    assert "POSIX" in done.stdout
