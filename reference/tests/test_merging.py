"""Several bundles as one."""

from collections.abc import Callable

import pytest

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context import (
    ArtifactId,
    ArtifactKind,
    Environment,
    ErrorCode,
    Limits,
    MemoryPrecompileCache,
    PrecompileContext,
)
from precompile_context.bundle import Bundle, Chain, NewArtifact
from precompile_context.compare.merging import Merge, MergeReport
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    GRAPH,
    HERE,
    STEP,
    bundle_contents,
    flip,
    loaded,
    new_artifact,
    noise,
    refused,
    segment_count,
    serialized,
    sha256,
    toy_context,
    write_segment,
)

Fill = Callable[[PrecompileContext], None]


def _blobs(**contents: bytes) -> bytes:
    return write_segment(*(new_artifact(key, content) for key, content in contents.items()))


def _graph_and_step(graph: bytes, *, step: str = "s", key: str = "g") -> bytes:
    context = toy_context()
    context.record_artifact(GRAPH, key, graph)
    context.record_artifact(STEP, step, b"step", backends=[(GRAPH, key)])
    return serialized(context)


def _merge(*inputs: bytes, limits: Limits | None = None) -> tuple[bytes, MergeReport]:
    bundles = {
        f"input {index}": Bundle.open(data, policy=UNSIGNED) for index, data in enumerate(inputs)
    }
    merge = Merge(bundles, limits=limits or Limits())
    return b"".join(merge.chunks()), merge.report


def test_merge_holds_what_each_input_holds_in_one_segment() -> None:
    data, report = _merge(_blobs(a=b"1"), _blobs(b=b"2"), _blobs(c=b"3"))
    assert bundle_contents(data) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2", (BLOB, "c"): b"3"}
    assert segment_count(data) == 1
    assert report == MergeReport(1, 3, 0, 0, 0, 0, ())


def test_merge_stores_content_that_inputs_share_once() -> None:
    shared = noise(100_000)
    inputs = [_blobs(**{"shared": shared, f"own{index}": b"%d" % index}) for index in range(8)]
    data, report = _merge(*inputs)
    assert len(data) < 110_000
    assert len(bundle_contents(data)) == 9
    assert (report.artifacts, report.equal) == (9, 7)


def test_merge_stores_content_that_environments_share_once() -> None:
    shared = noise(100_000)
    inputs = []
    for environment in (HERE, ELSEWHERE):
        context = toy_context(environment)
        context.record_artifact(BLOB, "a", shared)
        inputs.append(serialized(context))
    data, report = _merge(*inputs)
    assert len(data) < 110_000
    assert report.environments == 2
    for environment in (HERE, ELSEWHERE):
        assert bundle_contents(data, environment) == {(BLOB, "a"): shared}


def test_merge_keeps_a_segment_for_each_environment() -> None:
    inputs = []
    for number, environment in enumerate((HERE, ELSEWHERE, HERE)):
        context = toy_context(environment)
        context.record_artifact(BLOB, f"k{number}", b"%d" % number)
        inputs.append(serialized(context))
    data, _ = _merge(*inputs)
    assert segment_count(data) == 2
    assert bundle_contents(data, HERE) == {(BLOB, "k0"): b"0", (BLOB, "k2"): b"2"}
    assert bundle_contents(data, ELSEWHERE) == {(BLOB, "k1"): b"1"}


def test_merge_keeps_the_first_of_equivalent_contents_and_counts_the_others() -> None:
    data, report = _merge(_blobs(a=b"1"), _blobs(a=b"2"), _blobs(a=b"3"), _blobs(a=b"1"))
    assert bundle_contents(data) == {(BLOB, "a"): b"1"}
    assert (report.equivalent, report.equal, report.conflicts) == (2, 1, ())


