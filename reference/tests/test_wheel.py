"""The distribution: a wheel that is complete, and works where nothing else is installed."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from precompile_context import BundleFile, Environment, PrecompileContext
from tests.toys import Graph

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_every_package_and_the_start_up_hook(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        "_precompile_run.py",
        "precompile_run.pth",
        "precompile/v1/bundle_pb2.py",
        "precompile/v1/bundle_pb2.pyi",
        "precompile_conformance/__init__.py",
        "precompile_conformance/reports/page.html.jinja",
        "precompile_context/__init__.py",
        "precompile_context/py.typed",
        "precompile_context/adapters/pytorch/__init__.py",
        "precompile_context/cli/inspect.py",
    }
    assert wanted <= names
    parts = {part for name in names for part in name.split("/")}
    assert not [part for part in parts if part in ("tests", "self_tests", "builders", "mutants")]
    assert not [part for part in parts if part.startswith("test_")]


def test_wheel_installed_alone_inspects_a_bundle(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)  # nothing of this environment
    context = PrecompileContext(environment=Environment.of(os__name="anything"))
    context.register(Graph)
    context.record_artifact(Graph.TYPE, "a key", b"content")
    context.save_to(BundleFile(tmp_path / "a.precompile"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    scripts = tmp_path / "venv" / "bin"
    constraints = ROOT / "constraints.txt"
    install = [str(scripts / "python"), "-m", "pip", "install", "-q", "-c", str(constraints)]

    subprocess.run([*install, str(wheel)], check=True)
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
    packages = subprocess.run(
        [scripts / "python", "-m", "pip", "list"], check=True, capture_output=True, text=True
    )
    assert "torch" not in packages.stdout
