"""Folding a file's segments into one."""

import errno
import os
import stat
from collections.abc import Callable
from typing import Any

import pytest

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context import (
    BundleFile,
    ErrorCode,
    Limits,
    PrecompileContext,
)
from precompile_context.bundle import runs
from precompile_context.bundle.fold import MANY_SEGMENTS
from precompile_context.files.merging import merge_files
from precompile_context.trust import UNSIGNED
from tests.signing import ALICE
from tests.toys import (
    BLOB,
    ELSEWHERE,
    HERE,
    blobs,
    contents,
    file_contents,
    file_segment_count,
    flip,
    noise,
    refused,
    save,
    serialized,
    toy_context,
)


def _saved_one_by_one(file: BundleFile, count: int, size: int = 100) -> PrecompileContext:
    context = toy_context()
    for number in range(count):
        context.record_artifact(BLOB, f"k{number}", noise(size) + b"%d" % number)
        context.save_to(file)
    return context


def test_fold_puts_one_segment_in_place_of_all(file: BundleFile) -> None:
    context = _saved_one_by_one(file, 5)
    size = file.path.stat().st_size
    assert file.fold(b"", policy=UNSIGNED)
    assert file_segment_count(file) == 1
    assert file_contents(file) == contents(context)
    assert file.path.stat().st_size < size // 2
    report = context.save_to(file)
    assert report.appended == ()


def test_fold_leaves_what_stands_before_its_base_byte_for_byte(file: BundleFile) -> None:
    context = _saved_one_by_one(file, 5)
    before = file.path.read_bytes()
    base = file.open(policy=UNSIGNED).segments[1]
    assert file.fold(base.payload_digest, policy=UNSIGNED)
    assert file.path.read_bytes().startswith(before[: base.offset + base.size])
    assert file_segment_count(file) == 3
    assert file_contents(file) == contents(context)


def test_fold_puts_one_segment_in_place_of_each_run_of_an_environment(file: BundleFile) -> None:
    contexts = toy_context(HERE), toy_context(ELSEWHERE)
    for number, which in enumerate([0, 0, 0, 1, 1, 0, 0]):
        contexts[which].record_artifact(BLOB, f"k{number}", noise(100) + b"%d" % number)
        if number == 5:
            contexts[0].remove(BLOB, "k1")
        contexts[which].save_to(file)
    assert file.fold(b"", policy=UNSIGNED)
    bundle = file.open(policy=UNSIGNED)
    assert len(bundle.segments) == 3
    for context in contexts:
        loaded = toy_context(context.environment)
        loaded.load(bundle)
        assert set(loaded.current()) == set(context.current())
        assert context.save_to(file).appended == ()
    assert not file.fold(b"", policy=UNSIGNED)


@pytest.mark.parametrize("count", [0, 1])
def test_fold_does_nothing_where_less_than_two_segments_follow(
    file: BundleFile, count: int
) -> None:
    _saved_one_by_one(file, 3)
    before = file.path.read_bytes()
    assert not file.fold(
        file.open(policy=UNSIGNED).segments[2 - count].payload_digest, policy=UNSIGNED
    )
    assert file.path.read_bytes() == before


def test_fold_does_nothing_where_its_base_is_gone(file: BundleFile) -> None:
    _saved_one_by_one(file, 3)
    base = file.open(policy=UNSIGNED).segments[0].payload_digest
    file.fold(b"", policy=UNSIGNED)
    before = file.path.read_bytes()
    assert not file.fold(base, policy=UNSIGNED)
    assert file.path.read_bytes() == before


def test_fold_does_nothing_across_hosts_and_chains(file: BundleFile) -> None:
    blobs(HERE, a=b"1").save_to(file)
    blobs(ELSEWHERE, a=b"2").save_to(file)
    assert not file.fold(b"", policy=UNSIGNED)
    file.path.write_bytes(serialized(blobs(a=b"1")) + serialized(blobs(b=b"2")))
    assert not file.fold(b"", policy=UNSIGNED)


