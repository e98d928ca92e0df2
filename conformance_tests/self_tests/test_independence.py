"""The suite and its vectors rest on no implementation, and mutants on the one that is there."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import builders
import precompile_conformance
from mutants.check import source_of
from mutants.every import by_id
from mutants.mutant import Mutant, StaleMutantError

ROOT = Path(precompile_conformance.__file__).parent
# Checks that the norm and the reference agree: about the reference, not about others.
ABOUT_THE_REFERENCE = ROOT / "spec"


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_runner_and_builders_import_no_implementation() -> None:
    paths = [*ROOT.rglob("*.py"), *Path(builders.__file__).parent.rglob("*.py")]
    judged = [path for path in paths if ABOUT_THE_REFERENCE not in path.parents]
    assert len(judged) > 40
    for path in judged:
        roots = {name.partition(".")[0] for name in _imports(path)}
        assert not roots & {"precompile_context", "testees", "mutants", "self_tests"}, path


def test_the_runner_imports_no_builder() -> None:
    for path in ROOT.rglob("*.py"):
        assert "builders" not in {name.partition(".")[0] for name in _imports(path)}, path


@pytest.mark.parametrize("mutant", by_id().values(), ids=by_id())
def test_a_mutant_changes_one_place_of_the_reference(mutant: Mutant) -> None:
    source = source_of(mutant)
    changed = mutant.apply(source)
    assert changed != source
    compile(changed, mutant.module, "exec")


def test_a_mutant_of_source_that_has_changed_is_told() -> None:
    with pytest.raises(StaleMutantError):
        Mutant("FRAME-001", "errors", "what never stood there", "").apply("source")
