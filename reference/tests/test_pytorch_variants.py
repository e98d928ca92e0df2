"""Guards name the version of a graph; what else differs between two runs does not."""

import pickle
from dataclasses import dataclass

import pytest

from precompile_context.adapters.pytorch.variants import guard_variant


@dataclass
class Graph:
    """Stands for a compiled graph: guards among other things that differ from run to run."""

    seconds: float
    guards_expr: object
    source: str = "def call(guards_expr): ..."


@dataclass
class Entry:
    """Stands for a traced graph, which names the guards of its compiled ones."""

    seconds: float
    fx_graph_guard_expr: str | None
    parts: list[Graph]
    guards_expr: str | None


PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_equal_guards_are_one_variant(protocol: int) -> None:
    one = guard_variant(pickle.dumps(Graph(1.0, "2 <= s0"), protocol))
    other = guard_variant(pickle.dumps(Graph(2.5, "2 <= s0", "other"), protocol))
    assert one == other != ""


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_different_guards_are_different_variants(protocol: int) -> None:
    texts = ["2 <= s0", "3 <= s0", "", None]
    variants = [guard_variant(pickle.dumps(Graph(1.0, text), protocol)) for text in texts]
    assert len(set(variants)) == 3
    assert variants[2:] == ["", ""]  # no guards, however it is said: torch's key alone


def test_every_guard_of_an_entry_counts() -> None:
    def variant(fx: str | None, inner: str, outer: str | None) -> str:
        return guard_variant(pickle.dumps(Entry(0.0, fx, [Graph(0.0, inner)], outer)))

    guards = [("a", "b", "c"), ("a", "b", None), ("a", "c", "b"), (None, "b", "c"), ("b", "b", "b")]
    assert len({variant(*three) for three in guards}) == len(guards)


def test_a_guard_that_is_shared_is_found() -> None:
    text = "2 <= " + "s0"
    shared = pickle.dumps(Entry(0.0, text, [Graph(0.0, text)], text))
    copies = [bytes(text, "ascii").decode() for _ in range(3)]
    apart = pickle.dumps(Entry(0.0, copies[0], [Graph(0.0, copies[1])], copies[2]))
    assert shared != apart
    assert guard_variant(shared) == guard_variant(apart)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'{"guards_expr": "x"}',
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0" * 9,
    ],
    ids=["empty", "json", "json_with_guards", "false_length", "zeros"],
)
def test_what_is_no_pickle_has_no_variant(content: bytes) -> None:
    assert guard_variant(content) == ""


def test_nothing_is_unpickled() -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return exec, ("raise SystemExit('unpickled')",)

    assert guard_variant(pickle.dumps([Bomb(), {"guards_expr": "s0"}])) != ""
