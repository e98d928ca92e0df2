"""What a compile took: measured where it happens, kept with the artifact, told when not spent."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from precompile_context.adapters.pytorch.taken import compile_seconds, whole_compile_seconds
from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import StoredArtifact
from precompile_context.session.elapsed import Elapsed
from precompile_context.session.part import seconds_of
from precompile_context.session.part_report import PartReport, at_the_end, together


class Graph:
    """As torch's: an object whose state says what it took."""

    def __init__(self, taken: int | None) -> None:
        self.before = "x" * 70_000  # a pickle is cut into frames
        self._time_taken_ns = taken
        self._after = "_time_taken_ns"


@pytest.mark.parametrize("taken", [7, 200, 60_000, 70_000, 2**31 + 5, 2**40, 2**54, 2**62])
def test_the_time_in_a_graphs_pickle_is_found_without_unpickling(taken: int) -> None:
    assert compile_seconds(pickle.dumps(Graph(taken))) == taken / 1e9


@pytest.mark.parametrize("content", [b"", b"\x8c\x0e_time_taken_ns", pickle.dumps(Graph(None))])
def test_a_pickle_that_says_no_time_says_none(content: bytes) -> None:
    assert compile_seconds(content) == 0.0


class Traced:
    """As autograd's graph, which holds inductor's, or names them."""

    def __init__(self, forward: object) -> None:
        self.graph = forward
        self.forward_time_taken_ns = 3_000_000_000
        self.backward_time_taken_ns = 500_000_000


def test_graphs_within_another_count_once() -> None:
    assert whole_compile_seconds(pickle.dumps(Traced(Graph(2_000_000_000)))) == 3.5
    assert whole_compile_seconds(pickle.dumps(Traced("the key of a graph"))) == 0.0


def _stored(seconds: Any) -> StoredArtifact:
    fields = (("seconds", seconds),)
    return StoredArtifact("t", "k", ArtifactKind.CACHE, b"", 0, 0, 0, fields=fields)


@pytest.mark.parametrize(
    ("said", "meant"),
    [(1.5, 1.5), (0.0, 0.0), (-1.0, 0.0), (float("nan"), 0.0), (1e300, 0.0), ("9", 0.0), (9, 0.0)],
)
def test_seconds_that_nobody_measured_count_as_none(said: Any, meant: float) -> None:
    assert seconds_of(_stored(said)) == meant


def test_the_line_at_the_end_tells_seconds_where_they_are_known() -> None:
    one, other = PartReport(Path("b")), PartReport(Path("b"))
    assert at_the_end(["1 graph of 1"], [one]) == "1 graph of 1 from the bundle; 0 artifacts saved"
    one.not_spent, other.not_spent = {("t", "k"): 1234.5, ("t", "l"): 1.0}, {("u", "k"): 0.25}
    assert at_the_end(["1 graph of 1"], [one, other]) == (
        "1 graph of 1 from the bundle, 1,235.8 s of compiling not spent; 0 artifacts saved"
    )
    assert together([one])["artifacts"]["loaded"] == 0


def test_a_compile_within_another_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 5.0, 6.0, 10.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(clock))
    running = Elapsed()
    running.begin("outer")
    running.begin("inner")
    assert running.end("inner") == 4.0
    running.begin("fails")
    assert running.end("outer") == 6.0
    assert running.end("outer") == 0.0
