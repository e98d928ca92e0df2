"""What the other protobuf runtimes are tested with: all quick tests, and slow ones that say so."""

import ast
from collections.abc import Iterator
from pathlib import Path

# A module that imports one of these makes messages by itself, or bytes that are to be refused.
MAKING = ("precompile.v1", "precompile_conformance.build", "fuzz")
# Slow tests of such modules that give protobuf nothing that others do not.
LEFT_OUT = {
    "test_hostile_append": "a file's torn tail at every length, which test_hostile_recovery reads",
    "test_merging": "large contents",
}


def _marks(node: ast.AST) -> set[str]:
    """The names of `pytest.mark` below a node."""
    attributes = (found for found in ast.walk(node) if isinstance(found, ast.Attribute))
    return {found.attr for found in attributes if ast.unparse(found.value) == "pytest.mark"}


def _slow(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    functions = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    return (function for function in functions if "slow" in _marks(function))


def test_slow_tests_of_modules_that_make_messages_run_on_each_runtime() -> None:
    making = {}
    for path in Path(__file__).parent.glob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = (node for node in tree.body if isinstance(node, ast.ImportFrom))
        slow = list(_slow(tree))
        if slow and any((node.module or "").startswith(MAKING) for node in imports):
            making[path.stem] = [one.name for one in slow if "runtimes" not in _marks(one)]
    assert {name for name, without in making.items() if without} == LEFT_OUT.keys()
    assert len(making) >= 9
