"""PrecompileContext: recording, removing, editing and looking up, a behaviour a test."""

from typing import Any

import pytest

from precompile_context import (
    ArtifactId,
    ErrorCode,
    MemoryPrecompileCache,
    MisuseError,
    PrecompileContext,
)
from precompile_context.bundle import Bundle, Limits
from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    GRAPH,
    KERNEL,
    STEP,
    Blob,
    Graph,
    Kernel,
    blobs,
    bundle_contents,
    contents,
    graph_and_step,
    loaded,
    names,
    refused,
    serialized,
    sha256,
    stored_backend_digest,
    toy_context,
)

# register


def test_register_makes_a_type_recordable() -> None:
    context = PrecompileContext()
    with pytest.raises(MisuseError):
        context.record_artifact(BLOB, "k", b"")
    assert context.register(Blob) is Blob
    context.record_artifact(BLOB, "k", b"")
    assert names(context) == [(BLOB, "k")]


def test_register_rejects_the_same_type_twice() -> None:
    context = toy_context()
    with pytest.raises(MisuseError):
        context.register(Blob)


# record_artifact


def test_record_makes_an_artifact_current() -> None:
    context = blobs(a=b"1")
    assert context.lookup(BLOB, "a") == Blob("a", b"1")
    assert context.current() == (ArtifactId(BLOB, "a", sha256(b"1")),)


def test_what_is_current_is_in_first_recorded_order() -> None:
    context = blobs(b=b"1", a=b"2", c=b"3")
    context.record_artifact(BLOB, "a", b"4")
    context.record_artifact(GRAPH, "b", b"5")
    assert names(context) == [(BLOB, "b"), (BLOB, "a"), (BLOB, "c"), (GRAPH, "b")]
    assert list(bundle_contents(serialized(context))) == names(context)


def test_record_of_an_equal_artifact_does_nothing() -> None:
    context = graph_and_step()
    data = serialized(context)
    context.record_artifact(GRAPH, "g", bytearray(b"graph"))
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")], guard="")
    assert not context.need_serialize()
    assert serialized(context) == data


@pytest.mark.parametrize(
    "other",
    [
        {"content": b"other"},
        {"symbol": "other"},
        {"warps": 8},
        {"seconds": 0.75},
        {"pinned": True},
        {"signature": b"x"},
    ],
    ids=lambda other: next(iter(other)),
)
def test_record_of_another_content_or_attribute_supersedes(other: dict[str, Any]) -> None:
    context = toy_context()
    context.record_artifact(KERNEL, "k", b"content")
    data = serialized(context)
    changed = {"content": b"content"} | other
    context.record_artifact(KERNEL, "k", **changed)
    assert context.need_serialize()
    assert context.lookup(KERNEL, "k") == Kernel("k", **changed)
    assert serialized(context).startswith(data)
    assert loaded(serialized(context)).lookup(KERNEL, "k") == Kernel("k", **changed)


def test_record_of_other_backends_supersedes() -> None:
    context = graph_and_step()
    context.record_artifact(GRAPH, "h", b"graph")
    serialized(context)
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g"), (GRAPH, "h")])
    assert context.need_serialize()
    backends = Bundle.open(serialized(context), policy=UNSIGNED).current()[STEP, "s"].backends
    assert [backend.key for backend in backends] == ["g", "h"]


def test_doubles_are_equal_bit_by_bit() -> None:
    context = toy_context()
    context.record_artifact(KERNEL, "k", b"", seconds=float("nan"))
    serialized(context)
    context.record_artifact(KERNEL, "k", b"", seconds=float("nan"))
    assert not context.need_serialize()
    context.record_artifact(KERNEL, "k", b"", seconds=0.0)
    serialized(context)
    context.record_artifact(KERNEL, "k", b"", seconds=-0.0)
    assert context.need_serialize()


@pytest.mark.parametrize("saved_between", [True, False])
def test_a_b_a_ends_with_a(saved_between: bool) -> None:
    context = toy_context()
    for content in (b"A", b"B", b"A"):
        context.record_artifact(BLOB, "k", content)
        if saved_between:
            serialized(context)
    assert contents(context) == {(BLOB, "k"): b"A"}
    assert bundle_contents(serialized(context)) == {(BLOB, "k"): b"A"}


def test_back_to_what_was_saved_is_saved() -> None:
    context = blobs(k=b"A")
    data = serialized(context)
    context.record_artifact(BLOB, "k", b"B")
    context.record_artifact(BLOB, "k", b"A")
    assert not context.need_serialize()
    assert serialized(context) == data


def test_record_keeps_a_copy_of_a_buffer() -> None:
    context = toy_context()
    buffer = bytearray(b"before")
    context.record_artifact(BLOB, "k", buffer)
    context.record_artifact(BLOB, "v", memoryview(buffer)[:3])
    buffer[:] = b"behind"
    assert contents(context) == {(BLOB, "k"): b"before", (BLOB, "v"): b"bef"}


