"""What a program may import, and what the package itself may."""

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import precompile_context

PACKAGE = Path(precompile_context.__file__).parent
NAME = "precompile_context"
TOP = 8
# The layers, lowest first. A module may import from its own and from lower ones.
LAYERS = {
    "version": 0,
    "errors": 1,
    "fields": 1,
    "html": 1,
    "artifact": 1,
    "environment": 1,
    "pausing": 1,
    "on_demand": 1,
    "plural": 1,
    "startable": 1,
    "locks": 1,
    "bundle": 2,
    "trust": 2,
    "cache_info": 3,
    "compare": 3,
    "files": 4,
    "context": 5,
    "stores": 6,
    "session": 7,
    "adapters": TOP,
    "testing": TOP,
    "cli": TOP,
    "__main__": TOP,
}
# What goes past bytes in and values out.
WORLD = {
    *("pathlib", "tempfile", "shutil", "glob", "io", "fcntl"),
    *("time", "datetime", "random", "secrets", "uuid", "socket", "platform", "subprocess"),
}
DEPENDENCIES = {"google", "precompile", "zstandard", "cryptography"}


def _room(path: Path) -> str:
    """The layer's key: the module, or the folder, right below the package."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


MODULES = sorted(PACKAGE.rglob("*.py"))
OUTSIDE = ("adapters", "cli", "session", "stores", "testing", "__main__")
CORE = [path for path in MODULES if _room(path) not in OUTSIDE]


def _id(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


def _imports(path: Path) -> Iterator[str]:
    """Full names of all that the module imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _own_rooms(path: Path) -> Iterator[str]:
    """Rooms of the package that the module imports from; the public surface is one of its own."""
    for name in _imports(path):
        if name == NAME or name.startswith(f"{NAME}."):
            room = name.split(".")[1] if "." in name else ""
            yield room if room in LAYERS else "the public surface"


def test_all_is_exactly_one_literal_list() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    mentions = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == "__all__"]
    assert len(mentions) == 1
    (assignment,) = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert assignment.targets == mentions
    assert ast.literal_eval(assignment.value) == precompile_context.__all__
    assert isinstance(assignment.value, ast.List)


def test_all_is_sorted_and_without_repeats() -> None:
    names = precompile_context.__all__
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name))


@pytest.mark.parametrize("name", precompile_context.__all__)
def test_every_public_name_is_importable_and_documented(name: str) -> None:
    value = getattr(precompile_context, name)
    assert name == "__version__" or value.__doc__


def test_every_imported_name_is_public() -> None:
    tree = ast.parse((PACKAGE / "__init__.py").read_text())
    imported = {
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert imported == set(precompile_context.__all__)


def test_import_loads_no_compiler_and_no_terminal_library() -> None:
    script = (
        "import sys, precompile_context\n"
        "print(*{'torch', 'typer', 'rich', 'click', 'numpy'} & set(sys.modules))"
    )
    path = {"PYTHONPATH": ":".join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_module_has_a_layer() -> None:
    assert {_room(path) for path in MODULES} - {"__init__"} == set(LAYERS)


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_imports_never_point_up(path: Path) -> None:
    own = LAYERS.get(_room(path), TOP + 1)
    above = {room for room in _own_rooms(path) if LAYERS.get(room, TOP) > own and own <= TOP}
    assert not above


# Compilers, and whose adapters alone import them.
COMPILERS = {
    "torch": {"pytorch"},
    "triton": {"pytorch", "triton"},
    "jax": {"jax"},
    "jaxlib": {"jax"},
    "numba": {"numba"},
    "llvmlite": {"numba"},
}


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_a_compiler_is_imported_by_its_own_adapter_alone(path: Path) -> None:
    own = _adapter(path)
    for name in {name.split(".")[0] for name in _imports(path)} & COMPILERS.keys():
        assert own in COMPILERS[name]


@pytest.mark.parametrize("path", MODULES, ids=_id)
def test_an_adapter_imports_nothing_of_another(path: Path) -> None:
    if (own := _adapter(path)) is not None:
        start = f"{NAME}.adapters."
        named = {name for name in _imports(path) if name.startswith(start)}
        assert not {name for name in named if name.removeprefix(start).split(".")[0] != own}


def _adapter(path: Path) -> str | None:
    """The adapter that the module is part of."""
    folder, *rest = path.relative_to(PACKAGE).parts
    return rest[0].removesuffix(".py") if folder == "adapters" and len(rest) > 1 else None


@pytest.mark.parametrize("path", CORE, ids=_id)
def test_the_core_needs_its_three_dependencies_alone(path: Path) -> None:
    foreign = {name.split(".")[0] for name in _imports(path)} - sys.stdlib_module_names
    assert foreign - {NAME} <= DEPENDENCIES


@pytest.mark.parametrize("path", [path for path in CORE if _room(path) != "files"], ids=_id)
def test_outside_files_no_file_clock_or_host_is_touched(path: Path) -> None:
    assert not {name.split(".")[0] for name in _imports(path)} & WORLD
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            # The number of cores decides how many threads compress, not what comes out; a fork
            # copies locks.
            assert node.value.id != "os" or node.attr in ("cpu_count", "register_at_fork")


# What programs import beside the package itself: it stays where it is.
DEEP = {
    "adapters.pytorch": [
        *("PrecompileReport", "UnsupportedTorchError", "WarmStart", "WarmStartReport"),
        *("caching_precompile", "capture", "fitting_environment", "from_mega_cache"),
        *("host_environment", "load_cache_artifacts", "precompiling", "replay"),
        *("save_cache_artifacts", "to_mega_cache", "warm_start"),
    ],
    "adapters.pytorch.artifacts": ["AOTAutogradArtifact", "InductorArtifact", "InductorFile"],
    "adapters.pytorch.precompile.entry": ["AOTAutogradBackend", "DynamoEntry"],
    "adapters.pytorch.private": ["UnsupportedTorchError"],
    "adapters.pytorch.session": ["WarmStart", "warm_start"],
    "artifact": ["ArtifactKind", "CacheArtifact", "Registry"],
    "bundle": ["Bundle", "ByteSource", "Segment"],
    "context": ["PrecompileContext"],
    "environment": ["Environment", "Match", "Requirement"],
    "errors": ["ErrorCode", "MisuseError", "PrecompileError"],
    "files": ["BundleFile", "Directory"],
    "session": ["Adapter", "Difference", "Miss", "Part", "UnsupportedCompilerError"],
    "stores": ["Store", "StoreError"],
    "testing": ["AdapterTests", "MemoryPart", "SimulatedStore", "StoreTests"],
    "trust": ["UNSIGNED", "SigningKey", "TrustPolicy"],
}


@pytest.mark.parametrize("module", DEEP)
def test_what_programs_import_stays_where_it_is(module: str) -> None:
    imported = importlib.import_module(f"{NAME}.{module}")
    assert not [name for name in DEEP[module] if not hasattr(imported, name)]
