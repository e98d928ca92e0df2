"""The search: it finds what is wrong, makes it small, and finds nothing where nothing is."""

import itertools
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import HealthCheck, given, settings

from precompile.conformance.v1 import script_pb2
from precompile_conformance import corpus, model
from precompile_conformance.explore import explore, search
from precompile_conformance.explore.scripts import scripts


def command(mode: str) -> list[str]:
    return [sys.executable, "-m", "self_tests.testee", mode]


@pytest.fixture(autouse=True)
def a_second_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an answer: how far the search comes is the same on any machine."""
    monkeypatch.setattr(search, "time", SimpleNamespace(monotonic=itertools.count().__next__))


def test_a_sound_reader_and_the_suites_own_do_not_disagree() -> None:
    tally = explore([command("honest")], seconds=100, seed=1)
    assert (tally.found, tally.bundles > 0, tally.scripts) == ([], True, 0)


def test_a_lie_is_found_once_and_is_small(tmp_path: Path) -> None:
    tally = explore([command("honest"), command("liar")], seconds=100, seed=1)
    refused = [found for found in tally.found if found.observed == "rejected NOT_A_BUNDLE"]
    assert len(refused) == 1
    (found,) = refused
    assert found.testee == " ".join(command("liar"))
    (data,) = found.files.values()
    assert len(data) < 150  # a segment of nothing
    found.case.id = "FOUND/one"
    place = corpus.write_case(tmp_path, found.case, found.files)
    assert corpus.load_case(place / "case.textproto").message == found.case


def test_a_crash_is_found() -> None:
    tally = explore([command("crash")], seconds=4, seed=1)
    assert {found.observed for found in tally.found} == {"crash"}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(scripts())
def test_the_model_carries_out_every_script(script: script_pb2.ScriptRequest) -> None:
    """And keeps its own laws: a name is current once, and nothing is left to save after a save."""
    try:
        response = model.run(script, {})
    except KeyError:  # a load of a step that serialized nothing
        return
    for step, result in zip(script.steps, response.results, strict=True):
        names = [(one.type, one.key) for one in result.snapshot.current]
        assert len(set(names)) == len(names)
        if step.WhichOneof("step") == "serialize":
            assert not result.snapshot.need_serialize
