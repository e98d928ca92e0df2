"""PrecompileContext: saving and loading, a behaviour a test."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from precompile_context import (
    Environment,
    ErrorCode,
    MemoryPrecompileCache,
    MisuseError,
    PrecompileContext,
    Producer,
)
from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import Bundle, Chain, Limits, runs, writer
from precompile_context.bundle.framing import FOOTER_SIZE
from precompile_context.environment import Match, Requirement
from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    GRAPH,
    HERE,
    KERNEL,
    STEP,
    Blob,
    Kernel,
    blobs,
    bundle_contents,
    contents,
    graph_and_step,
    loaded,
    names,
    new_artifact,
    noise,
    refused,
    segment_count,
    serialized,
    stored_backend_digest,
    toy_context,
    write_segment,
)

# need_serialize


def test_need_serialize_tells_whether_anything_recorded_is_not_saved() -> None:
    context = toy_context()
    assert not context.need_serialize()
    context.record_artifact(BLOB, "a", b"1")
    assert context.need_serialize()
    serialized(context)
    assert not context.need_serialize()
    context.record_artifact(BLOB, "a", b"2")
    assert context.need_serialize()


def test_need_serialize_is_false_after_a_save_to_a_file(tmp_path: Any) -> None:
    context = blobs(a=b"1")
    context.save_to(BundleFile(tmp_path / "bundle"))
    assert not context.need_serialize()
    context.remove(BLOB, "a")
    assert context.need_serialize()
    context.save_to(BundleFile(tmp_path / "bundle"))
    assert not context.need_serialize()


def test_need_serialize_is_false_where_a_load_superseded_all_that_was_recorded() -> None:
    context = blobs(a=b"recorded", b=b"recorded")
    context.load(serialized(blobs(a=b"loaded")))
    assert context.need_serialize()
    context.load(serialized(blobs(b=b"loaded")))
    assert contents(context) == {(BLOB, "a"): b"loaded", (BLOB, "b"): b"loaded"}
    assert not context.need_serialize()


# serialize


def test_serialize_gives_none_where_nothing_was_ever_recorded() -> None:
    assert toy_context().serialize() is None


def test_serialize_gives_a_bundle_and_the_info_of_what_is_current() -> None:
    context = graph_and_step()
    context.record_artifact(BLOB, "a", b"1")
    result = context.serialize()
    assert result is not None
    data, info = result
    assert dict(info.artifacts) == {GRAPH: ("g",), STEP: ("s",), BLOB: ("a",)}
    assert bundle_contents(data) == contents(context)


def test_serialize_is_cumulative() -> None:
    context = blobs(a=b"1")
    first = serialized(context)
    context.record_artifact(BLOB, "b", b"2")
    result = context.serialize()
    assert result is not None
    second, info = result
    assert info.keys_of(BLOB) == ("a", "b")
    assert second.startswith(first)
    assert segment_count(second) == 2
    assert [a.key for a in Bundle.open(second, policy=UNSIGNED).segments[1].manifest.artifacts] == [
        "b"
    ]
    assert bundle_contents(second) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


def test_serialize_gives_the_same_bytes_with_nothing_new() -> None:
    context = blobs(a=b"1")
    data = serialized(context)
    assert serialized(context) == serialized(context) == data


def test_the_same_calls_give_the_same_bytes() -> None:
    def run() -> bytes:
        context = graph_and_step()
        serialized(context)
        context.edit_artifact("g", bytes.upper)
        context.record_artifact(KERNEL, "k", noise(100), warps=2)
        serialized(context)
        context.remove(GRAPH, "g")
        return serialized(context)

    assert run() == run()


def test_serialize_stores_equal_content_once_across_segments() -> None:
    content = noise(5000)
    context = blobs(a=content)
    first = serialized(context)
    context.record_artifact(BLOB, "b", content)
    assert len(serialized(context)) < len(first) + 500


def test_serialize_writes_several_segments_where_one_would_pass_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 300)
    context = blobs(**{f"k{i}": b"%d" % i for i in range(10)})
    data = serialized(context)
    assert segment_count(data) > 2
    assert bundle_contents(data) == contents(context)
    assert not context.need_serialize()


def test_removals_are_split_where_one_segment_would_pass_a_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 2000)
    context = blobs(**{f"k{i}" * 30: b"" for i in range(60)})
    serialized(context)
    for _, key in names(context)[1:]:
        context.remove(BLOB, key)
    bundle = Bundle.open(serialized(context), limits=Limits(manifest_bytes=4000), policy=UNSIGNED)
    assert list(bundle.current()) == names(context) == [(BLOB, "k0" * 30)]


def test_a_producer_that_cannot_be_written_is_misuse() -> None:
    with pytest.raises(MisuseError):
        toy_context(producer=Producer("\ud800", ""))


def test_segments_require_every_fact_of_the_environment_by_default() -> None:
    host = Environment.of(cpu="avx2", os=["linux"])
    context = blobs(host, a=b"1")
    assert Bundle.open(serialized(context), policy=UNSIGNED).segments[0].manifest.requirements == (
        Requirement("cpu", Match.EXACT, ("avx2",)),
        Requirement("os", Match.EXACT, ("linux",)),
    )


def test_segments_require_what_the_context_was_told_and_name_its_producer() -> None:
    requirement = Requirement("cpu", Match.SUPERSET, ("avx2",))
    context = toy_context(HERE, requirements=[requirement], producer=Producer("toy", "1"))
    context.record_artifact(BLOB, "a", b"1")
    manifest = Bundle.open(serialized(context), policy=UNSIGNED).segments[0].manifest
    assert manifest.requirements == (requirement,)
    assert manifest.producer == Producer("toy", "1")


def test_requirements_are_written_sorted() -> None:
    asked = [
        Requirement("os", Match.EXACT, ("linux",)),
        Requirement("cpu", Match.SUPERSET, ("fma", "avx2")),
    ]
    context = toy_context(requirements=asked)
    context.record_artifact(BLOB, "a", b"1")
    assert Bundle.open(serialized(context), policy=UNSIGNED).segments[0].manifest.requirements == (
        Requirement("cpu", Match.SUPERSET, ("avx2", "fma")),
        Requirement("os", Match.EXACT, ("linux",)),
    )


@pytest.mark.parametrize(
    "asked",
    [
        [Requirement("CPU", Match.EXACT, ("avx2",))],
        [Requirement("cpu", Match.EXACT, ("avx2",)), Requirement("cpu", Match.SUPERSET, ("fma",))],
        [Requirement("cpu", 0, ("avx2",))],
        [Requirement("cpu", Match.EXACT, ("x" * 1025,))],
        [Requirement("cpu", Match.EXACT, ("\ud800",))],
    ],
    ids=["name", "repeat", "match", "long value", "value that is not unicode"],
)
def test_requirements_that_no_reader_accepts_are_misuse(asked: list[Requirement]) -> None:
    with pytest.raises(MisuseError):
        PrecompileContext(requirements=asked)


def _fails_in_segment(index: int) -> Callable[..., Any]:
    """SegmentWriter.chunks that fails at the footer of a segment, and at all later ones."""
    original, footers = writer.SegmentWriter.chunks, itertools.count()

    def chunks(self: writer.SegmentWriter, *arguments: Any) -> Any:
        for chunk in original(self, *arguments):
            if len(chunk) == FOOTER_SIZE and next(footers) >= index:
                raise MemoryError("injected")
            yield chunk

    return chunks


@pytest.mark.parametrize("segments_before", [0, 1])
def test_a_serialize_that_fails_leaves_the_state_as_before(
    segments_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def record(context: PrecompileContext) -> None:
        context.remove(BLOB, "a")
        context.edit_artifact("g", bytes.upper)
        context.record_artifact(BLOB, "b", noise(2000))

    contexts = [graph_and_step(), graph_and_step()]
    for context in contexts:
        context.record_artifact(BLOB, "a", b"1")
        serialized(context)
        record(context)
    failed, sound = contexts
    if segments_before:
        monkeypatch.setattr(runs, "MANIFEST_TARGET", 300)
    before = contents(failed)
    with monkeypatch.context() as patched:
        patched.setattr(writer.SegmentWriter, "chunks", _fails_in_segment(segments_before))
        for _ in range(2):
            with pytest.raises(MemoryError):
                failed.serialize()
    assert contents(failed) == before
    assert failed.need_serialize()
    assert serialized(failed) == serialized(sound)


# load


def test_load_makes_a_bundles_artifacts_current_and_counts_them_as_saved() -> None:
    data = serialized(graph_and_step())
    warm = toy_context()
    report = warm.load(data)
    assert dict(report.info.artifacts) == {GRAPH: ("g",), STEP: ("s",)}
    assert (report.segments, report.opaque, report.ignored) == (1, 0, 0)
    assert contents(warm) == {(GRAPH, "g"): b"graph", (STEP, "s"): b"step"}
    assert not warm.need_serialize()
    assert serialized(warm) == data


def test_load_takes_an_open_bundle_and_any_buffer() -> None:
    data = serialized(blobs(a=b"1"))
    for source in (data, bytearray(data), memoryview(data), Bundle.open(data, policy=UNSIGNED)):
        warm = toy_context()
        warm.load(source)
        assert contents(warm) == {(BLOB, "a"): b"1"}


def test_a_warm_process_saves_a_superset() -> None:
    data = serialized(blobs(a=b"1", b=b"2"))
    warm = loaded(data)
    warm.record_artifact(BLOB, "a", b"1")  # a hit, recorded again
    warm.record_artifact(BLOB, "c", b"3")  # a miss
    saved = serialized(warm)
    assert saved.startswith(data)
    assert bundle_contents(saved) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2", (BLOB, "c"): b"3"}
    assert [a.key for a in Bundle.open(saved, policy=UNSIGNED).segments[1].manifest.artifacts] == [
        "c"
    ]


def test_load_supersedes_what_was_recorded_under_the_same_name() -> None:
    context = blobs(a=b"recorded", own=b"kept")
    context.load(serialized(blobs(a=b"loaded", b=b"2")))
    expected = {(BLOB, "a"): b"loaded", (BLOB, "own"): b"kept", (BLOB, "b"): b"2"}
    assert contents(context) == expected
    assert bundle_contents(serialized(context)) == expected
    assert context.need_serialize() is False


def test_loads_follow_one_another_as_if_concatenated() -> None:
    first, second = serialized(blobs(a=b"1", b=b"2")), serialized(blobs(b=b"3", c=b"4"))
    context = loaded(first)
    context.load(second)
    assert serialized(context) == first + second
    assert contents(context) == bundle_contents(first + second)


def test_load_of_an_older_bundle_brings_back_what_it_holds() -> None:
    context = blobs(a=b"old")
    old = serialized(context)
    context.record_artifact(BLOB, "a", b"new")
    serialized(context)
    context.load(old)
    assert contents(context) == bundle_contents(serialized(context)) == {(BLOB, "a"): b"old"}


@pytest.mark.parametrize("times", [1, 2])
def test_load_of_its_own_bundle_changes_nothing(times: int) -> None:
    context = blobs(a=b"1")
    serialized(context)
    context.record_artifact(BLOB, "b", b"2")
    data = serialized(context)
    for _ in range(times):
        context.load(data)
    assert serialized(context) == data


def test_load_of_its_own_bundle_of_several_segments_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 200)
    context = blobs(a=b"1", b=b"2", c=b"3", d=b"4")
    data = serialized(context)
    assert segment_count(data) > 1
    context.load(data)
    assert serialized(context) == data


def test_load_of_a_bundle_that_grew_takes_its_place() -> None:
    data = serialized(blobs(a=b"1"))
    context, other = loaded(data), loaded(data)
    other.record_artifact(BLOB, "b", b"2")
    grown = serialized(other)
    context.load(grown)
    assert serialized(context) == grown


def test_load_brings_back_what_was_removed_and_not_saved() -> None:
    data = serialized(blobs(a=b"1"))
    context = loaded(data)
    context.remove(BLOB, "a")
    context.load(data)
    assert contents(context) == {(BLOB, "a"): b"1"}
    assert not context.need_serialize()
    assert serialized(context) == data


def test_what_a_loaded_bundle_removed_is_saved_when_it_is_recorded_again() -> None:
    other = blobs(a=b"1")
    context = loaded(serialized(other))
    other.remove(BLOB, "a")
    context.load(serialized(other))
    assert contents(context) == {}
    context.record_artifact(BLOB, "a", b"1")
    assert context.need_serialize()
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1"}


def test_load_reads_no_content() -> None:
    data = bytearray(serialized(blobs(a=noise(100), b=b"")))
    data[60] ^= 1
    context = loaded(bytes(data))
    assert names(context) == [(BLOB, "a"), (BLOB, "b")]
    assert context.lookup(BLOB, "b") == Blob("b", b"")
    with refused(ErrorCode.DIGEST_MISMATCH):
        context.lookup(BLOB, "a")
    assert serialized(context) == data


def test_load_leaves_out_a_torn_tail_and_counts_it() -> None:
    data = serialized(blobs(a=b"1"))
    context = toy_context()
    assert context.load(data + data[:40]).ignored == 40
    assert contents(context) == {(BLOB, "a"): b"1"}
    assert serialized(context) == data
    context.record_artifact(BLOB, "b", b"2")
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


def _inputs_that_are_refused() -> list[tuple[bytes, ErrorCode]]:
    data = serialized(blobs(ELSEWHERE, a=b"theirs"))
    return [
        (b"", ErrorCode.NOT_A_BUNDLE),
        (b"x" * 100, ErrorCode.NOT_A_BUNDLE),
        (data[:50], ErrorCode.TRUNCATED),
        (data, ErrorCode.INCOMPATIBLE_ENVIRONMENT),
        (write_segment(new_artifact("a"), new_artifact("a")), ErrorCode.DUPLICATE_ARTIFACT),
    ]


@pytest.mark.parametrize(
    ("data", "code"), _inputs_that_are_refused(), ids=lambda value: getattr(value, "name", "data")
)
def test_a_load_that_is_refused_leaves_the_state_as_before(data: bytes, code: ErrorCode) -> None:
    context = blobs(HERE, a=b"1")
    before = serialized(context)
    context.record_artifact(BLOB, "b", b"2")
    with refused(code):
        context.load(data)
    assert contents(context) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}
    assert context.need_serialize()
    assert serialized(context).startswith(before)


def test_load_keeps_to_the_limits_of_the_context() -> None:
    context = toy_context(limits=Limits(segments=1))
    data = serialized(blobs(a=b"1"))
    context.load(data)
    with refused(ErrorCode.LIMIT_EXCEEDED):
        context.load(data + data)


def test_opaque_segments_are_kept_and_never_current() -> None:
    theirs = serialized(blobs(ELSEWHERE, a=b"theirs", b=b"theirs"))
    ours = serialized(blobs(HERE, a=b"ours"))
    context = toy_context(HERE)
    report = context.load(theirs + ours + theirs)
    assert (report.segments, report.opaque) == (3, 2)
    assert dict(report.info.artifacts) == {BLOB: ("a",)}
    assert contents(context) == {(BLOB, "a"): b"ours"}
    context.record_artifact(BLOB, "c", b"new")
    saved = serialized(context)
    assert saved.startswith(theirs + ours + theirs)
    assert bundle_contents(saved, ELSEWHERE) == {(BLOB, "a"): b"theirs", (BLOB, "b"): b"theirs"}
    assert bundle_contents(saved, HERE) == {(BLOB, "a"): b"ours", (BLOB, "c"): b"new"}


def test_types_that_a_context_does_not_know_travel_through_it(tmp_path: Any) -> None:
    unknown = new_artifact("u", b"content", type="later.type", kind=5, x=1)
    context = loaded(write_segment(unknown))
    context.record_artifact(BLOB, "a", b"1")
    context.save_to(BundleFile(tmp_path / "bundle"))
    for bundle in (
        Bundle.open(serialized(context), policy=UNSIGNED),
        BundleFile(tmp_path / "bundle").open(policy=UNSIGNED),
    ):
        stored = bundle.current()["later.type", "u"]
        assert (stored.kind, stored.attributes) == (5, {"x": 1})
        assert bundle.read(stored) == b"content"
    with refused(ErrorCode.UNKNOWN_ARTIFACT_TYPE):
        context.lookup("later.type", "u")


def test_extra_fields_are_back_with_their_types() -> None:
    fields: dict[str, Any] = {
        "symbol": "é",
        "warps": -(2**63),
        "seconds": 1.0,
        "pinned": True,
        "signature": b"\0",
    }
    context = toy_context()
    context.record_artifact(KERNEL, "k", b"code", **fields)
    kernel = loaded(serialized(context)).lookup(KERNEL, "k")
    assert kernel == Kernel("k", b"code", **fields)
    assert {name: type(getattr(kernel, name)) for name in fields} == {
        name: type(value) for name, value in fields.items()
    }


def test_what_fits_into_no_manifest_here_is_refused_before_it_spoils_a_file(tmp_path: Path) -> None:
    note = b"x" * ((16 << 20) - 400)
    vast = write_segment(new_artifact("vast", note=note))
    environment = Environment({"fact": frozenset({"y" * 1000})})
    context = toy_context(environment)
    context.record_artifact(BLOB, "small", b"1")
    file = BundleFile(tmp_path / "b.precompile")
    context.save_to(file)
    before = file.path.read_bytes()
    context.load(vast)
    with refused(ErrorCode.LIMIT_EXCEEDED):
        context.save_to(file)
    assert file.path.read_bytes() == before


def test_an_entry_is_not_bound_to_what_is_no_backend() -> None:
    context = toy_context()
    context.load(write_segment(new_artifact("g", b"", type=GRAPH, kind=ArtifactKind.CACHE)))
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    assert stored_backend_digest(serialized(context)) == b""


@pytest.mark.parametrize("to_file", [False, True])
def test_an_entry_recorded_again_is_bound_by_a_save_that_has_nothing_to_write(
    tmp_path: Path, *, to_file: bool
) -> None:
    def save() -> None:
        if to_file:
            context.save_to(BundleFile(tmp_path / "b.precompile"))
        else:
            context.serialize()

    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    for _ in range(2):
        context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
        save()
    context.record_artifact(GRAPH, "g", b"another graph")
    report = context.populate(MemoryPrecompileCache())
    assert [outcome.code for outcome in report.outcomes] == [ErrorCode.MISSING_BACKEND]


# load, and what is unsaved behind it


def test_a_load_takes_nothing_away_that_was_recorded_here() -> None:
    """Nothing is held before it, so that it goes on from all of that; and yet."""
    context = blobs(a=b"1")
    context.load(write_segment(removed=((BLOB, "a"),)))
    assert contents(context) == {(BLOB, "a"): b"1"}
    assert context.need_serialize()
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1"}


def test_a_load_that_goes_on_takes_away_what_it_removed_and_leaves_nothing_to_save() -> None:
    other = blobs(a=b"1", b=b"2")
    context = loaded(serialized(other))
    other.remove(BLOB, "a")
    data = serialized(other)
    context.load(data)
    assert contents(context) == {(BLOB, "b"): b"2"}
    assert not context.need_serialize()
    assert serialized(context) == data


def test_a_load_that_goes_on_leaves_what_was_recorded_anew_under_a_removed_name() -> None:
    other = blobs(a=b"1", b=b"2")
    context = loaded(serialized(other))
    context.record_artifact(BLOB, "a", b"anew")
    other.remove(BLOB, "a")
    context.load(serialized(other))
    assert contents(context) == {(BLOB, "a"): b"anew", (BLOB, "b"): b"2"}
    assert context.need_serialize()
    assert bundle_contents(serialized(context)) == contents(context)


def test_a_load_that_goes_on_takes_away_what_was_recorded_as_it_was_saved() -> None:
    other = blobs(a=b"1")
    context = loaded(serialized(other))
    context.record_artifact(BLOB, "a", b"anew")
    context.record_artifact(BLOB, "a", b"1")
    other.remove(BLOB, "a")
    context.load(serialized(other))
    assert contents(context) == {}
    assert not context.need_serialize()


def test_a_load_that_goes_on_leaves_what_is_only_in_the_context() -> None:
    """What it lists and removed in the same breath was never held here; another name was."""
    other = blobs(a=b"1")
    context = loaded(serialized(other))
    context.record_artifact(BLOB, "own", b"2")
    other.record_artifact(BLOB, "own", b"theirs")
    serialized(other)
    other.remove(BLOB, "own")
    context.load(serialized(other))
    assert contents(context) == {(BLOB, "a"): b"1", (BLOB, "own"): b"2"}
    assert context.need_serialize()


def _shard(key: str) -> bytes:
    """A bundle that recorded a name and removed it again."""
    shard = blobs(**{key: b"of the shard"}, other=b"stays")
    serialized(shard)
    shard.remove(BLOB, key)
    return serialized(shard)


def test_a_load_takes_nothing_away_that_an_earlier_bundle_brought() -> None:
    first, shard = serialized(blobs(a=b"1", b=b"2")), _shard("a")
    context = loaded(first)
    report = context.load(shard)
    assert dict(report.info.artifacts) == {BLOB: ("other",)}
    expected = {(BLOB, "a"): b"1", (BLOB, "b"): b"2", (BLOB, "other"): b"stays"}
    assert contents(context) == expected
    assert not context.need_serialize()
    assert serialized(context) == first + shard
    assert contents(loaded(first + shard)) == bundle_contents(first + shard) == expected


def test_a_shard_before_a_bundle_takes_nothing_away_either() -> None:
    shard, second = _shard("a"), serialized(blobs(a=b"1"))
    for context in (loaded(shard + second), loaded(shard)):
        context.load(shard + second)
        assert contents(context) == {(BLOB, "other"): b"stays", (BLOB, "a"): b"1"}


def test_a_bundle_that_goes_on_with_several_chains_takes_away_what_the_last_one_removed() -> None:
    """The name that an earlier chain has too stays, with what that one has of it."""
    first = blobs(a=b"1", b=b"2")
    second = blobs(b=b"3", c=b"4")
    before = serialized(first) + serialized(second)
    context = loaded(before)
    for name in ("a", "b", "c"):
        second.remove(BLOB, name)
    second.record_artifact(BLOB, "d", b"5")
    whole = serialized(first) + serialized(second)
    assert whole.startswith(before)
    report = context.load(whole)
    expected = {(BLOB, "a"): b"1", (BLOB, "b"): b"2", (BLOB, "d"): b"5"}
    assert contents(context) == bundle_contents(whole) == expected
    assert dict(report.info.artifacts) == {BLOB: ("a", "b", "d")}
    assert not context.need_serialize()


def test_an_opaque_segment_takes_nothing_away() -> None:
    data = serialized(blobs(HERE, a=b"1"))
    context = loaded(data, HERE)
    chain = Chain.of(Bundle.open(data, policy=UNSIGNED))
    requirements = ELSEWHERE.requirements()
    data += write_segment(chain=chain, requirements=requirements, removed=((BLOB, "a"),))
    context.load(data)
    assert contents(context) == {(BLOB, "a"): b"1"}


def test_a_removal_of_what_an_earlier_chain_brought_is_of_this_context_alone() -> None:
    """It is written, and readers go on to find what that chain has."""
    first, second = serialized(blobs(a=b"1")), serialized(blobs(b=b"2"))
    context = loaded(first + second)
    assert context.remove(BLOB, "a")
    assert context.remove(BLOB, "b")
    assert context.need_serialize()
    data = serialized(context)
    assert contents(context) == {}
    assert not context.need_serialize()
    (last,) = Bundle.open(data, policy=UNSIGNED).segments[2:]
    assert [id_.key for id_ in last.manifest.removed] == ["a", "b"]
    assert bundle_contents(data) == contents(loaded(data)) == {(BLOB, "a"): b"1"}
    assert serialized(context) == data


def test_a_load_that_takes_a_backend_away_leaves_the_entry_unsaved_that_names_it_anew(
    file: BundleFile,
) -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    other = loaded(serialized(context))
    for _ in range(2):
        context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
        context.save_to(file)
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    assert not context.need_serialize()
    other.remove(GRAPH, "g")
    context.load(serialized(other))
    assert names(context) == [(STEP, "s")]
    assert context.need_serialize()


def test_a_load_of_the_same_backend_leaves_the_entry_saved_that_names_it(tmp_path: Any) -> None:
    context = graph_and_step()
    context.save_to(BundleFile(tmp_path / "bundle"))
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    backend = toy_context()
    backend.record_artifact(GRAPH, "g", b"graph")
    context.load(serialized(backend))
    assert not context.need_serialize()
