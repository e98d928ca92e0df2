"""Appending to a file that this process knows: only what is new is read, whatever became of it."""

import gc
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from precompile_context import BundleFile, ErrorCode, PrecompileContext, PrecompileError
from precompile_context.artifact import ArtifactId
from precompile_context.bundle import Limits, checking, codec
from precompile_context.context.destination import Destination
from precompile_context.files import access, appending
from precompile_context.trust import UNSIGNED
from tests.signing import ALICE, trusts
from tests.toys import (
    BLOB,
    GRAPH,
    blobs,
    file_contents,
    file_segment_count,
    new_artifact,
    noise,
    refused,
    save,
    toy_context,
    write_segment,
)

pytestmark = pytest.mark.usefixtures("no_sync")


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The indexes of the segments whose manifests were decoded."""
    indexes: list[int] = []
    decode = codec.decode_manifest

    def counting(payload: bytes, segment: int, *rest: object) -> object:
        indexes.append(segment)
        return decode(payload, segment, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "decode_manifest", counting)
    return indexes


def _others(file: BundleFile) -> BundleFile:
    """The same file in the eyes of another process."""
    return BundleFile(file.path)


def _record(context: PrecompileContext, **contents: bytes) -> PrecompileContext:
    for key, content in contents.items():
        context.record_artifact(BLOB, key, content)
    return context


def _save_and_know(context: PrecompileContext, file: BundleFile) -> None:
    """A second save that opens the file and knows it from then on, though it has nothing new."""
    context._state.destination.unsettled = None
    context.save_to(file)


def test_saves_after_a_load_decode_only_what_was_appended_since(
    file: BundleFile, decoded: list[int]
) -> None:
    for index in range(5):
        save(_others(file), **{f"k{index}": b"%d" % index})
    context = toy_context()
    context.load(file)
    decoded.clear()
    _record(context, a=b"a").save_to(file)
    assert decoded == []
    _record(context, b=b"b").save_to(file)
    assert decoded == []  # the last one is its own


def test_a_save_with_nothing_new_decodes_nothing(file: BundleFile, decoded: list[int]) -> None:
    save(_others(file), a=b"1")
    context = toy_context()
    context.load(file)
    decoded.clear()
    assert context.save_to(file).appended == ()
    assert decoded == []


def test_what_others_appended_is_decoded_once_and_not_appended_again(
    file: BundleFile, decoded: list[int]
) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    save(_others(file), b=b"2")
    save(_others(file), c=b"3")
    decoded.clear()
    report = _record(context, b=b"2", d=b"4").save_to(file)
    assert decoded == [1, 2]
    assert [id_.key for id_ in report.appended] == ["d"]
    assert file_contents(file) == {
        (BLOB, k): v for k, v in zip("abcd", (b"1", b"2", b"3", b"4"), strict=True)
    }


def test_what_others_superseded_is_saved_again(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    save(_others(file), a=b"other")
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"1"}


def test_what_yielded_is_saved_once_it_need_not_yield(file: BundleFile) -> None:
    save(_others(file), a=b"other")
    context = blobs(a=b"1")
    assert context.save_to(file, keep_existing=True).appended == ()
    assert context.save_to(file, keep_existing=True).appended == ()
    assert [id_.key for id_ in context.save_to(file).appended] == ["a"]


def test_what_a_load_brought_between_two_saves_is_saved(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    loaded = blobs(a=b"2").serialize()
    assert loaded is not None
    context.load(loaded[0])
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"2"}


def _replaced(file: BundleFile, data: bytes) -> None:
    other = file.path.with_suffix(".other")
    other.write_bytes(data)
    os.replace(other, file.path)


def _overwritten(file: BundleFile, data: bytes) -> None:
    inode = file.path.stat().st_ino
    file.path.write_bytes(data)
    assert file.path.stat().st_ino == inode


@pytest.mark.parametrize("put", [_replaced, _overwritten])
@pytest.mark.parametrize("other", [{"a": b"9"}, {"x": b"1"}, {"x": noise(9000), "y": b"7"}])
def test_another_bundle_in_its_place_is_opened_whole(
    file: BundleFile, put: Callable[[BundleFile, bytes], None], other: dict[str, bytes]
) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    size = file.path.stat().st_size
    serialized = blobs(**other).serialize()
    assert serialized is not None
    if len(other) == 1:
        assert len(serialized[0]) == size  # nothing but bytes tells the two apart
    put(file, serialized[0])
    _record(context, b=b"2").save_to(file)
    expected = {**other, "a": b"1", "b": b"2"}
    assert file_contents(file) == {(BLOB, key): content for key, content in expected.items()}


def test_the_times_of_a_file_prove_nothing(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    times = file.path.stat()
    serialized = blobs(a=b"9").serialize()
    assert serialized is not None
    _overwritten(file, serialized[0])
    os.utime(file.path, ns=(times.st_atime_ns, times.st_mtime_ns))
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"1"}


def test_what_a_truncation_took_is_saved_again(file: BundleFile) -> None:
    context = blobs(a=noise(3000))
    context.save_to(file)
    first = file.path.stat().st_size
    _record(context, b=noise(3000, 1)).save_to(file)
    _save_and_know(context, file)
    os.truncate(file.path, first)
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): noise(3000), (BLOB, "b"): noise(3000, 1)}


def test_no_block_of_a_segment_that_was_taken_away_is_named(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    first = file.path.stat().st_size
    _record(context, b=noise(3000)).save_to(file)
    os.truncate(file.path, first)
    save(_others(file), c=noise(9000, 2))
    _record(context, d=noise(3000)).save_to(file)
    assert file_contents(file).keys() == {(BLOB, key) for key in "abcd"}


def test_the_blocks_of_one_file_are_not_named_in_another(file: BundleFile, tmp_path: Path) -> None:
    context = blobs(a=noise(3000))
    context.save_to(file)
    _record(context, b=noise(3000))
    other = BundleFile(tmp_path / "other")
    context.save_to(other)
    assert file_contents(other) == {(BLOB, "a"): noise(3000), (BLOB, "b"): noise(3000)}


@pytest.mark.parametrize("step", ["write_all", "sync_directory"])
def test_what_a_failed_save_wrote_is_forgotten(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    _record(context, b=noise(3000))
    working = access.write_all

    def failing(*arguments: Any) -> int:
        if step == "write_all" and any(arguments[1]):
            return working(*arguments)
        raise OSError("no space")  # at the last chunk, or with all written

    with monkeypatch.context() as patch:
        patch.setattr(appending, step, failing)
        with pytest.raises(OSError, match="no space"):
            context.save_to(file)
    _record(context, c=noise(3000)).save_to(file)
    expected = {"a": b"1", "b": noise(3000), "c": noise(3000)}
    assert file_contents(file) == {(BLOB, key): content for key, content in expected.items()}


def test_a_torn_tail_behind_what_is_known_is_cut(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    _save_and_know(context, file)
    save(_others(file), b=b"2")
    whole = file.path.read_bytes()
    save(_others(file), c=noise(500))
    os.truncate(file.path, file.path.stat().st_size - 30)
    _record(context, d=b"4").save_to(file)
    assert file.path.read_bytes().startswith(whole)
    assert file_contents(file).keys() == {(BLOB, key) for key in "abd"}


def test_a_segment_of_an_untrusted_signer_behind_what_is_known_is_refused(
    file: BundleFile,
) -> None:
    context = toy_context(policy=trusts(ALICE), signer=ALICE)
    _record(context, a=b"1").save_to(file)
    _save_and_know(context, file)
    save(_others(file), b=b"2")  # by one who believes everybody
    before = file.path.read_bytes()
    with refused(ErrorCode.UNSIGNED):
        _record(context, c=b"3").save_to(file)
    assert file.path.read_bytes() == before


def test_a_bundle_opened_under_another_policy_is_not_believed(file: BundleFile) -> None:
    save(file, a=b"1")
    file.open(policy=UNSIGNED)
    context = _record(toy_context(policy=trusts(ALICE), signer=ALICE), b=b"2")
    with refused(ErrorCode.UNSIGNED):
        context.save_to(file)
    assert file_segment_count(file) == 1


@pytest.mark.parametrize("seed", range(40))
def test_whatever_happens_to_a_file_it_is_written_as_by_one_who_knows_nothing(
    tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    ours, theirs = BundleFile(tmp_path / "ours"), BundleFile(tmp_path / "theirs")
    knowing, ignorant = toy_context(), toy_context()
    earlier: list[bytes] = []

    def save_both(*, keep_existing: bool) -> None:
        report = knowing.save_to(ours, keep_existing=keep_existing)
        ignorant._state.destination = Destination()
        expected = ignorant.save_to(BundleFile(theirs.path), keep_existing=keep_existing)
        assert report == expected

    for step in range(30):
        key, content = f"k{chance.randrange(4)}", noise(chance.choice([0, 5, 400]), step % 5)
        match chance.randrange(9):
            case 0 | 1:
                for context in (knowing, ignorant):
                    _record(context, **{key: content})
            case 2:
                assert knowing.remove(BLOB, key) == ignorant.remove(BLOB, key)
            case 3:
                for file in (ours, theirs):
                    save(BundleFile(file.path), **{key: content})
            case 4 if earlier:
                data, put = chance.choice(earlier), chance.choice([_replaced, _overwritten])
                for file in (ours, theirs):
                    put(file, data)
            case 5 if ours.path.exists():
                torn = chance.randrange(1, 40)
                for file in (ours, theirs):
                    os.truncate(file.path, max(0, file.path.stat().st_size - torn))
            case 6 if earlier:
                data = chance.choice(earlier)
                for context in (knowing, ignorant):
                    context.load(data)
            case _:
                save_both(keep_existing=chance.random() < 0.3)
        if ours.path.exists():
            assert ours.path.read_bytes() == theirs.path.read_bytes()
            if file_contents_or_none(ours):
                earlier.append(ours.path.read_bytes())
    save_both(keep_existing=False)
    assert ours.path.exists() == theirs.path.exists()


def file_contents_or_none(file: BundleFile) -> bool:
    """Whether the file is a whole bundle now."""
    try:
        return bool(file_contents(file))
    except Exception:
        return False


def test_what_a_reader_ignores_counts_in_a_known_file_as_in_any(file: BundleFile) -> None:
    ids = tuple(ArtifactId(GRAPH, f"g{number}", bytes(32)) for number in range(20))
    segments = [write_segment(new_artifact(key, backends=ids)) for key in "abc"]  # of 21 items each
    file.path.write_bytes(segments[0] + segments[1])
    known = BundleFile(file.path, limits=Limits(items=62))
    known.open(policy=UNSIGNED)
    file.path.write_bytes(b"".join(segments))
    for one in (known, BundleFile(file.path, limits=Limits(items=62))):
        with refused(ErrorCode.LIMIT_EXCEEDED):
            toy_context().save_to(one)


def test_a_file_that_was_replaced_is_let_go(file: BundleFile) -> None:
    save(file, a=b"1")
    save(file, b=b"2")
    known = BundleFile(file.path)
    known.open(policy=UNSIGNED)
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    assert known.fold(b"", policy=UNSIGNED)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) < before


def test_a_second_save_with_nothing_new_reads_the_last_manifest_alone(
    file: BundleFile, decoded: list[int]
) -> None:
    context = blobs(a=b"1")
    first = context.save_to(file)
    before = file.path.read_bytes()
    again = context.save_to(file)
    assert (again.appended, again.size, again.current) == ((), first.size, first.current)
    assert file.path.read_bytes() == before
    assert decoded == []


@pytest.mark.parametrize("damage", ["head", "last manifest", "other tail", "gone"])
def test_nothing_new_is_no_reason_to_pass_over_another_file(file: BundleFile, damage: str) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    data = bytearray(file.path.read_bytes())
    if damage == "gone":
        file.path.unlink()
    elif damage == "other tail":
        save(_others(file), a=b"other")
    else:
        data[5 if damage == "head" else -30] ^= 1
        file.path.write_bytes(data)
        with pytest.raises(PrecompileError):
            context.save_to(file)
        return
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"1"}


def test_what_was_removed_or_left_out_is_news(file: BundleFile) -> None:
    context = blobs(a=b"1", b=b"2")
    context.save_to(file)
    context.remove(BLOB, "a")
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "b"): b"2"}
    save(_others(file), c=b"theirs")
    _record(context, c=b"ours").save_to(file, keep_existing=True)
    assert context.save_to(file).appended  # it yielded, and need not any more
    assert file_contents(file)[BLOB, "c"] == b"ours"


def test_nothing_new_for_a_policy_that_does_not_trust_what_was_written(file: BundleFile) -> None:
    context = toy_context(policy=trusts(ALICE))
    _record(context, a=b"1").save_to(file)  # unsigned: whoever saves again is told
    with pytest.raises(PrecompileError) as caught:
        context.save_to(file)
    assert caught.value.code is ErrorCode.UNSIGNED


def test_a_last_segment_does_not_stand_for_another_chain(file: BundleFile) -> None:
    before, after = write_segment(new_artifact("a", b"1")), write_segment(new_artifact("b", b"2"))
    file.path.write_bytes(before + after)
    context = blobs(a=b"1", c=b"3")
    assert [id_.key for id_ in context.save_to(file).appended] == ["c"]
    file.path.write_bytes(file.path.read_bytes()[len(before) :])
    assert [id_.key for id_ in context.save_to(file).appended] == ["a"]


@pytest.mark.parametrize("change", ["first is gone", "one more before", "garbage within"])
def test_a_file_of_another_size_is_opened(file: BundleFile, change: str) -> None:
    context = blobs(a=noise(300))
    context.save_to(file)
    first = file.path.stat().st_size
    _record(context, b=noise(300, 1)).save_to(file)
    data = file.path.read_bytes()
    other = write_segment(new_artifact("other", b"x"))
    file.path.write_bytes(
        {
            "first is gone": data[first:],
            "one more before": other + data,
            "garbage within": data[:first] + b"garbage" + data[first:],
        }[change]
    )
    if change == "one more before":
        assert context.save_to(file).size == len(other) + len(data)
        return
    with pytest.raises(PrecompileError):
        context.save_to(file)


def test_a_sink_need_not_know_how_it_was_left(file: BundleFile) -> None:
    class Sink:
        appending = file.appending

    context, sink = blobs(a=b"1"), Sink()
    assert context.save_to(sink).appended
    assert context.save_to(sink).appended == ()
