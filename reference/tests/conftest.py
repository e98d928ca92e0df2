"""Fixtures that tests of several modules use."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from google import protobuf
from google.protobuf.internal import api_implementation

from precompile_context import BundleFile
from tests import remembering
from tests.forking import Imported, Interpreters, shared_place
from tests.programs import ONE_THREAD, QUICK

# Marks of tests that import compilers.
_COMPILERS = ("torch", "compilers")
_PLACE = pytest.StashKey[Path]()


def pytest_configure(config: pytest.Config) -> None:
    """Interpreters are for all workers, and end with the process that has started these."""
    if hasattr(config, "workerinput"):
        config.stash[_PLACE] = Path(config.workerinput["place"])
    else:
        ends = ExitStack()
        config.stash[_PLACE] = ends.enter_context(shared_place())
        config.add_cleanup(ends.close)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """A worker is told where they are."""
    node.workerinput["place"] = str(node.config.stash[_PLACE])


def pytest_report_header() -> str:
    """Which protobuf runtime the tests run on; another than was asked for is an error."""
    wanted = os.environ.get("PRECOMPILE_TEST_PROTOBUF", protobuf.__version__)
    if protobuf.__version__ != wanted:
        pytest.exit(f"protobuf {protobuf.__version__} is in place of {wanted}", returncode=1)
    return f"protobuf {protobuf.__version__}, {api_implementation.Type()}"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Tests that are not to be run import no compiler either, where a module has no others. Where
    one mark alone is wanted, nor is a module imported that has no such test.
    """
    wanted = config.option.markexpr
    if collection_path.suffix != ".py" or not wanted:
        return None
    text = collection_path.read_text(encoding="utf-8")
    if wanted in _COMPILERS:
        # Of pages, each says by which mark it is run.
        return not (f"pytest.mark.{wanted}" in text or "getattr(pytest.mark," in text) or None
    unwanted = [name for name in _COMPILERS if f"not {name}" in wanted]
    return any(f"\npytestmark = pytest.mark.{name}\n" in text for name in unwanted) or None


@pytest.fixture(autouse=True, scope="session")
def own_config(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The user's own key is not the tests' to make: theirs is in a directory of their own."""
    config = tmp_path_factory.mktemp("config")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(config))
        yield config


@pytest.fixture(autouse=True, scope="session")
def remembering_compiler(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Programs that compile find what was compiled before, in this run or in one before it."""
    try:
        torch = version("torch")
    except PackageNotFoundError:
        yield
        return
    folder = tmp_path_factory.mktemp("compiler")
    cache = getattr(request.config, "cache", None)
    store = cache.mkdir("compiled") if cache else tmp_path_factory.mktemp("compiled")
    with pytest.MonkeyPatch.context() as patch:
        if remembering.install(folder, store, headers=f"torch {torch}"):
            patch.setenv("PATH", str(folder), prepend=os.pathsep)
        yield


@pytest.fixture(autouse=True, scope="session")
def own_signals() -> None:
    """What a shell's `nohup` and `&` ignore, programs under test must not inherit."""
    for number in (signal.SIGHUP, signal.SIGINT):
        if signal.getsignal(number) is signal.SIG_IGN:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            signal.signal(number, default)


def _process() -> dict[str, object]:
    signals = (signal.SIGALRM, signal.SIGINT, signal.SIGTERM)
    return {
        "collector": gc.isenabled(),
        "directory": os.getcwd(),
        "handlers": [signal.getsignal(number) for number in signals],
        "profile": sys.getprofile(),
    }


@pytest.fixture(autouse=True)
def left_as_it_was() -> Iterator[None]:
    """A test that leaves the process another is told itself, and not whoever comes after it."""
    before = _process()
    yield
    assert _process() == before


@pytest.fixture(scope="session")
def started(
    pytestconfig: pytest.Config, own_home: Path, no_network: None, own_config: Path
) -> Callable[..., Interpreters]:
    """Makes interpreters of what is imported, under the tests' own variables and more."""

    def make(imported: Imported, **variables: str) -> Interpreters:
        return Interpreters(imported, {**os.environ, **variables}, pytestconfig.stash[_PLACE])

    return make


@pytest.fixture(scope="session")
def interpreters(started: Callable[..., Interpreters]) -> Interpreters:
    """For programs that compile, whenever they import what: torch's compiler is imported."""
    return started(Imported.COMPILER, **QUICK)


@pytest.fixture(scope="session")
def with_torch(started: Callable[..., Interpreters]) -> Interpreters:
    """For programs of which it is seen what they import of torch's compiler."""
    return started(Imported.TORCH, **ONE_THREAD)


@pytest.fixture(scope="session")
def with_jax(started: Callable[..., Interpreters]) -> Interpreters:
    """For programs that use JAX, which is imported, on a processor."""
    return started(Imported.JAX, JAX_PLATFORMS="cpu")


@pytest.fixture(scope="session")
def with_numba(started: Callable[..., Interpreters]) -> Interpreters:
    """For programs that use numba, which is imported."""
    return started(Imported.NUMBA)


@pytest.fixture(scope="session")
def with_ours(started: Callable[..., Interpreters]) -> Interpreters:
    """For programs of which it is seen how they import a compiler: what is ours is imported."""
    return started(Imported.OURS)


@pytest.fixture
def file(tmp_path: Path) -> BundleFile:
    """A bundle file that is not there yet, alone in its directory."""
    return BundleFile(tmp_path / "model.precompile")


@pytest.fixture
def no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests with hundreds of appends: what a sync is good for, no test can see."""
    monkeypatch.setattr(os, "fsync", lambda fd: None)
