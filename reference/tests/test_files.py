"""The file system: mapped, saved to, replaced."""

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from precompile_context import (
    BundleFile,
    Directory,
    ErrorCode,
    Limits,
    MemoryPrecompileCache,
)
from precompile_context.files import replace
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    GRAPH,
    HERE,
    STEP,
    blobs,
    bundle_contents,
    contents,
    file_contents,
    file_segment_count,
    loaded,
    new_artifact,
    noise,
    refused,
    save,
    serialized,
    toy_context,
    write_segment,
)

# open


def test_what_a_program_opens_where_it_closed_our_file_stays_open(tmp_path: Path) -> None:
    (tmp_path / "b").touch()
    source = BundleFile(tmp_path / "b").source()
    (number,) = (
        int(name)
        for name in os.listdir("/proc/self/fd")
        if os.path.realpath(f"/proc/self/fd/{name}") == str(tmp_path / "b")
    )
    os.close(number)
    (tmp_path / "theirs").touch()
    theirs = os.open(tmp_path / "theirs", os.O_RDONLY)
    os.dup2(theirs, number)
    del source
    os.fstat(number)
    os.close(number)
    os.close(theirs)


@pytest.mark.parametrize(("mapped", "memory"), [(True, "mmap"), (False, "bytes")])
def test_open_reads_or_maps_the_file_as_it_is_now(
    mapped: bool, memory: str, file: BundleFile
) -> None:
    content = noise(1 << 20)
    save(file, a=content)
    opened = file.open(mapped=mapped, policy=UNSIGNED)
    save(file, b=b"2")
    view = opened.view(opened.current()[BLOB, "a"])
    assert bytes(view) == content
    assert type(view.obj).__name__ == memory
    assert list(opened.current()) == [(BLOB, "a")]
    assert list(file.open(policy=UNSIGNED).current()) == [(BLOB, "a"), (BLOB, "b")]


def test_open_raises_where_there_is_no_file(file: BundleFile) -> None:
    with pytest.raises(FileNotFoundError):
        file.open(policy=UNSIGNED)
    assert not file.path.exists()


@pytest.mark.parametrize("data", [b"", b"no bundle" * 9])
def test_open_refuses_what_is_no_bundle(file: BundleFile, data: bytes) -> None:
    file.path.write_bytes(data)
    with refused(ErrorCode.NOT_A_BUNDLE):
        file.open(policy=UNSIGNED)


def test_open_leaves_out_a_torn_tail_unless_told_to_be_strict(file: BundleFile) -> None:
    save(file, a=b"1")
    with file.path.open("ab") as stream:
        stream.write(b"torn")
    assert file.open(policy=UNSIGNED).ignored == 4
    with refused(ErrorCode.TRUNCATED):
        file.open(recover=False, policy=UNSIGNED)


def test_open_keeps_to_the_limits(file: BundleFile) -> None:
    file.path.write_bytes(write_segment() * 3)
    with refused(ErrorCode.LIMIT_EXCEEDED):
        BundleFile(file.path, limits=Limits(segments=2)).open(policy=UNSIGNED)


# save_to


def test_save_makes_the_file(file: BundleFile) -> None:
    report = blobs(a=b"1", b=b"2").save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}
    assert dict(report.info.artifacts) == {BLOB: ("a", "b")}
    assert [id_.key for id_ in report.appended] == ["a", "b"]
    assert report.size == file.path.stat().st_size


def test_save_appends_in_one_segment_what_the_file_does_not_hold(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    before = file.path.read_bytes()
    context.record_artifact(BLOB, "b", b"2")
    report = context.save_to(file)
    after = file.path.read_bytes()
    assert after.startswith(before)
    assert [id_.key for id_ in report.appended] == ["b"]
    assert report.info.keys_of(BLOB) == ("a", "b")
    assert file_segment_count(file) == 2
    assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "b"): b"2"}


