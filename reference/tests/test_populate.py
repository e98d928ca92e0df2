"""Applying: caches are populated, entries stitched, and each failure is an outcome of its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from importlib.metadata import EntryPoint
from typing import Any

import pytest

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context import (
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    ErrorCode,
    MemoryPrecompileCache,
    MisuseError,
    PopulateReport,
    PrecompileContext,
    PrecompileError,
    StitchedEntry,
)
from precompile_context.bundle import Bundle
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    GRAPH,
    KERNEL,
    REFUSED,
    STEP,
    Blob,
    FailingCache,
    Graph,
    Kernel,
    Step,
    blobs,
    loaded,
    new_artifact,
    noise,
    serialized,
    toy_context,
    write_segment,
)


@pytest.fixture
def populated() -> Iterator[list[tuple[str, bytes]]]:
    """What the toy compiler's cache was given."""
    Blob.populated.clear()
    yield Blob.populated
    Blob.populated.clear()


def _record_entry(
    context: PrecompileContext, key: str, *backends: str, content: bytes = b"step"
) -> None:
    context.record_artifact(STEP, key, content, backends=[(GRAPH, name) for name in backends])


def _codes(report: PopulateReport) -> list[tuple[str, str, ErrorCode]]:
    return [(outcome.type, outcome.key, outcome.code) for outcome in report.outcomes]


def test_populate_of_nothing_reports_nothing() -> None:
    report = toy_context().populate()
    assert (dict(report.info.artifacts), report.outcomes) == ({}, ())


def test_caches_are_populated_in_recorded_order(populated: list[tuple[str, bytes]]) -> None:
    report = blobs(b=b"1", a=b"2", c=b"3").populate()
    assert populated == [("b", b"1"), ("a", b"2"), ("c", b"3")]
    assert dict(report.info.artifacts) == {BLOB: ("b", "a", "c")}
    assert report.outcomes == ()


def test_populate_does_the_same_after_a_load(populated: list[tuple[str, bytes]]) -> None:
    loaded(serialized(blobs(b=b"1", a=b"2"))).populate()
    assert populated == [("b", b"1"), ("a", b"2")]


def test_populate_changes_nothing_of_the_context(populated: list[tuple[str, bytes]]) -> None:
    context = blobs(a=b"1", b=REFUSED)
    data = serialized(context)
    context.populate()
    context.populate()
    assert serialized(context) == data
    assert populated == [("a", b"1")] * 2


def test_caches_go_before_entries(populated: list[tuple[str, bytes]]) -> None:
    seen = []

    class Watching(MemoryPrecompileCache):
        def write(self, stitched: StitchedEntry) -> None:
            seen.extend(populated)
            super().write(stitched)

    context = toy_context()
    _record_entry(context, "s")
    context.record_artifact(BLOB, "a", b"1")
    context.populate(Watching())
    assert seen == [("a", b"1")]


def test_an_entry_is_stitched_with_its_backends_deserialized() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    context.record_artifact(KERNEL, "k", b"code", warps=8)
    context.record_artifact(
        STEP, "s", b"step", backends=[(KERNEL, "k"), (GRAPH, "g")], guard="x > 0"
    )
    cache = MemoryPrecompileCache()
    report = loaded(serialized(context)).populate(cache)
    stitched = cache.read(STEP, "s")
    assert stitched is not None
    assert stitched.entry == Step("s", b"step", guard="x > 0")
    assert stitched.backends == (Kernel("k", b"code", warps=8), Graph("g", b"graph"))
    assert stitched.values == (b"code", "graph")
    assert report.outcomes == ()
    assert {t: set(keys) for t, keys in report.info.artifacts.items()} == {
        STEP: {"s"},
        GRAPH: {"g"},
        KERNEL: {"k"},
    }


def test_backends_of_two_types_with_one_key_are_both_stitched_in() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "k", b"graph")
    context.record_artifact(KERNEL, "k", b"code")
    context.record_artifact(STEP, "s", b"", backends=[(GRAPH, "k"), (KERNEL, "k")])
    cache = MemoryPrecompileCache()
    context.populate(cache)
    stitched = cache.read(STEP, "s")
    assert stitched is not None
    assert [type(backend) for backend in stitched.backends] == [Graph, Kernel]
    assert stitched.values == ("graph", b"code")