@pytest.mark.parametrize("key", ["", "a\0b", "x" * 1025, "\ud800"])
def test_record_rejects_a_bad_key(key: str) -> None:
    with pytest.raises(MisuseError):
        toy_context().record_artifact(BLOB, key, b"")


@pytest.mark.parametrize("content", [5, "text", None, [1, 2]])
def test_record_rejects_content_that_is_not_bytes(content: Any) -> None:
    context = toy_context()
    with pytest.raises(MisuseError):
        context.record_artifact(BLOB, "k", content)
    assert names(context) == []


@pytest.mark.parametrize(
    "fields",
    [{"warps": 2**63}, {"symbol": None}, {"symbol": "\ud800"}, {"signature": [1]}, {"grid": 1}],
    ids=str,
)
def test_record_rejects_a_field_that_cannot_travel(fields: dict[str, Any]) -> None:
    context = toy_context()
    with pytest.raises(MisuseError):
        context.record_artifact(KERNEL, "k", b"", **fields)
    assert names(context) == []


def test_record_rejects_fields_that_no_manifest_can_hold() -> None:
    """One such artifact would make all that is saved with it unreadable."""
    context = toy_context()
    with pytest.raises(MisuseError):
        context.record_artifact(KERNEL, "k", b"", signature=bytes(Limits().manifest_bytes))
    assert names(context) == []


@pytest.mark.parametrize(
    "backends", [[(BLOB, "b")], [(STEP, "s")], [("test.unknown", "u")], [(GRAPH, "")]]
)
def test_record_rejects_what_cannot_be_a_backend(backends: list[tuple[str, str]]) -> None:
    with pytest.raises(MisuseError):
        toy_context().record_artifact(STEP, "s", b"", backends=backends)


@pytest.mark.parametrize("type_name", [BLOB, GRAPH])
def test_record_rejects_backends_of_what_is_no_entry(type_name: str) -> None:
    with pytest.raises(MisuseError):
        toy_context().record_artifact(type_name, "k", b"", backends=[(GRAPH, "g")])


def test_record_takes_backends_that_are_recorded_later() -> None:
    context = toy_context()
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.record_artifact(GRAPH, "g", b"graph")
    assert stored_backend_digest(serialized(context)) == sha256(b"graph")


def test_an_entry_that_was_saved_before_its_backend_is_unsaved_once_that_is_recorded() -> None:
    context = toy_context()
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    assert stored_backend_digest(serialized(context)) == b""
    context.record_artifact(GRAPH, "g", b"graph")
    assert stored_backend_digest(serialized(context)) == sha256(b"graph")


def test_backends_are_named_with_the_digest_that_they_had_when_the_entry_was_saved() -> None:
    context = graph_and_step(b"before")
    serialized(context)
    context.record_artifact(GRAPH, "g", b"behind")
    assert stored_backend_digest(serialized(context)) == sha256(b"before")


# record_artifacts

_PAIRS = [("a", b"1"), ("b", bytes(20_000)), ("a", b"2"), ("\N{GREEK SMALL LETTER MU}", b"")]


@pytest.mark.parametrize("type_name", [BLOB, GRAPH])
def test_recording_many_at_once_is_recording_each_in_turn(type_name: str) -> None:
    one, many = graph_and_step(), graph_and_step()
    for key, content in _PAIRS:
        one.record_artifact(type_name, key, content)
    many.record_artifacts(type_name, iter(_PAIRS))
    assert contents(many) == contents(one)
    assert names(many) == names(one)
    assert serialized(many) == serialized(one)


def test_recording_many_keeps_what_they_were_when_they_were_recorded() -> None:
    context, content = toy_context(), bytearray(b"as recorded")
    context.record_artifacts(BLOB, [("a", content), ("b", memoryview(content))])
    content[:] = b"changed since"
    assert contents(context) == {(BLOB, "a"): b"as recorded", (BLOB, "b"): b"as recorded"}


def test_of_many_with_one_fault_none_is_recorded() -> None:
    context = toy_context()
    for pairs in ([("a", b""), ("", b"")], [("a", b""), ("b\ud800", b"")], [("a", b""), ("b", "")]):
        with pytest.raises(MisuseError):
            context.record_artifacts(BLOB, pairs)  # type: ignore[arg-type]
    with pytest.raises(MisuseError):
        context.record_artifacts("test.unknown", [("a", b"")])
    assert names(context) == []
    assert not context.need_serialize()


# remove