def test_save_of_what_the_file_holds_changes_nothing(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    before = file.path.read_bytes()
    for saved in (context, blobs(a=b"1"), loaded(before)):
        report = saved.save_to(file)
        assert (report.appended, report.size) == ((), len(before))
        assert not saved.need_serialize()
    assert file.path.read_bytes() == before


def test_record_of_what_the_file_holds_leaves_nothing_to_save(file: BundleFile) -> None:
    context = blobs(a=b"1")
    context.save_to(file)
    context.record_artifact(BLOB, "a", b"1")
    assert not context.need_serialize()


def test_save_keeps_what_others_appended_meanwhile(file: BundleFile) -> None:
    one, two = blobs(a=b"1", both=b"of one"), blobs(b=b"2", both=b"of two")
    one.save_to(file)
    two.save_to(file)
    assert file_contents(file) == {(BLOB, "a"): b"1", (BLOB, "both"): b"of two", (BLOB, "b"): b"2"}


def test_save_stores_content_once_that_the_file_holds(file: BundleFile) -> None:
    content = noise(5000)
    save(file, a=content)
    save(file, b=content)
    assert file.path.stat().st_size < 6000


def test_save_writes_a_removal_where_the_file_holds_the_artifact(file: BundleFile) -> None:
    context = blobs(a=b"1", b=b"2")
    context.save_to(file)
    context.remove(BLOB, "a")
    context.save_to(file)
    assert file_contents(file) == {(BLOB, "b"): b"2"}
    before = file.path.read_bytes()
    context.save_to(file)
    assert file.path.read_bytes() == before


def test_save_writes_no_removal_of_what_the_file_does_not_hold(file: BundleFile) -> None:
    context = loaded(serialized(blobs(a=b"1", b=b"2")))
    context.remove(BLOB, "a")
    context.save_to(file)
    assert not file.open(policy=UNSIGNED).segments[0].manifest.removed
    assert file_contents(file) == {(BLOB, "b"): b"2"}


@pytest.mark.parametrize("keep_existing", [False, True])
@pytest.mark.parametrize("content", [b"1", b"other"])
def test_what_was_removed_and_recorded_again_is_in_the_file(
    file: BundleFile, content: bytes, keep_existing: bool
) -> None:
    context = blobs(a=b"1", b=b"2")
    context.save_to(file)
    context.remove(BLOB, "a")
    context.record_artifact(BLOB, "a", content)
    context.save_to(file, keep_existing=keep_existing)
    assert file_contents(file) == contents(context) == {(BLOB, "b"): b"2", (BLOB, "a"): content}
    assert not context.need_serialize()


def test_save_goes_beside_what_was_made_for_other_hosts(file: BundleFile) -> None:
    blobs(ELSEWHERE, a=b"theirs").save_to(file)
    ours = blobs(HERE, a=b"ours")
    ours.save_to(file)
    ours.save_to(file)
    assert file_segment_count(file) == 2
    assert bundle_contents(file.path.read_bytes(), ELSEWHERE) == {(BLOB, "a"): b"theirs"}
    assert bundle_contents(file.path.read_bytes(), HERE) == {(BLOB, "a"): b"ours"}


def test_save_for_another_host_appends_once(file: BundleFile) -> None:
    context = toy_context(HERE, requirements=ELSEWHERE.requirements())
    context.record_artifact(BLOB, "a", b"1")
    context.save_to(file)
    context.save_to(file)
    assert file_segment_count(file) == 1
    assert bundle_contents(file.path.read_bytes(), ELSEWHERE) == {(BLOB, "a"): b"1"}


def test_save_to_a_file_and_serialize_do_not_disturb_each_other(file: BundleFile) -> None:
    context = blobs(a=b"1")
    first = serialized(context)
    context.save_to(file)
    assert serialized(context) == first == file.path.read_bytes()
    context.record_artifact(BLOB, "b", b"2")
    context.save_to(file)
    assert bundle_contents(serialized(context)) == file_contents(file)


def test_save_binds_entries_to_their_backends(file: BundleFile) -> None:
    context = toy_context()
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.record_artifact(GRAPH, "g", b"graph")
    context.save_to(file)
    context.edit_artifact("g", bytes.upper)
    context.save_to(file)
    assert file_segment_count(file) == 2
    assert loaded(file.path.read_bytes()).populate(MemoryPrecompileCache()).outcomes == ()


def test_save_keeping_existing_lets_the_first_content_win(file: BundleFile) -> None:
    save(file, a=b"first", b=b"1")
    context = blobs(a=b"second", b=b"1", c=b"2")
    report = context.save_to(file, keep_existing=True)
    assert [id_.key for id_ in report.appended] == ["c"]
    assert file_contents(file) == {(BLOB, "a"): b"first", (BLOB, "b"): b"1", (BLOB, "c"): b"2"}
    assert contents(context)[BLOB, "a"] == b"second"
    assert not context.need_serialize()


def test_save_keeping_existing_keeps_nothing_of_other_hosts(file: BundleFile) -> None:
    blobs(ELSEWHERE, a=b"theirs").save_to(file)
    report = blobs(HERE, a=b"ours").save_to(file, keep_existing=True)
    assert [id_.key for id_ in report.appended] == ["a"]


def test_save_keeping_existing_leaves_every_entry_of_the_file_with_its_backends(
    file: BundleFile,
) -> None:
    for rank in range(2):
        context = toy_context()
        context.record_artifact(GRAPH, "g", b"of rank %d" % rank)
        context.record_artifact(STEP, f"s{rank}", b"step", backends=[(GRAPH, "g")])
        context.save_to(file, keep_existing=True)
    cache = MemoryPrecompileCache()
    assert loaded(file.path.read_bytes()).populate(cache).outcomes == ()
    # Either content serves: the second rank's entry names the one that is there.
    stitched = [cache.read(STEP, f"s{rank}") for rank in range(2)]
    assert [one and one.values for one in stitched] == [("of rank 0",)] * 2


def test_save_keeping_existing_leaves_out_an_entry_whose_backend_is_none_there(
    file: BundleFile,
) -> None:
    file.path.write_bytes(write_segment(new_artifact("g", b"of a cache", type=GRAPH)))
    context = toy_context()
    context.record_artifact(GRAPH, "g", b"graph")
    context.record_artifact(STEP, "s", b"step", backends=[(GRAPH, "g")])
    context.record_artifact(STEP, "t", b"step", backends=[(GRAPH, "h")])
    report = context.save_to(file, keep_existing=True)
    assert [id_.key for id_ in report.appended] == ["t"]


def test_save_of_nothing_makes_no_file(file: BundleFile) -> None:
    report = toy_context().save_to(file)
    assert (report.appended, report.size) == ((), 0)
    assert not file.path.exists() or file.path.stat().st_size


# Directory


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    Directory(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700


def test_a_directory_reads_what_was_put_there(tmp_path: Path) -> None:
    directory = Directory(tmp_path)
    assert directory.read("name") is None
    directory.replace("name", [b"one"])
    assert directory.read("name") == b"one"
    directory.replace("name", [b"two ", memoryview(b"chunks")])
    assert directory.read("name") == b"two chunks"


def test_a_replace_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise KeyboardInterrupt

    directory = Directory(tmp_path)
    directory.replace("name", [b"old"])
    with pytest.raises(KeyboardInterrupt):
        directory.replace("name", chunks())
    assert directory.read("name") == b"old"
    assert os.listdir(tmp_path) == ["name"]


def test_a_file_that_is_overwritten_in_place_is_an_error_and_no_fault(file: BundleFile) -> None:
    save(file, a=noise(1 << 20))
    opened = file.open(policy=UNSIGNED)
    file.path.write_bytes(b"")  # as cp does; a writer of bundles never does
    with pytest.raises(OSError, match="shorter"):
        opened.verify()


def test_a_file_that_has_fewer_bytes_than_it_says_is_an_error_and_not_read_for_ever(
    file: BundleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of /sys do."""
    save(file, a=b"1")
    read, calls = os.pread, []

    def pread(fd: int, size: int, offset: int) -> bytes:
        calls.append(offset)
        assert len(calls) < 100
        return read(fd, size, offset)[: max(0, 10 - offset)]

    monkeypatch.setattr(os, "pread", pread)
    with pytest.raises(OSError, match="fewer bytes than it says"):
        file.open(policy=UNSIGNED)


def test_an_error_of_a_replace_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        replace(tmp_path / "none" / "file", [b"x"])
    assert missing.value.filename == str(tmp_path / "none" / "file")


def test_a_full_disk_is_told_with_the_file_s_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pwrite(fd: int, data: bytes, offset: int) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "pwrite", pwrite)
    with pytest.raises(OSError, match="No space left") as full:
        replace(tmp_path / "file", [b"x"])
    assert (full.value.errno, full.value.filename) == (errno.ENOSPC, str(tmp_path / "file"))
    assert not list(tmp_path.iterdir())


def test_an_open_bundle_reads_until_the_process_has_ended(file: BundleFile) -> None:
    save(file, a=b"content")
    script = """
import atexit, sys
from precompile_context import UNSIGNED, BundleFile

atexit.register(lambda: print([bundle.read(stored) for stored in bundle.current().values()]))
bundle = BundleFile(sys.argv[1]).open(policy=UNSIGNED)
"""
    command = [sys.executable, "-c", script, str(file.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[b'content']\n", "")