def test_fold_does_nothing_where_it_would_lose_what_a_later_version_wrote(
    file: BundleFile,
) -> None:
    later = Segment(
        artifacts=(Artifact("a", b"1"),),
        edit=lambda manifest: manifest.MergeFromString(b"\x72\x01x"),  # field 14
    )
    data = bundle(later, Segment(artifacts=(Artifact("b", b"2"),))).data
    file.path.write_bytes(data)
    assert not file.fold(b"", policy=UNSIGNED)
    assert file.path.read_bytes() == data


def test_an_open_bundle_still_reads_after_a_fold(file: BundleFile) -> None:
    context = _saved_one_by_one(file, 3, size=5000)
    opened = file.open(policy=UNSIGNED)
    assert file.fold(b"", policy=UNSIGNED)
    held = {name: opened.read(stored) for name, stored in opened.current().items()}
    assert held == contents(context)


def test_a_fold_that_fails_leaves_the_file_as_it_was(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved_one_by_one(file, 3)
    before = file.path.read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            file.fold(b"", policy=UNSIGNED)
    assert file.path.read_bytes() == before
    assert os.listdir(file.path.parent) == [file.path.name]
    assert file.fold(b"", policy=UNSIGNED)


def test_fold_refuses_damaged_content_and_leaves_the_file_unchanged(file: BundleFile) -> None:
    _saved_one_by_one(file, 3)
    damaged = flip(file.path.read_bytes(), 60)
    file.path.write_bytes(damaged)
    with refused(ErrorCode.DIGEST_MISMATCH):
        file.fold(b"", policy=UNSIGNED)
    assert file.path.read_bytes() == damaged


def test_fold_keeps_the_files_mode(file: BundleFile) -> None:
    _saved_one_by_one(file, 2)
    file.path.chmod(0o640)
    file.fold(b"", policy=UNSIGNED)
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640


def test_fold_keeps_a_symbolic_link(file: BundleFile) -> None:
    _saved_one_by_one(file, 2)
    link = file.path.with_name("link")
    link.symlink_to(file.path)
    assert BundleFile(link).fold(b"", policy=UNSIGNED)
    assert link.is_symlink()
    assert file_segment_count(file) == 1


def test_a_save_after_a_fold_by_another_process_appends_to_the_folded_file(
    file: BundleFile,
) -> None:
    context = _saved_one_by_one(file, 3)
    BundleFile(file.path).fold(b"", policy=UNSIGNED)
    context.record_artifact(BLOB, "new", b"new")
    context.save_to(file)
    assert file_segment_count(file) == 2
    assert file_contents(file) == contents(context)


def test_fold_writes_nothing_that_readers_refuse(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two full segments can be more than one manifest may hold."""
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 2000)
    limited = BundleFile(file.path, limits=Limits(manifest_bytes=4000))
    context = _saved_one_by_one(limited, 100)
    limited.fold(b"", policy=UNSIGNED)
    limited.open(policy=UNSIGNED).verify()
    assert file_contents(file) == contents(context)


def test_fold_of_a_file_that_is_not_there_makes_none(file: BundleFile) -> None:
    with pytest.raises(FileNotFoundError):
        file.fold(b"", policy=UNSIGNED)
    assert not file.path.exists()


def test_fold_leaves_a_file_alone_where_much_stands_before(file: BundleFile) -> None:
    save(file, a=noise(1000))
    base = file.open(policy=UNSIGNED).segments[-1].payload_digest
    save(file, b=b"2")
    save(file, c=b"3")
    assert not file.fold(base, most_base=500, policy=UNSIGNED)
    assert file_segment_count(file) == 3
    assert file.fold(base, most_base=5000, policy=UNSIGNED)
    assert file_segment_count(file) == 2


def _merge_anew(file: BundleFile) -> None:
    source = file.path.rename(file.path.with_name("source"))
    merge_files(file.path, [source], policy=UNSIGNED)
    source.unlink()


REPLACING: dict[str, Callable[[BundleFile], object]] = {
    "fold": lambda file: file.fold(b"", policy=UNSIGNED),
    "sign": lambda file: file.sign(ALICE),
    "merge": lambda file: merge_files(file.path, [file.path], policy=UNSIGNED),
    "merge_to_a_new_file": _merge_anew,
}


@pytest.mark.parametrize("name", REPLACING)
def test_what_replaces_the_file_removes_what_a_killed_process_left_of_it_and_nothing_else(
    name: str, file: BundleFile
) -> None:
    _saved_one_by_one(file, 2)
    ours, others = f".{file.path.name}.{'a' * 16}", f".other.precompile.{'a' * 16}"
    young, alike = f".{file.path.name}.{'b' * 16}", f".{file.path.name}.backup"
    for left in (ours, others, young, alike):
        (file.path.parent / left).write_bytes(b"half")
        if left != young:
            os.utime(file.path.parent / left, (0, 0))
    REPLACING[name](file)
    assert set(os.listdir(file.path.parent)) == {file.path.name, others, young, alike}


def test_what_a_fold_writes_is_never_open_to_more_than_the_file_is(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    _saved_one_by_one(file, 2)
    file.path.chmod(0o600)
    modes, pwrite = set(), os.pwrite

    def watched(fd: int, data: Any, at: int) -> int:
        modes.add(stat.S_IMODE(os.fstat(fd).st_mode))
        return pwrite(fd, data, at)

    monkeypatch.setattr(os, "pwrite", watched)
    file.fold(b"", policy=UNSIGNED)
    assert modes == {0o600}


# compacting


def test_many_segments_are_compacted_and_fewer_are_left(file: BundleFile) -> None:
    _saved_one_by_one(file, MANY_SEGMENTS - 1)
    before = file.path.read_bytes()
    assert not file.compact(policy=UNSIGNED)
    assert file.path.read_bytes() == before
    save(file, last=b"one more")
    there = file_contents(file)
    assert file.compact(policy=UNSIGNED)
    assert file_segment_count(file) == 1
    assert file_contents(file) == there


def test_a_file_that_is_more_dead_than_live_is_compacted(file: BundleFile) -> None:
    context = blobs(a=noise(5000), b=noise(9000, 1))
    context.save_to(file)
    context.record_artifact(BLOB, "a", noise(5000, 2))
    context.save_to(file)
    assert not file.compact(policy=UNSIGNED)  # 5,000 of 19,000 bytes are dead
    context.record_artifact(BLOB, "a", b"small")
    context.remove(BLOB, "b")
    context.save_to(file)
    size = file.path.stat().st_size
    assert file.compact(policy=UNSIGNED)
    assert file_contents(file) == {(BLOB, "a"): b"small"}
    assert file.path.stat().st_size < size // 10


def test_compacting_leaves_what_another_environment_wrote_before(file: BundleFile) -> None:
    elsewhere = blobs(ELSEWHERE, a=noise(500))
    elsewhere.save_to(file)
    before = file.path.read_bytes()
    here = toy_context(HERE)
    for number in range(MANY_SEGMENTS):
        here.record_artifact(BLOB, f"k{number}", b"%d" % number)
        here.save_to(file)
    assert file.compact(policy=UNSIGNED)
    assert file.path.read_bytes().startswith(before)
    assert file_segment_count(file) == 2


def test_compacting_leaves_a_bundle_that_was_concatenated_before(file: BundleFile) -> None:
    first = serialized(blobs(a=noise(500)))
    file.path.write_bytes(first + serialized(blobs(b=b"2")))
    context = toy_context()
    for number in range(MANY_SEGMENTS):
        context.record_artifact(BLOB, f"k{number}", b"%d" % number)
        context.save_to(file)
    there = file_contents(file)
    assert file.compact(policy=UNSIGNED)
    assert file.path.read_bytes().startswith(first)
    assert file_segment_count(file) == 3  # that, the beginning of the second, and all behind it
    assert file_contents(file) == there


def test_a_file_of_more_bytes_than_may_be_copied_is_not_compacted(file: BundleFile) -> None:
    _saved_one_by_one(file, MANY_SEGMENTS)
    before = file.path.read_bytes()
    assert not file.compact(policy=UNSIGNED, most_bytes=len(before) - 1)
    assert file.path.read_bytes() == before


def test_a_context_goes_on_with_a_file_that_was_compacted_meanwhile(file: BundleFile) -> None:
    context = _saved_one_by_one(file, MANY_SEGMENTS)
    assert BundleFile(file.path).compact(policy=UNSIGNED)
    assert context.save_to(file).appended == ()
    context.record_artifact(BLOB, "more", b"more")
    context.save_to(file)
    assert file_contents(file) == contents(context)
    assert file_segment_count(file) == 2