def test_merge_of_one_bundle_makes_one_segment_of_what_is_current() -> None:
    chain = Chain()
    appended = b"".join(
        write_segment(*artifacts, chain=chain, removed=tuple(removed))
        for artifacts, removed in (
            ([new_artifact("a", noise(1000))], ()),
            ([new_artifact("b", b"2")], ()),
            ([new_artifact("a", b"3")], ((BLOB, "b"),)),
            ([new_artifact("c", b"4")], ()),
        )
    )
    data, report = _merge(appended)
    assert bundle_contents(data) == {(BLOB, "a"): b"3", (BLOB, "c"): b"4"}
    assert segment_count(data) == 1
    assert report.obsolete == 2
    assert len(data) < 600


def test_merge_takes_concatenated_bundles_as_one_where_the_later_wins() -> None:
    data, report = _merge(_blobs(a=b"1") + _blobs(a=b"2"))
    assert bundle_contents(data) == {(BLOB, "a"): b"2"}
    assert report.obsolete == 1


def test_merge_is_the_same_bytes_for_the_same_inputs_and_when_merged_again() -> None:
    inputs = [_blobs(a=noise(3 << 20), b=b"2" * 9_000_000), _blobs(c=b"3", d=noise(500))]
    once, _ = _merge(*inputs)
    assert _merge(*inputs)[0] == once
    assert _merge(once)[0] == once


def test_merge_keeps_kinds_backends_and_attributes() -> None:
    graph = new_artifact("g", b"graph", type=GRAPH, kind=ArtifactKind.BACKEND, note="é", size=-1)
    step = new_artifact(
        "s",
        b"step",
        type=STEP,
        kind=ArtifactKind.ENTRY,
        backends=(ArtifactId(GRAPH, "g", sha256(b"graph")),),
    )
    before = write_segment(graph, step)
    data, _ = _merge(before, _blobs(a=b"1"))
    one, other = (
        Bundle.open(before, policy=UNSIGNED).current(),
        Bundle.open(data, policy=UNSIGNED).current(),
    )
    for name in one:
        assert one[name].identity == other[name].identity


def test_merged_entries_are_stitched_with_the_backends_that_they_name() -> None:
    data, report = _merge(
        _graph_and_step(b"one"), _graph_and_step(b"two", step="t", key="h"), _graph_and_step(b"one")
    )
    cache = MemoryPrecompileCache()
    assert loaded(data).populate(cache).outcomes == ()
    values = {}
    for key in ("s", "t"):
        stitched = cache.read(STEP, key)
        assert stitched
        values[key] = stitched.values
    assert values == {"s": ("one",), "t": ("two",)}
    assert (report.equal, report.conflicts) == (2, ())


def test_a_backend_that_two_entries_name_is_stored_once() -> None:
    backend = noise(100_000)
    data, report = _merge(_graph_and_step(backend), _graph_and_step(backend, step="t"))
    assert len(data) < 110_000
    assert (report.artifacts, report.equal) == (3, 1)


def test_an_entry_with_other_backends_is_a_conflict_and_its_backends_stay_out() -> None:
    data, report = _merge(_graph_and_step(b"one"), _graph_and_step(b"two", key="h"))
    assert set(bundle_contents(data)) == {(GRAPH, "g"), (STEP, "s")}
    (conflict,) = report.conflicts
    assert (conflict.origin, conflict.type, conflict.key) == ("input 1", STEP, "s")
    assert conflict.detail == "its backends are others than in input 0"
    assert report.unnamed == 1


def test_an_entry_with_the_same_backends_in_other_contents_is_equivalent() -> None:
    data, report = _merge(_graph_and_step(b"one"), _graph_and_step(b"two"))
    assert bundle_contents(data)[GRAPH, "g"] == b"one"
    assert loaded(data).populate(MemoryPrecompileCache()).outcomes == ()
    assert (report.equivalent, report.conflicts) == (2, ())


