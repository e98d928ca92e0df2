"""Appending to files that are torn, damaged or foreign: nothing committed is ever cut off."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_conformance.wire import HEADER, block_record, footer, varint
from precompile_context import Bundle, BundleFile, PrecompileContext
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import UNSIGNED
from tests import hanging
from tests.refusal import MORE, PLAIN, two_segments
from tests.samples import context, values

NEW = ("test.blob", "new")
FIRST = bundle(PLAIN).data


def _append(path: Path) -> None:
    subject = context()
    subject.record_artifact(*NEW, b"appended")
    subject.save_to(BundleFile(path))


def _loaded(path: Path) -> PrecompileContext:
    subject = context()
    assert subject.load(path.read_bytes()).ignored == 0
    return subject


def _refuses(path: Path, data: bytes) -> tuple[ErrorCode, int | None]:
    """Code and offset for which an append is refused; the file is as it was then."""
    path.write_bytes(data)
    with pytest.raises(PrecompileError) as caught:
        _append(path)
    assert path.read_bytes() == data
    return caught.value.code, caught.value.offset


def _accepts(path: Path, data: bytes, kept: bytes) -> None:
    """The append succeeds behind `kept`, which is all that stays of `data`."""
    path.write_bytes(data)
    _append(path)
    after = path.read_bytes()
    assert after.startswith(kept)
    Bundle.open(after, policy=UNSIGNED).verify()
    names = list(Bundle.open(kept, policy=UNSIGNED).current()) if kept else []
    assert list(values(_loaded(path))) == [*names, NEW]


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("os.fsync", lambda fd: None)  # many appends, and no power cut
    return tmp_path / "bundle.precompile"


def test_append_takes_an_empty_file_for_a_new_one(path: Path) -> None:
    _accepts(path, b"", b"")


def test_append_takes_zeros_in_the_place_of_a_header_for_a_new_file(path: Path) -> None:
    """A power cut can leave a new file's length without its first bytes; no more is synced then."""
    for length in range(1, len(HEADER) + 1):
        _accepts(path, bytes(length), b"")
    assert _refuses(path, bytes(len(HEADER) + 1)) == (ErrorCode.NOT_A_BUNDLE, 0)


def test_append_keeps_every_byte_of_a_whole_bundle(path: Path) -> None:
    data = two_segments().data
    _accepts(path, data, data)


@pytest.mark.slow
def test_append_cuts_a_torn_tail_at_every_length(path: Path) -> None:
    data = two_segments().data
    for length in range(1, len(data)):
        _accepts(path, data[:length], FIRST if length >= len(FIRST) else b"")


@pytest.mark.parametrize(
    "data",
    [b"\0" * 100, b"not a bundle, but somebody's only copy of it", FIRST[1:], b"\x0a\x15\x0a\x12"],
    ids=["zeros", "text", "start lost", "another magic"],
)
def test_append_refuses_a_file_that_is_no_bundle(path: Path, data: bytes) -> None:
    assert _refuses(path, data) == (ErrorCode.NOT_A_BUNDLE, 0)


def test_append_refuses_another_major(path: Path) -> None:
    data = HEADER[:-1] + b"\x02" + FIRST[23:]
    assert _refuses(path, data) == (ErrorCode.UNSUPPORTED_VERSION, 0)


@pytest.mark.parametrize("major", [b"\x00", b"\x02", varint(300), varint(2**64 - 1)])
@pytest.mark.parametrize("first", [b"", FIRST], ids=["alone", "behind a segment"])
def test_append_refuses_a_segment_of_another_major(path: Path, first: bytes, major: bytes) -> None:
    """Whole, torn, or with more behind it: a later version wrote it, and it is not ours to cut."""
    header = HEADER[:1] + bytes([0x14 + len(major)]) + HEADER[2:22] + major
    theirs = bundle(replace(MORE, header=header)).data
    for data in (theirs, theirs[:-1], header, theirs + b"torn", theirs + FIRST):
        assert _refuses(path, first + data) == (ErrorCode.UNSUPPORTED_VERSION, len(first))


@pytest.mark.parametrize("major", [b"\x00", b"\x02", varint(300), b"\x80\x80"])
def test_append_refuses_a_committed_segment_of_another_major_behind_damage(
    path: Path, major: bytes
) -> None:
    """No header stands at E; somewhere behind it, a footer points back to one of any major."""
    header = HEADER[:1] + bytes([0x14 + len(major)]) + HEADER[2:22] + major
    theirs = bundle(replace(MORE, header=header)).data
    for damage in (b"x", HEADER[:20], HEADER + b"\x12", bytes(600)):
        for torn in (b"", b"torn"):
            code, offset = _refuses(path, FIRST + damage + theirs + torn)
            if torn:
                assert (code, offset) == (ErrorCode.MALFORMED_FRAME, len(FIRST))