def test_an_entry_is_stitched_before_anything_was_saved() -> None:
    context = toy_context()
    _record_entry(context, "s", "g")
    context.record_artifact(GRAPH, "g", b"graph")
    cache = MemoryPrecompileCache()
    assert context.populate(cache).outcomes == ()
    assert cache.read(STEP, "s") is not None
    context.edit_artifact("g", bytes.upper)
    context.populate(cache)
    stitched = cache.read(STEP, "s")
    assert stitched is not None
    assert stitched.values == ("GRAPH",)


def test_an_entry_without_backends_is_written() -> None:
    context = toy_context()
    _record_entry(context, "s")
    cache = MemoryPrecompileCache()
    assert dict(context.populate(cache).info.artifacts) == {STEP: ("s",)}
    assert len(cache) == 1


def test_a_backend_of_several_entries_is_deserialized_once() -> None:
    made = []

    @dataclass(frozen=True)
    class Counted(Graph):
        TYPE = "test.counted"

        def after_deserialization(self) -> str:
            made.append(self.key)
            return super().after_deserialization()

    context = toy_context()
    context.register(Counted)
    context.record_artifact("test.counted", "g", b"graph")
    for key in "ab":
        context.record_artifact(STEP, key, b"", backends=[("test.counted", "g")])
    report = context.populate(MemoryPrecompileCache())
    assert made == ["g"]
    assert report.info.keys_of("test.counted") == ("g",)


def test_entries_without_a_cache_to_write_them_to_are_misuse() -> None:
    context = toy_context()
    _record_entry(context, "s")
    with pytest.raises(MisuseError):
        context.populate()


def test_a_missing_backend_names_every_missing_one() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "there", b"graph")
    context.record_artifact(
        STEP, "s", b"", backends=[(GRAPH, "one"), (GRAPH, "there"), (KERNEL, "two")]
    )
    cache = MemoryPrecompileCache()
    report = context.populate(cache)
    assert _codes(report) == [(STEP, "s", ErrorCode.MISSING_BACKEND)]
    detail = report.outcomes[0].detail
    assert "test.graph 'one'" in detail
    assert "test.kernel 'two'" in detail
    assert "there'" not in detail
    assert len(cache) == 0
    assert not report.info


def test_another_producers_content_under_the_same_name_is_missing() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"mine")
    _record_entry(context, "s", "g")
    other = toy_context()
    other.record_artifact(GRAPH, "g", b"theirs")
    cache = MemoryPrecompileCache()
    report = loaded(serialized(context) + serialized(other)).populate(cache)
    assert _codes(report) == [(STEP, "s", ErrorCode.MISSING_BACKEND)]
    assert len(cache) == 0


def test_a_backend_that_the_entry_was_saved_without_stays_missing() -> None:
    context = toy_context()
    _record_entry(context, "s", "g")
    warm = loaded(serialized(context))
    warm.record_artifact(GRAPH, "g", b"of another run")
    report = warm.populate(MemoryPrecompileCache())
    assert _codes(report) == [(STEP, "s", ErrorCode.MISSING_BACKEND)]


def test_what_is_no_backend_is_not_stitched_in() -> None:
    blob = new_artifact("g", b"content")
    entry = new_artifact(
        "s", b"", type=STEP, kind=ArtifactKind.ENTRY, backends=(ArtifactId(BLOB, "g", blob.digest),)
    )
    report = loaded(write_segment(blob, entry)).populate(MemoryPrecompileCache())
    assert (STEP, "s", ErrorCode.MISSING_BACKEND) in _codes(report)


def test_a_removed_backend_is_missing() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    _record_entry(context, "s", "g")
    serialized(context)
    context.remove(GRAPH, "g")
    report = context.populate(MemoryPrecompileCache())
    assert _codes(report) == [(STEP, "s", ErrorCode.MISSING_BACKEND)]


def test_one_failure_stops_no_other(populated: list[tuple[str, bytes]]) -> None:
    context = blobs(bad=REFUSED, good=b"1")
    for key, content in {"bad": REFUSED, "good": b"graph"}.items():
        context.record_artifact(GRAPH, key, content)
    _record_entry(context, "bad backend", "good", "bad")
    _record_entry(context, "full", "good")
    _record_entry(context, "missing", "nothing")
    _record_entry(context, "good", "good")
    cache = FailingCache()
    report = context.populate(cache)
    assert _codes(report) == [
        (BLOB, "bad", ErrorCode.APPLY_FAILED),
        (STEP, "bad backend", ErrorCode.APPLY_FAILED),
        (STEP, "full", ErrorCode.APPLY_FAILED),
        (STEP, "missing", ErrorCode.MISSING_BACKEND),
    ]
    assert populated == [("good", b"1")]
    assert dict(report.info.artifacts) == {BLOB: ("good",), GRAPH: ("good",), STEP: ("good",)}
    assert len(cache) == 1


