"""What is installed is pinned by hashes, and the generated code is that of the pinned protoc."""

import json
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ROOT / "locks"
# torch's file depends on where pip looks for it: the Makefile says so.
WITHOUT_HASH = {"torch"}
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def variable(name: str) -> str:
    """A variable of the Makefile."""
    (value,) = re.findall(rf"^{name} := (.*)$", MAKEFILE, flags=re.MULTILINE)
    return str(value)


def pins(text: str) -> dict[str, str]:
    """Versions by name of a lock or of constraints."""
    return dict(re.findall(r"^([\w.-]+)==([\w.+]+)", text, flags=re.MULTILINE))


LOCKED = pins((LOCKS / "python.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(LOCKS.glob("*.txt")), ids=lambda path: path.name)
def test_each_locked_file_has_a_hash(path: Path) -> None:
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line.strip() and line[0] != "#"]
    assert requirements
    for requirement in requirements:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}( |$)", requirement), requirement
    assert "://" not in text


def test_the_tested_versions_are_those_that_are_locked() -> None:
    tested = pins((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert tested.keys() >= WITHOUT_HASH
    others = (LOCKS / "bench.txt", LOCKS / "compilers.txt")
    locked = LOCKED.copy()
    for path in others:
        locked |= pins(path.read_text(encoding="utf-8"))
    assert {name: locked.get(name) for name in tested.keys() - WITHOUT_HASH} == {
        name: version for name, version in tested.items() if name not in WITHOUT_HASH
    }


def test_every_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["cli"], *extras["dev"]]
    names = {re.split(r"[\[<>=!~ ;]", requirement)[0].lower() for requirement in wanted}
    assert names - {"precompile-context"} <= LOCKED.keys()


@pytest.mark.parametrize(
    ("name", "some"), [("compilers", {"numpy", "protobuf"}), ("models", {"numpy", "fsspec"})]
)
def test_what_is_locked_beside_python_txt_is_of_one_version(name: str, some: set[str]) -> None:
    """`.compilers` and `.models` have both; torch's file is in no lock."""
    other = pins((LOCKS / f"{name}.txt").read_text(encoding="utf-8"))
    assert not WITHOUT_HASH & other.keys()
    common = LOCKED.keys() & other.keys()
    assert some <= common
    assert {name: other[name] for name in common} == {name: LOCKED[name] for name in common}


def test_each_protobuf_runtime_is_locked() -> None:
    for version in variable("PROTOBUF_RUNTIMES").split():
        text = (LOCKS / f"protobuf-{version}.txt").read_text(encoding="utf-8")
        assert pins(text) == {"protobuf": version}


def test_atheris_is_locked() -> None:
    text = (LOCKS / "fuzz.txt").read_text(encoding="utf-8")
    assert pins(text) == {"atheris": variable("ATHERIS")}


def test_buf_is_locked_by_integrity_alone() -> None:
    lock = json.loads((LOCKS / "buf" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: package for name, package in lock["packages"].items() if name}
    assert packages["node_modules/@bufbuild/buf"]["version"] == variable("BUF")
    for package in packages.values():
        assert package["integrity"].startswith("sha512-")
        assert "resolved" not in package


def test_the_generated_code_is_that_of_the_pinned_protoc() -> None:
    tools = pins((LOCKS / "protoc.txt").read_text(encoding="utf-8"))
    assert tools["grpcio-tools"] == variable("GRPCIO_TOOLS")
    # protoc 25.1 names itself by the Python runtime of its day: 4.25.1.
    header = f"# Protobuf Python Version: 4.{variable('PROTOC')}"
    generated = sorted((ROOT / "generated").rglob("*_pb2.py"))
    assert generated
    for path in generated:
        assert header in path.read_text(encoding="utf-8").splitlines()[:6], path.name