@pytest.mark.parametrize("wrong", [{"payload_type": "later"}, {"payload_type": ""}])
def test_append_refuses_a_later_encoding_of_manifests(path: Path, wrong: dict[str, str]) -> None:
    built = bundle(PLAIN, replace(MORE, **wrong))  # type: ignore[arg-type]  # names of fields
    at = built.segments[1].manifest_offset
    for tail in (b"", b"torn", HEADER, bytes(600)):
        assert _refuses(path, built.data + tail) == (ErrorCode.UNSUPPORTED_FEATURE, at)


def test_append_refuses_what_a_later_stage_refuses(path: Path) -> None:
    built = bundle(PLAIN, Segment(edit=lambda m: m.required_features.append("later")))
    for tail in (b"", b"torn"):
        assert _refuses(path, built.data + tail) == (
            ErrorCode.UNSUPPORTED_FEATURE,
            built.segments[1].manifest_offset,
        )


@pytest.mark.slow
def test_append_never_cuts_a_committed_segment_behind_a_flipped_bit(path: Path) -> None:
    """Any bit of the first segment flipped, the second whole behind it, a torn tail or none."""
    built = two_segments()
    second = built.data[built.segments[1].offset :]
    for at in range(0, built.segments[1].offset * 8, 5):
        for tail in (b"", HEADER + b"torn"):
            data = bytearray(built.data + tail)
            data[at >> 3] ^= 1 << (at & 7)
            path.write_bytes(data)
            try:
                _append(path)
            except PrecompileError:
                assert path.read_bytes() == data
            else:
                assert second in path.read_bytes()


@pytest.mark.parametrize(
    ("manifest_offset", "size"),
    [(0, 0), (23, 44), (23, 2**63), (2**64 - 1, 2**64 - 1), (23, len(FIRST) + 100)],
)
def test_append_refuses_a_torn_tail_that_is_footer_shaped(
    path: Path, manifest_offset: int, size: int
) -> None:
    torn = FIRST + HEADER + block_record(bytes(2000) + footer(manifest_offset, size))
    code, _ = _refuses(path, torn)
    assert code is ErrorCode.MALFORMED_FRAME


def test_append_refuses_a_whole_bundle_within_a_torn_tail(path: Path) -> None:
    """It may be content of the torn block, or a segment behind a damaged one: not ours to cut."""
    inside = bundle(MORE).data
    code, offset = _refuses(path, FIRST + HEADER + block_record(b"before" + inside + b"behind"))
    assert (code, offset) == (ErrorCode.MALFORMED_FRAME, len(FIRST))


def test_save_leaves_out_what_was_loaded_and_cannot_be_read(path: Path) -> None:
    """One damaged artifact costs the others nothing."""
    source = bytearray(bundle(Segment(artifacts=[Artifact("a", b"damaged"), *MORE.artifacts])).data)
    source[source.index(b"damaged")] ^= 1
    path.write_bytes(FIRST)
    subject = context()
    subject.load(bytes(source))
    saved = subject.save_to(BundleFile(path))
    assert "a" not in [id_.key for id_ in saved.appended]
    opened = Bundle.open(path.read_bytes(), policy=UNSIGNED)
    opened.verify()
    assert opened.current().keys() >= {("test.blob", "three")}


_SHRINKS = """
import mmap, os, sys, types
from precompile_context.files import bundle_file
from precompile_context.trust import UNSIGNED

path, kept = sys.argv[1], int(sys.argv[2])

def mapped(*arguments, **options):
    result = mmap.mmap(*arguments, **options)
    os.truncate(path, kept)  # another process cuts the torn tail to append behind it
    return result

bundle_file.mmap = types.SimpleNamespace(mmap=mapped, ACCESS_READ=mmap.ACCESS_READ)
opened = bundle_file.BundleFile(path).open(policy=UNSIGNED, mapped=True)
opened.verify()
print(len(opened.segments), os.stat(path).st_size == kept)
"""


@pytest.mark.slow
def test_open_survives_an_append_that_cuts_the_torn_tail_meanwhile(path: Path) -> None:
    path.write_bytes(FIRST + HEADER + bytes(64 << 10))
    command = [sys.executable, "-c", _SHRINKS, str(path), str(len(FIRST))]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=hanging.SECONDS
    )
    assert (done.returncode, done.stdout.strip()) == (0, "1 True"), done.stderr
