"""The distribution: a wheel that is complete, and works where nothing else is installed."""

import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from precompile_context import BundleFile, Environment, PrecompileContext
from tests import wheelhouse
from tests.building import ROOT, build
from tests.toys import Graph

# Where a wheel's files lie in the tree.
FOLDERS = ("reference", "generated", "conformance_tests")
# The vectors lie beside the package there, below it in a wheel.
VECTORS = "precompile_conformance/vectors/"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("wheel", tmp_path_factory.mktemp("wheel"))


def test_wheel_holds_every_package_and_the_start_up_hook(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        "_precompile_command.py",
        "_precompile_run.py",
        "precompile_run.pth",
        "precompile/v1/bundle_pb2.py",
        "precompile/v1/bundle_pb2.pyi",
        "precompile_conformance/__init__.py",
        "precompile_conformance/reports/page.html.jinja",
        "precompile_conformance/vectors/v1.0/SHA256SUMS",
        "precompile_context/cli/viewer.html",
        "precompile_context/__init__.py",
        "precompile_context/py.typed",
        "precompile_context/adapters/pytorch/__init__.py",
        "precompile_context/cli/inspect.py",
    }
    assert wanted <= names
    parts = {part for name in names for part in name.split("/")}
    assert not [part for part in parts if part in ("tests", "self_tests", "builders", "mutants")]
    assert not [part for part in parts if part.startswith("test_")]


def test_wheel_holds_the_files_of_the_tree(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if ".dist-info/" not in name:
                name_there = name.replace(VECTORS, "vectors/", 1)
                folders = (ROOT / folder / name_there for folder in FOLDERS)
                (path,) = [path for path in folders if path.is_file()]
                assert archive.read(name) == path.read_bytes(), name


def test_the_runner_in_a_wheel_finds_the_vectors_that_came_with_it(
    wheel: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        "from precompile_conformance import corpus\n"
        "print(corpus.VECTORS)\n"
        "print([f for v in corpus.versions(corpus.VECTORS)"
        " for f in corpus.faults(corpus.VECTORS / f'v{v}')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [str(tmp_path / VECTORS), "[]"]


def test_wheel_says_who_made_it_and_what_changed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        changes = archive.read(f"{info}/extra_metadata/CHANGELOG.md")
    assert metadata["Author"] == "The Precompile Bundle authors"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert metadata["Requires-Python"] == ">=3.11"
    assert changes == (ROOT / "CHANGELOG.md").read_bytes()


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the core and its command line need."""
    folder = tmp_path_factory.mktemp("wheels")
    wheelhouse.fill(folder, "protobuf", "zstandard", "cryptography", "typer", "rich")
    return folder


def test_wheel_installed_alone_inspects_a_bundle(
    wheel: Path, wheels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # nothing of this environment
    context = PrecompileContext(environment=Environment.of(os__name="anything"))
    context.register(Graph)
    context.record_artifact(Graph.TYPE, "a key", b"content")
    context.save_to(BundleFile(tmp_path / "a.precompile"))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / "bin"
    pip = [sys.executable, "-m", "pip", "--isolated", "--python", str(scripts / "python")]
    install = [*pip, "install", "-q", "--no-index", "--find-links", str(wheels)]

    subprocess.run([*install, str(wheel)], check=True)
    strict = [str(scripts / "python"), "-W", "error", "-c", "import precompile_context"]
    subprocess.run(strict, check=True)
    bare = subprocess.run(
        [scripts / "precompile", "inspect", "a.precompile"], capture_output=True, text=True
    )
    assert bare.returncode == 2
    assert "precompile-context[cli]" in bare.stderr
    assert "Traceback" not in bare.stderr

    subprocess.run([*install, f"{wheel}[cli]"], check=True)
    inspected = subprocess.run(
        [scripts / "precompile", "inspect", "a.precompile"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert "a key" in inspected.stdout
    packages = subprocess.run([*pip, "list"], check=True, capture_output=True, text=True)
    assert "torch" not in packages.stdout
