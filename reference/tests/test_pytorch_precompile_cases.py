"""The automatic mode with real torch: every case of the table, cold, warm and warm again."""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, BundleFile
from tests.forking import Interpreters
from tests.programs import QUICK

pytestmark = pytest.mark.torch
pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
RUN = "from benchmarks.pytorch_run import main; main()"
# Takes a minute; the other training step is like it.
LEFT_OUT = "transformer training step"

# Frames that the second process serves, and those that it compiles because they are new.
WARM = {
    "function": (1, 0),
    "module": (1, 0),
    "graph break": (2, 0),
    "dynamic shapes": (1, 0),
    "automatic dynamic shapes": (2, 0),
    "training step": (1, 0),
    "forward only, grad enabled": (0, 1),
    "two instances, another attribute": (2, 0),
    "module that holds lists": (1, 0),
    "two instances, another size": (2, 0),
    "closures over two functions": (2, 0),
    "methods": (2, 0),
    "decorated methods": (2, 0),
    "two lambdas on one line": (2, 0),
    "two lambdas in two files": (2, 0),
    "one name and line in two modules": (2, 0),
    "global function rebound": (2, 0),
    "global function rebound since": (0, 1),
    "function attribute changed": (2, 0),
    "function as argument": (2, 0),
    "function as argument, closed over a tensor": (2, 0),
    "function attribute added since": (0, 1),
    "what is behind functools.wraps changed": (1, 2),
    "a decorator's globals and the defaults that it looks at": (3, 0),
    "attribute that a tensor was given": (2, 0),
    "attribute that a tensor may have": (1, 1),
    "globals rebound while it is served": (3, 0),
    "another type of the same shape": (3, 0),
    "size of a global tensor decides": (1, 1),
    "object of a module that holds what no pickle can": (2, 0),
    "method that another module's decorators made": (1, 0),
    "forward hook": (2, 0),
    "forward hook added and changed": (3, 0),
    "exec'd functions": (2, 0),
    "functools.partial": (2, 0),
    "optimizer step": (0, 2),
    "spawned children": (0, 0),  # the child serves it
    "source changed since": (0, 1),
    "helper's source changed since": (0, 1),
    "method overridden since": (0, 1),
    "moved in its file since": (1, 0),
    "backend changed since": (0, 1),
    "two backends for one function": (1, 1),
    "options changed since": (0, 1),
    "new shape, warm": (1, 1),
    "new shape, warm, with a graph break": (2, 2),
}
# What stays cold says why.
COLD = {
    "forward only, grad enabled": "its backward was never run",
    "optimizer step": "torch cannot save it: Graph contains named parameters",
    "backend changed since": "backend negating saves nothing",
    "two backends for one function": "backend negating saves nothing",
}
# What is not what it was says in what.
DIFFERS = {
    "global function rebound since": "G['helper'] is code of rebound_since.two",
    "helper's source changed since": "and was code of changed_helper.helper",
    "method overridden since": "class overriding.Net has changed",
    "new shape, warm": "size mismatch at index 0. expected 8, actual 12",
}


class Processes:
    """Processes that run all cases, each in an empty cache directory."""

    def __init__(self, place: Path, interpreters: Interpreters) -> None:
        self.place = place
        self._interpreters = interpreters
        for name in ("modules", "saved"):
            (place / name).mkdir()

    def run(self, titles: Iterable[str], *options: str) -> dict[str, Any]:
        """The rows of one process, which runs these cases."""
        home = self.place / f"home{len(list(self.place.iterdir()))}"
        (home / "tmp").mkdir(parents=True)
        command = ["-c", RUN, "--mode", "ours"]
        command += ["--saved", str(self.place / "saved"), "--place", str(self.place / "modules")]
        caches = {"TORCHINDUCTOR_CACHE_DIR": str(home / "cache"), "TMPDIR": str(home / "tmp")}
        done = self._interpreters.run(
            [*command, *options, *titles],
            cwd=ROOT,
            env={**os.environ, **QUICK, **caches},
        )
        assert done.returncode == 0, done.stderr
        rows: dict[str, Any] = json.loads(done.stdout)
        return rows


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory, interpreters: Interpreters) -> Processes:
    return Processes(tmp_path_factory.mktemp("cases"), interpreters)