def test_an_entry_names_the_kept_one_of_its_backends_contents() -> None:
    data, report = _merge(_graph_and_step(b"one"), _graph_and_step(b"two", step="t"))
    assert (report.artifacts, report.equivalent, report.conflicts) == (3, 1, ())
    cache = MemoryPrecompileCache()
    assert loaded(data).populate(cache).outcomes == ()
    stitched = [cache.read(STEP, key) for key in ("s", "t")]
    assert [one and one.values for one in stitched] == [("one",), ("one",)]


@pytest.mark.parametrize("there", [b"", b"another"], ids=["nothing", "another content"])
def test_an_entry_is_in_conflict_where_its_backend_was_not_what_it_named(there: bytes) -> None:
    entry = new_artifact(
        "t",
        b"step",
        type=STEP,
        kind=ArtifactKind.ENTRY,
        backends=(ArtifactId(GRAPH, "g", sha256(b"two")),),
    )
    backend = new_artifact("g", there, type=GRAPH, kind=ArtifactKind.BACKEND)
    data, report = _merge(
        _graph_and_step(b"one"), write_segment(entry, *([backend] if there else []))
    )
    assert set(bundle_contents(data)) == {(GRAPH, "g"), (STEP, "s")}
    (conflict,) = report.conflicts
    assert conflict.key == "t"
    assert conflict.detail == f"its backend {GRAPH} 'g' has another content in input 0"


def test_an_entry_is_in_conflict_where_what_is_kept_is_no_backend() -> None:
    stranger = write_segment(new_artifact("g", b"a cache artifact", type=GRAPH))
    _, report = _merge(stranger, _graph_and_step(b"one"))
    assert [conflict.key for conflict in report.conflicts] == ["s", "g"]


def test_a_backend_that_a_kept_entry_names_too_is_kept() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "h", b"shared")
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "h")])
    context.record_artifact(STEP, "t", b"step", backends=[(GRAPH, "h")])
    data, report = _merge(_graph_and_step(b"one"), serialized(context))
    assert (GRAPH, "h") in bundle_contents(data)
    assert [conflict.key for conflict in report.conflicts] == ["s"]
    assert report.unnamed == 0


def test_a_backend_that_no_entry_names_is_kept() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "alone", b"graph")
    data, _ = _merge(serialized(context), _blobs(a=b"1"))
    assert (GRAPH, "alone") in bundle_contents(data)


def test_a_missing_backend_is_found_in_another_input() -> None:
    entry = new_artifact(
        "s",
        b"step",
        type=STEP,
        kind=ArtifactKind.ENTRY,
        backends=(ArtifactId(GRAPH, "g", sha256(b"one")),),
    )
    backend = new_artifact("g", b"one", type=GRAPH, kind=ArtifactKind.BACKEND)
    data, _ = _merge(write_segment(entry), write_segment(backend))
    assert loaded(data).populate(MemoryPrecompileCache()).outcomes == ()


@pytest.mark.parametrize("kind", [ArtifactKind.BACKEND, 9])
def test_another_kind_is_a_conflict(kind: int) -> None:
    data, report = _merge(_blobs(a=b"1"), write_segment(new_artifact("a", b"2", kind=kind)))
    assert bundle_contents(data) == {(BLOB, "a"): b"1"}
    assert [c.detail for c in report.conflicts] == ["its kind is another than in input 0"]


def test_other_content_of_an_unknown_kind_is_a_conflict() -> None:
    one, other = (write_segment(new_artifact("a", content, kind=9)) for content in (b"1", b"2"))
    assert len(_merge(one, other)[1].conflicts) == 1
    assert _merge(one, one)[1].equal == 1


def test_a_removal_counts_for_a_host_that_two_environments_fit() -> None:
    both = Environment.of(cpu="avx2", os="toy")
    chain = Chain()
    data = write_segment(new_artifact("a", b"1"), chain=chain, requirements=HERE.requirements())
    data += write_segment(chain=chain, requirements=both.requirements(), removed=((BLOB, "a"),))
    merged, _ = _merge(data)
    assert bundle_contents(merged, HERE) == {(BLOB, "a"): b"1"}
    assert bundle_contents(merged, both) == {}