def test_remove_takes_an_artifact_away_and_says_whether_there_was_one() -> None:
    context = blobs(a=b"1", b=b"2")
    assert context.remove(BLOB, "a")
    assert not context.remove(BLOB, "a")
    assert not context.remove(GRAPH, "b")
    assert contents(context) == {(BLOB, "b"): b"2"}
    assert context.lookup(BLOB, "a") is None


def test_remove_of_what_was_saved_is_saved_too() -> None:
    context = blobs(a=b"1", b=b"2")
    before = serialized(context)
    context.remove(BLOB, "a")
    assert context.need_serialize()
    after = serialized(context)
    assert after.startswith(before)
    assert bundle_contents(after) == {(BLOB, "b"): b"2"}
    assert not context.need_serialize()
    assert serialized(context) == after


def test_remove_of_what_was_never_saved_leaves_no_trace() -> None:
    context = blobs(a=b"1")
    context.record_artifact(BLOB, "b", b"2")
    context.remove(BLOB, "b")
    assert serialized(context) == serialized(blobs(a=b"1"))


def test_remove_of_all_that_was_recorded_leaves_nothing_to_save() -> None:
    context = blobs(a=b"1")
    context.remove(BLOB, "a")
    assert not context.need_serialize()
    assert context.serialize() is None


def test_remove_and_record_puts_an_artifact_at_the_end() -> None:
    context = blobs(a=b"1", b=b"2")
    serialized(context)
    context.remove(BLOB, "a")
    context.record_artifact(BLOB, "a", b"1")
    assert (
        list(bundle_contents(serialized(context))) == names(context) == [(BLOB, "b"), (BLOB, "a")]
    )


def test_remove_of_what_was_loaded_is_saved() -> None:
    warm = loaded(serialized(blobs(a=b"1", b=b"2")))
    warm.remove(BLOB, "a")
    assert warm.need_serialize()
    assert bundle_contents(serialized(warm)) == {(BLOB, "b"): b"2"}


# edit_artifact


def test_edit_replaces_a_backends_content_and_keeps_its_fields() -> None:
    context = toy_context()
    context.record_artifact(KERNEL, "k", b"code", warps=8)
    context.edit_artifact("k", lambda content: content + b" patched")
    assert context.lookup(KERNEL, "k") == Kernel("k", b"code patched", warps=8)


@pytest.mark.parametrize("saved", [True, False])
@pytest.mark.parametrize("warm", [True, False])
def test_edit_binds_the_entries_to_the_new_content(saved: bool, warm: bool) -> None:
    context = graph_and_step()
    if saved:
        serialized(context)
    if warm:
        context = loaded(serialized(context))
    context.edit_artifact("g", bytes.upper)
    data = serialized(context)
    assert stored_backend_digest(data) == sha256(b"GRAPH")
    assert bundle_contents(data) == {(GRAPH, "g"): b"GRAPH", (STEP, "s"): b"step"}


def test_edit_makes_the_entries_unsaved_again() -> None:
    context = graph_and_step()
    context.record_artifact(STEP, "other", b"names no backend")
    before = serialized(context)
    context.edit_artifact("g", bytes.upper)
    assert context.need_serialize()
    new = Bundle.open(serialized(context), policy=UNSIGNED).segments[1].manifest.artifacts
    assert serialized(context).startswith(before)
    assert [(artifact.type, artifact.key) for artifact in new] == [(GRAPH, "g"), (STEP, "s")]


def test_edit_leaves_an_entry_alone_that_names_other_content() -> None:
    """It was bound to a content that is not current any more: the edited one is not its own."""
    context = graph_and_step(b"first")
    serialized(context)
    context.record_artifact(GRAPH, "g", b"second")
    context.edit_artifact("g", bytes.upper)
    assert stored_backend_digest(serialized(context)) == sha256(b"first")


def test_an_edit_that_changes_nothing_leaves_all_saved(tmp_path: Any) -> None:
    in_memory, in_file = graph_and_step(), graph_and_step()
    data = serialized(in_memory)
    in_file.save_to(BundleFile(tmp_path / "bundle"))
    for context in (in_memory, in_file):
        context.edit_artifact("g", lambda content: content)
        assert not context.need_serialize()
    assert serialized(in_memory) == data


def test_edit_rejects_a_key_of_no_backend_or_of_several() -> None:
    context = toy_context()
    context.record_artifact(BLOB, "k", b"")
    with pytest.raises(MisuseError):
        context.edit_artifact("k", bytes.upper)
    context.record_artifact(GRAPH, "k", b"")
    context.record_artifact(KERNEL, "k", b"")
    with pytest.raises(MisuseError):
        context.edit_artifact("k", bytes.upper)