@pytest.fixture(scope="module")
def cold(processes: Processes) -> dict[str, Any]:
    return processes.run(title for title in WARM if title != LEFT_OUT)


@pytest.fixture(scope="module")
def warm(processes: Processes, cold: dict[str, Any]) -> dict[str, Any]:
    return processes.run(cold, "--warm")


@pytest.fixture(scope="module")
def again(processes: Processes, warm: dict[str, Any]) -> dict[str, Any]:
    """A third process, of the cases for which the second has saved what was new."""
    return processes.run((title for title in warm if _is_new(title)), "--warm")


def _is_new(title: str) -> bool:
    _, compiled = WARM[title]
    return compiled > 0


def test_every_case_of_the_table_is_expected_here(cold: dict[str, Any]) -> None:
    from benchmarks.pytorch_cases import CASES

    assert {*cold, LEFT_OUT} == set(CASES)


@pytest.mark.parametrize("title", WARM)
def test_result_is_eager_modes_in_each_process(
    title: str, cold: dict[str, Any], warm: dict[str, Any], again: dict[str, Any]
) -> None:
    processes = (cold, warm, again) if _is_new(title) else (cold, warm)
    assert {rows[title]["result"] for rows in processes} == {"equal"}
    assert {rows[title]["reason"] for rows in processes[1:]} == {None}


@pytest.mark.parametrize("title", WARM)
def test_warm_process_compiles_only_what_is_new(title: str, warm: dict[str, Any]) -> None:
    done = warm[title]["precompile"]
    assert (done["served"], done["compiled"]) == WARM[title]
    if not done["compiled"]:  # and a third process would find what this one has found
        assert (warm[title]["graphs"], warm[title]["kernels"], done["saved"]) == (0, 0, 0)


@pytest.mark.parametrize("title", [title for title in WARM if _is_new(title)])
def test_what_a_warm_process_saved_is_served_to_the_next(title: str, again: dict[str, Any]) -> None:
    compiled = again[title]["precompile"]["compiled"]
    assert compiled == (WARM[title][1] if title in COLD else 0)


@pytest.mark.parametrize("title", WARM)
def test_what_stays_cold_says_why(title: str, warm: dict[str, Any]) -> None:
    reasons = " ".join(warm[title]["precompile"]["cold"].values())
    assert (COLD[title] in reasons) if title in COLD else not reasons


@pytest.mark.parametrize("title", DIFFERS)
def test_what_was_not_served_says_in_what_it_differs(title: str, warm: dict[str, Any]) -> None:
    reasons = [r for why in warm[title]["precompile"]["differs"].values() for r in why.values()]
    assert any(DIFFERS[title] in reason for reason in reasons)


def test_spawned_child_is_served(processes: Processes, warm: dict[str, Any]) -> None:
    file = BundleFile(processes.place / "saved" / "spawned-children.precompile")
    bundle = file.open(policy=UNSIGNED)
    frames = [id_ for id_ in bundle.current() if id_[0] == "precompile_dynamo"]
    # __mp_main__ is __main__, and the second child appended nothing.
    assert len(frames) == 1
    assert len(bundle.segments) == 1


def test_column_of_another_torch_stands_behind_the_others_once() -> None:
    from benchmarks.pytorch_table import with_column

    text = "Before.\n\n| case | one |\n|---|---|\n| a | 1 s |\n| b | 2 s |\n\nAfter.\n"
    added = with_column(text, "two", {"b": "WRONG", "c": "3 s"})
    assert added == (
        "Before.\n\n| case | one | two |\n|---|---|---|\n| a | 1 s | not measured |\n"
        "| b | 2 s | WRONG |\n| c | not measured | 3 s |\n\nAfter.\n"
    )
    assert with_column(added, "two", {"b": "equal"}) == added.replace("WRONG", "equal")
    with pytest.raises(SystemExit):
        with_column("No table.", "two", {})


def test_table_of_models_in_docs_is_what_was_measured() -> None:
    from benchmarks.models.runs import PROGRAMS
    from benchmarks.models.table import markdown

    measured = json.loads((ROOT / "benchmarks" / "results" / "models.json").read_text())
    programs = sorted(path.stem for path in PROGRAMS.glob("[a-z]*.py"))
    assert set(measured) <= set(programs)
    assert markdown(programs, measured) in (ROOT / "docs" / "pytorch.md").read_text()