def test_a_merge_of_a_shard_that_removed_what_it_recorded_takes_nothing_away() -> None:
    """In any order, and the same as what is current in the concatenation."""
    chain = Chain()
    shard = write_segment(new_artifact("a", b"shard"), new_artifact("b", b"2"), chain=chain)
    shard += write_segment(chain=chain, removed=((BLOB, "a"),))
    for inputs in ((_blobs(a=b"1"), shard), (shard, _blobs(a=b"1"))):
        expected = {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}
        assert bundle_contents(_merge(*inputs)[0]) == bundle_contents(b"".join(inputs)) == expected
        assert bundle_contents(_merge(b"".join(inputs))[0]) == expected


def test_merge_refuses_what_it_would_lose() -> None:
    def edit(manifest: object) -> None:
        getattr(manifest, "MergeFromString")(b"\x92\x01\x01x")  # noqa: B009  # field 18

    later = bundle(Segment(artifacts=(Artifact("a", b"1"),), edit=edit)).data
    with refused(ErrorCode.UNSUPPORTED_FEATURE) as caught:
        _merge(_blobs(b=b"2"), later)
    assert caught.value.detail.startswith("input 1: ")
    assert caught.value.offset == Bundle.open(later, policy=UNSIGNED).segments[0].manifest_offset


@pytest.mark.parametrize("content", [noise(100), noise(2 << 20), b"long" * 3_000_000])
def test_merge_refuses_damage_and_names_the_input(content: bytes) -> None:
    damaged = flip(_blobs(b=content), 60)
    with refused(ErrorCode.DIGEST_MISMATCH) as caught:
        _merge(_blobs(a=b"1"), damaged)
    assert caught.value.detail.startswith("input 1: ")
    assert caught.value.offset == 23


def test_merge_needs_no_content_of_what_is_not_kept() -> None:
    damaged = flip(_blobs(a=noise(100)), 60)
    data, report = _merge(_blobs(a=noise(100)), damaged)
    assert bundle_contents(data) == {(BLOB, "a"): noise(100)}
    assert report.equal == 1


def test_merge_refuses_a_result_that_readers_would_not_take() -> None:
    inputs = [_blobs(**{key: noise(600, seed=ord(key))}) for key in "ab"]
    with refused(ErrorCode.LIMIT_EXCEEDED):
        _merge(*inputs, limits=Limits(total_content=1000))
    assert _merge(*inputs, limits=Limits(total_content=1200))[1].artifacts == 2


def test_merge_begins_a_further_segment_where_a_manifest_would_grow_too_large(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    inputs = [_blobs(**{f"k{n}": b"%d" % n for n in range(i * 30, i * 30 + 30)}) for i in range(4)]
    from precompile_context.bundle import runs

    monkeypatch.setattr(runs, "MANIFEST_TARGET", 5_000)
    data, _ = _merge(*inputs)
    assert segment_count(data) > 1
    assert len(bundle_contents(data)) == 120


@pytest.mark.slow
def test_large_contents_are_taken_over_as_they_are_stored() -> None:
    source = _blobs(raw=noise(3 << 20), split=b"".join(b"%08d" % n for n in range(2_500_000)))
    before = Bundle.open(source, policy=UNSIGNED).segments[0].manifest.blocks
    after = (
        Bundle.open(_merge(source, _blobs(a=b"1"))[0], policy=UNSIGNED).segments[0].manifest.blocks
    )
    assert len(before) == 4
    assert set(before) <= set(after)


def test_new_artifacts_know_their_size_before_they_are_read() -> None:
    from precompile_context.bundle.fold import unwritten

    opened = Bundle.open(flip(_blobs(a=noise(100)), 60), policy=UNSIGNED)
    (stored,) = opened.current().values()
    artifact = unwritten(opened, stored)
    assert isinstance(artifact, NewArtifact)
    assert len(artifact.content) == 100