def test_an_outcome_says_what_was_raised() -> None:
    (outcome,) = blobs(bad=REFUSED).populate().outcomes
    assert outcome.detail == "ValueError: the toy cache refuses it"


def test_a_backend_of_an_entry_that_was_not_written_is_not_applied() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    _record_entry(context, "full", "g")
    report = context.populate(FailingCache())
    assert not report.info


def test_types_that_nobody_registered_are_skipped(populated: list[tuple[str, bytes]]) -> None:
    data = write_segment(
        new_artifact("a", b"1"),
        new_artifact("u", b"", type="later.cache"),
        new_artifact("v", b"", type="later.entry", kind=ArtifactKind.ENTRY),
        new_artifact("b", b"2"),
    )
    report = loaded(data).populate(MemoryPrecompileCache())
    assert populated == [("a", b"1"), ("b", b"2")]
    assert _codes(report) == [
        ("later.cache", "u", ErrorCode.UNKNOWN_ARTIFACT_TYPE),
        ("later.entry", "v", ErrorCode.UNKNOWN_ARTIFACT_TYPE),
    ]


def test_an_entry_with_a_backend_of_an_unknown_type_is_not_written() -> None:
    backend = new_artifact("u", b"", type="later.type", kind=ArtifactKind.BACKEND)
    id_ = ArtifactId("later.type", "u", backend.digest)
    entry = new_artifact("s", b"", type=STEP, kind=ArtifactKind.ENTRY, backends=(id_,))
    cache = MemoryPrecompileCache()
    report = loaded(write_segment(backend, entry)).populate(cache)
    assert _codes(report) == [(STEP, "s", ErrorCode.UNKNOWN_ARTIFACT_TYPE)]
    assert len(cache) == 0


def test_a_kind_that_is_not_the_registered_one_is_skipped(
    populated: list[tuple[str, bytes]],
) -> None:
    data = write_segment(
        new_artifact("later", b"", kind=9),
        new_artifact("blob", b"", kind=ArtifactKind.ENTRY),
        new_artifact("graph", b"", type=GRAPH, kind=ArtifactKind.CACHE),
    )
    report = loaded(data).populate(MemoryPrecompileCache())
    assert {code for _, _, code in _codes(report)} == {ErrorCode.UNKNOWN_ARTIFACT_TYPE}
    assert {key for _, key, _ in _codes(report)} == {"later", "blob", "graph"}
    assert populated == []


def test_damaged_content_is_an_outcome(populated: list[tuple[str, bytes]]) -> None:
    one, two = write_segment(new_artifact("a", b"1" * 99)), write_segment(new_artifact("b", b"2"))
    damaged = bytearray(one + two)
    damaged[40] ^= 1
    report = loaded(bytes(damaged)).populate()
    assert _codes(report) == [(BLOB, "a", ErrorCode.DIGEST_MISMATCH)]
    assert populated == [("b", b"2")]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pinned", True),
        ("pinned", False),
        ("warps", 1),
        ("warps", 0),
        ("warps", -(2**63)),
        ("warps", 2**63 - 1),
        ("seconds", 1.0),
        ("seconds", -0.0),
        ("seconds", float("inf")),
        ("seconds", 5e-324),
        ("symbol", ""),
        ("symbol", "é\0\U0001f600"),
        ("signature", b""),
        ("signature", b"\0\xff"),
    ],
)
def test_fields_of_a_subclass_travel_with_their_types(name: str, value: Any) -> None:
    found = _field_after_travelling(name, value)
    assert (type(found), found) == (type(value), value)
    assert str(found) == str(value)


def test_a_nan_travels_as_a_nan() -> None:
    found = _field_after_travelling("seconds", float("nan"))
    assert isinstance(found, float)
    assert found != found


def _field_after_travelling(name: str, value: Any) -> Any:
    context = toy_context()
    context.record_artifact(KERNEL, "k", b"", **{name: value})
    context.record_artifact(STEP, "s", b"", backends=[(KERNEL, "k")])
    cache = MemoryPrecompileCache()
    assert loaded(serialized(context)).populate(cache).outcomes == ()
    stitched = cache.read(STEP, "s")
    assert stitched is not None
    return getattr(stitched.backends[0], name)