def test_an_exception_of_the_edit_changes_nothing() -> None:
    context = graph_and_step()
    data = serialized(context)
    with pytest.raises(ZeroDivisionError):
        context.edit_artifact("g", lambda content: bytes([1 // 0]))
    assert serialized(context) == data


@pytest.mark.parametrize("result", [3, None, "text"])
def test_edit_rejects_a_result_that_is_not_bytes(result: Any) -> None:
    context = graph_and_step()
    with pytest.raises(MisuseError):
        context.edit_artifact("g", lambda content: result)
    assert contents(context)[GRAPH, "g"] == b"graph"


def test_an_edit_of_damaged_content_changes_nothing() -> None:
    data = bytearray(serialized(graph_and_step()))
    data[30] ^= 1
    warm = loaded(bytes(data))
    with refused(ErrorCode.DIGEST_MISMATCH):
        warm.edit_artifact("g", bytes.upper)
    assert not warm.need_serialize()
    assert serialized(warm) == data


def test_edit_sees_what_was_recorded_while_it_ran() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"before")
    seen = []

    def edit(content: bytes) -> bytes:
        seen.append(content)
        if len(seen) == 1:
            context.record_artifact(GRAPH, "g", b"meanwhile")
        return content + b" edited"

    context.edit_artifact("g", edit)
    assert seen == [b"before", b"meanwhile"]
    assert contents(context)[GRAPH, "g"] == b"meanwhile edited"


# serialize_artifact_by_key


def test_a_backend_is_found_by_its_key_saved_or_not() -> None:
    context = graph_and_step()
    assert context.serialize_artifact_by_key("g") == Graph("g", b"graph")
    data = serialized(context)
    assert context.serialize_artifact_by_key("g") == Graph("g", b"graph")
    assert loaded(data).serialize_artifact_by_key("g") == Graph("g", b"graph")


def test_what_is_no_backend_is_not_found_by_key() -> None:
    context = blobs(a=b"1")
    context.record_artifact(STEP, "s", b"")
    assert context.serialize_artifact_by_key("a") is None
    assert context.serialize_artifact_by_key("s") is None
    assert context.serialize_artifact_by_key("nothing") is None


def test_a_key_of_several_backends_is_misuse() -> None:
    context = toy_context()
    context.record_artifact(GRAPH, "k", b"")
    context.record_artifact(KERNEL, "k", b"")
    with pytest.raises(MisuseError):
        context.serialize_artifact_by_key("k")


# clear and fresh


def test_clear_forgets_everything_but_the_registered_types() -> None:
    context = loaded(serialized(blobs(a=b"1")))
    context.record_artifact(BLOB, "b", b"2")
    context.clear()
    assert context.current() == ()
    assert not context.need_serialize()
    assert context.serialize() is None
    context.record_artifact(BLOB, "c", b"3")
    assert serialized(context) == serialized(blobs(c=b"3"))


def test_fresh_is_an_isolated_state_for_the_length_of_the_block() -> None:
    context = blobs(a=b"1")
    with context.fresh():
        assert context.current() == ()
        assert context.serialize() is None
        context.record_artifact(BLOB, "b", b"2")
        assert bundle_contents(serialized(context)) == {(BLOB, "b"): b"2"}
    assert contents(context) == {(BLOB, "a"): b"1"}
    assert context.need_serialize()
    assert bundle_contents(serialized(context)) == {(BLOB, "a"): b"1"}


def test_fresh_gives_the_old_state_back_after_an_exception() -> None:
    context = blobs(a=b"1")

    def fail() -> None:
        with context.fresh():
            context.record_artifact(BLOB, "b", b"2")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert contents(context) == {(BLOB, "a"): b"1"}


def test_clear_within_fresh_clears_the_inner_state_alone() -> None:
    context = blobs(a=b"1")
    with context.fresh():
        context.record_artifact(BLOB, "b", b"2")
        with context.fresh():
            context.clear()
        assert contents(context) == {(BLOB, "b"): b"2"}
        context.clear()
        assert context.current() == ()
    assert contents(context) == {(BLOB, "a"): b"1"}


def test_blocks_of_fresh_in_two_threads_each_give_back_what_was_before_them() -> None:
    context = blobs(a=b"1")
    first, second = context.fresh(), context.fresh()
    first.__enter__()
    second.__enter__()
    context.record_artifact(BLOB, "b", b"2")
    first.__exit__(None, None, None)
    assert names(context) == [(BLOB, "b")]
    second.__exit__(None, None, None)
    assert names(context) == [(BLOB, "a")]


def test_a_saved_entry_is_unsaved_when_a_load_brings_its_backend() -> None:
    context = toy_context()
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.serialize()
    backend = toy_context()
    backend.record_artifact(GRAPH, "g", b"graph")
    context.load(serialized(backend))
    assert context.need_serialize()
    cache = MemoryPrecompileCache()
    assert not loaded(serialized(context)).populate(cache).outcomes
    assert cache.read(STEP, "s")
