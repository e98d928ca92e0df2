"""Whether a bundle loads on a host, and what would be applied."""

from precompile_context import ArtifactId, ArtifactKind, Environment, MemoryPrecompileCache
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.compare.explanation import Explanation, explain
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    GRAPH,
    HERE,
    STEP,
    blobs,
    graph_and_step,
    loaded,
    new_artifact,
    serialized,
    sha256,
    write_segment,
)


def _explain(data: bytes, environment: Environment = HERE) -> Explanation:
    return explain(Bundle.open(data, policy=UNSIGNED), environment)


def _names(artifacts: tuple[StoredArtifact, ...]) -> list[tuple[str, str]]:
    return [(artifact.type, artifact.key) for artifact in artifacts]


def test_a_bundle_of_this_environment_loads_and_all_is_applied() -> None:
    explanation = _explain(serialized(blobs(HERE, a=b"1", b=b"2")))
    assert explanation.loads
    assert _names(explanation.applied) == [(BLOB, "a"), (BLOB, "b")]


def test_the_differing_fact_is_named_for_each_segment() -> None:
    both = serialized(blobs(HERE, a=b"1")) + serialized(blobs(ELSEWHERE, b=b"2"))
    explanation = _explain(both)
    assert explanation.loads
    first, second = explanation.verdicts
    assert first.mismatches == ()
    assert [str(m) for m in second.mismatches] == ["cpu: needs {avx512}, here {avx2}"]
    assert _names(explanation.applied) == [(BLOB, "a")]


def test_a_bundle_of_another_environment_does_not_load() -> None:
    explanation = _explain(serialized(blobs(ELSEWHERE, a=b"1")))
    assert not explanation.loads
    assert explanation.applied == ()


def test_an_unknown_fact_is_a_difference() -> None:
    explanation = _explain(serialized(blobs(HERE, a=b"1")), Environment())
    (verdict,) = explanation.verdicts
    assert [m.actual for m in verdict.mismatches] == [None]


def test_entries_and_the_backends_that_they_name_are_applied() -> None:
    data = serialized(graph_and_step())
    explanation = _explain(data)
    assert _names(explanation.applied) == [(GRAPH, "g"), (STEP, "s")]
    report = loaded(data).populate(MemoryPrecompileCache())
    assert len(report.info) == len(explanation.applied)


def test_an_entry_whose_backend_is_another_by_now_is_not_applied() -> None:
    entry = new_artifact(
        "s",
        type=STEP,
        kind=ArtifactKind.ENTRY,
        backends=(ArtifactId(GRAPH, "g", sha256(b"before")), ArtifactId(GRAPH, "h", sha256(b"h"))),
    )
    backend = new_artifact("g", b"after", type=GRAPH, kind=ArtifactKind.BACKEND)
    explanation = _explain(write_segment(entry, backend))
    assert explanation.applied == ()
    ((incomplete, missing),) = explanation.incomplete
    assert incomplete.key == "s"
    assert missing == (f"{GRAPH} g", f"{GRAPH} h")
    assert _names(explanation.unused) == [(GRAPH, "g")]