def test_a_field_that_was_not_saved_has_its_default_and_one_that_is_gone_is_left_out() -> None:
    """A class may have gained and lost a field since the bundle was written."""
    stored = new_artifact(
        "k", b"", type=KERNEL, kind=ArtifactKind.BACKEND, warps=8, gone="a field of before"
    )
    context = loaded(write_segment(stored))
    assert context.lookup(KERNEL, "k") == Kernel("k", b"", warps=8)
    assert (
        Bundle.open(serialized(context), policy=UNSIGNED).current()[KERNEL, "k"].attributes["gone"]
    )


def test_a_field_with_a_value_of_a_later_type_has_its_default() -> None:
    stored = Artifact("k", b"code", type=KERNEL, kind=2, attributes={"symbol": "f", "warps": 8})
    segment = Segment(
        artifacts=(stored,),
        edit=lambda manifest: (
            manifest.artifacts.details[0]
            .attributes[1]
            .ParseFromString(
                b"\x0a\x05warps" + b"\x72\x01x"  # field 14
            )
        ),
    )
    context = loaded(bundle(segment).data)
    assert context.lookup(KERNEL, "k") == Kernel("k", b"code", symbol="f")


def test_a_field_that_was_not_saved_and_has_no_default_is_an_outcome() -> None:
    @dataclass(frozen=True)
    class Strict(Blob):
        TYPE = "test.strict"
        needed: int

    context = toy_context()
    context.register(Strict)
    context.load(write_segment(new_artifact("k", b"", type="test.strict")))
    assert _codes(context.populate()) == [("test.strict", "k", ErrorCode.APPLY_FAILED)]
    with pytest.raises(PrecompileError):
        context.lookup("test.strict", "k")


@pytest.mark.parametrize("type_name", [GRAPH, STEP])
def test_populate_cache_of_a_precompile_artifact_is_misuse(type_name: str) -> None:
    context = toy_context()
    context.record_artifact(type_name, "k", b"")
    artifact = context.lookup(type_name, "k")
    assert isinstance(artifact, CacheArtifact)
    assert artifact.precompile_compatible()
    with pytest.raises(MisuseError):
        artifact.populate_cache()


def test_what_is_applied_may_use_the_context_itself() -> None:
    """A compiler that is given an artifact records another, or asks for one."""
    context = toy_context()

    @dataclass(frozen=True)
    class Recording(Blob):
        TYPE = "test.recording"

        def populate_cache(self) -> None:
            context.record_artifact(BLOB, f"after {self.key}", self.content)
            assert context.serialize()

    context.register(Recording)
    for key in "ab":
        context.record_artifact("test.recording", key, b"")
    report = context.populate()
    assert report.outcomes == ()
    assert dict(report.info.artifacts) == {"test.recording": ("a", "b")}
    assert [id_.key for id_ in context.current()] == ["a", "b", "after a", "after b"]


def test_an_interrupt_is_no_outcome() -> None:
    @dataclass(frozen=True)
    class Interrupted(Blob):
        TYPE = "test.interrupted"

        def populate_cache(self) -> None:
            raise KeyboardInterrupt

    context = toy_context()
    context.register(Interrupted)
    context.record_artifact("test.interrupted", "k", b"")
    with pytest.raises(KeyboardInterrupt):
        context.populate()


def test_a_type_whose_package_cannot_be_imported_is_refused_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context = blobs(a=b"1")
    data = serialized(context)
    broken = EntryPoint("test.blob", "no_such_package:Blob", "precompile_context.artifact_types")
    monkeypatch.setattr(metadata, "entry_points", lambda **_: [broken])
    other = PrecompileContext(environment=context.environment, policy=UNSIGNED)
    other.load(data)
    (outcome,) = other.populate().outcomes
    assert outcome.code is ErrorCode.APPLY_FAILED
    assert "no_such_package" in outcome.detail


def test_an_outcome_names_the_place_of_damaged_content() -> None:
    data = bytearray(serialized(blobs(a=noise(100))))
    data[40] ^= 1
    context = toy_context()
    context.load(bytes(data))
    (outcome,) = context.populate().outcomes
    assert (outcome.code, outcome.offset) == (ErrorCode.DIGEST_MISMATCH, 23)
