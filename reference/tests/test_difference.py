"""What two bundles hold that the other does not."""

from precompile_context import Environment
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.compare.difference import EnvironmentDifference, FactDifference, difference
from precompile_context.environment import Requirement
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    GRAPH,
    HERE,
    STEP,
    blobs,
    new_artifact,
    serialized,
    toy_context,
    write_segment,
)


def _difference(a: bytes, b: bytes) -> tuple[EnvironmentDifference, ...]:
    return difference(Bundle.open(a, policy=UNSIGNED), Bundle.open(b, policy=UNSIGNED))


def _keys(artifacts: tuple[StoredArtifact, ...]) -> list[str]:
    return [artifact.key for artifact in artifacts]


def _blobs(**contents: bytes) -> bytes:
    return serialized(blobs(None, **contents))


def test_equal_bundles_differ_in_nothing() -> None:
    (only,) = _difference(_blobs(a=b"1"), _blobs(a=b"1"))
    assert only.is_none
    assert only.equal == 1


def test_what_one_alone_holds_is_added_or_removed() -> None:
    (only,) = _difference(_blobs(a=b"1", b=b"2"), _blobs(b=b"2", c=b"3"))
    assert (_keys(only.removed), _keys(only.added), only.equal) == (["a"], ["c"], 1)
    assert not only.is_none


def test_other_content_of_a_cache_is_equivalent() -> None:
    (only,) = _difference(_blobs(a=b"1"), _blobs(a=b"2"))
    assert [one.key for one, _ in only.equivalent] == ["a"]
    assert not only.is_none


def test_an_entry_with_other_backends_is_conflicting() -> None:
    bundles = []
    for key in ("g", "h"):
        context = toy_context()
        context.record_artifact(GRAPH, key, b"graph")
        context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, key)])
        bundles.append(serialized(context))
    (only,) = _difference(*bundles)
    assert [one.key for one, _ in only.conflicting] == ["s"]
    assert only.equivalent == ()


def test_what_is_superseded_does_not_count() -> None:
    (only,) = _difference(_blobs(a=b"1") + _blobs(a=b"2"), _blobs(a=b"2"))
    assert only.is_none
    assert (only.segments_a, only.segments_b) == ((0, 1), (0,))


def test_an_environment_of_one_bundle_alone_is_compared_with_the_nearest_of_the_other() -> None:
    facts = {"cpu": "avx2", "os": "toy", "torch": "2"}
    ours = Environment.of(**facts)
    near = Environment.of(**{**facts, "torch": "3"})
    a = write_segment(new_artifact("a"), requirements=ours.requirements())
    b = write_segment(new_artifact("a"), requirements=HERE.requirements())
    b += write_segment(new_artifact("a"), requirements=near.requirements())
    of_a, of_here, of_near = _difference(a, b)
    assert (of_a.segments_a, of_a.segments_b) == ((0,), ())
    assert [(fact.name, _values(fact)) for fact in of_a.facts] == [("torch", (("2",), ("3",)))]
    assert [(fact.name, _values(fact)) for fact in of_near.facts] == [("torch", (("2",), ("3",)))]
    assert [fact.name for fact in of_here.facts] == ["os", "torch"]
    assert all(fact.b is None for fact in of_here.facts)
    assert (_keys(of_a.removed), _keys(of_near.added)) == (["a"], ["a"])


def _values(fact: FactDifference) -> tuple[tuple[str, ...], tuple[str, ...]]:
    assert isinstance(fact.a, Requirement)
    assert isinstance(fact.b, Requirement)
    return fact.a.values, fact.b.values


def test_artifacts_of_one_key_and_two_types_are_two() -> None:
    other = write_segment(new_artifact("a", b"1", type="test.other"))
    (only,) = _difference(_blobs(a=b"1"), other)
    assert [(a.type, a.key) for a in (*only.removed, *only.added)] == [
        (BLOB, "a"),
        ("test.other", "a"),
    ]
