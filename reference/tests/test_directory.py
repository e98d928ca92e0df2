"""A tool's cache directory: restored before the program, recorded behind it, never left."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from precompile_context.adapters.directory import adapter as adapter_module
from precompile_context.adapters.directory import below
from precompile_context.adapters.directory.adapter import DirectoryAdapter, adapter_of
from precompile_context.adapters.directory.named import parsed
from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import StoredArtifact
from precompile_context.errors import MisuseError
from precompile_context.testing import MemoryPart
from tests import hanging

# Lists what is there when it starts, then writes and removes files.
TOOL = """
import pathlib, sys
cache = pathlib.Path("cache")
print(*sorted(str(path.relative_to(cache)) for path in cache.rglob("*") if path.is_file()))
for name in sys.argv[1:]:
    path = cache / name.removeprefix("-")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if name[0] == "-" else path.write_text(f"content of {name}")
"""
DIGEST = bytes(32)


class Part(MemoryPart):
    """Files of a bundle, as a session hands them on."""

    def __init__(self, files: Mapping[str, bytes], type_: str) -> None:
        super().__init__()
        for key, content in files.items():
            fields = {"mode": 0o4777, "mtime_ns": 10**18, "removed": False}
            self.contents[type_, key] = (content, fields)

    def stored(self, type: str) -> list[StoredArtifact]:
        return [
            StoredArtifact(
                type=type,
                key=key,
                kind=ArtifactKind.CACHE,
                content_size=len(content),
                content_digest=DIGEST,
                block=0,
                offset=0,
                fields=tuple(fields.items()),
            )
            for (_, key), (content, fields) in self.contents.items()
        ]


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DirectoryAdapter:
    """An adapter of a directory that is not there yet."""
    named = {"triton": str(tmp_path / "root"), "other": str(tmp_path / "root")}
    monkeypatch.setenv("PRECOMPILE_DIRECTORIES", json.dumps(named))
    monkeypatch.setattr(adapter_module, "INTERVAL_SECONDS", 1e6)
    return adapter_of("other")()


def run(folder: Path, *arguments: str) -> tuple[str, str, Any]:
    command = ["run", "-v", "--bundle", "bundle", "--report", "report.json"]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "precompile_context", *command),
            *("--directory", "tool=cache", "tool.py", *arguments),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=hanging.SECONDS,
    )
    report = json.loads((folder / "report.json").read_text())
    return done.stdout.strip(), done.stderr, report["compilers"].get("directory_tool")


@pytest.mark.slow
def test_files_are_there_before_the_program_and_what_it_does_to_them_is_kept(
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "tool.py").write_text(TOOL)
    out, said, report = run(here, "sub/a.bin", "b.bin", "c.lock")
    assert (out, report["recorded"]) == ("", 2)
    shutil.copy(here / "bundle", there)
    explain = [sys.executable, "-m", "precompile_context", "explain", "bundle"]
    explained = subprocess.run(explain, cwd=there, capture_output=True, text=True, check=True)
    assert "1 of 1 segments fit this host" in explained.stdout
    out, said, report = run(there, "-b.bin", "d.bin")
    assert out == "b.bin sub/a.bin"
    assert (report["restored"], report["removed"]) == (2, 1)
    assert (there / "cache/sub/a.bin").read_text() == "content of sub/a.bin"
    shutil.rmtree(there / "cache")
    out, said, report = run(there)
    assert out == "d.bin sub/a.bin"
    assert "2 files of tool from the bundle; 0 artifacts saved" in said
    # What others may write to is neither filled nor recorded.
    shutil.rmtree(there / "cache")
    (there / "cache").mkdir()
    (there / "cache").chmod(0o777)
    out, said, report = run(there)
    assert out == ""
    assert "everyone may write to the directory" in said


@pytest.mark.parametrize(
    "key",
    ["../out", "/out", "a/../../out", "a//b", "./a", "a\\b", "x" * 256, "a/b.lock", ".hidden"],
)
def test_a_name_that_leads_elsewhere_or_is_a_locks_is_refused(
    own: DirectoryAdapter, tmp_path: Path, key: str
) -> None:
    part = Part({key: b"hostile", "good": b"good"}, "directory.other")
    own.start(part)
    own.stop()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["good"]
    assert len(part.told) == 1


def test_a_link_in_the_directory_is_not_followed(own: DirectoryAdapter, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir(mode=0o700)
    (tmp_path / "outside").mkdir()
    (tmp_path / "root/folder").symlink_to(tmp_path / "outside")
    (tmp_path / "outside/secret").write_text("secret")
    (tmp_path / "root/link").symlink_to(tmp_path / "outside/secret")
    part = Part({"folder/file": b"hostile", "link": b"hostile"}, "directory.other")
    own.start(part)
    own.stop()
    assert (tmp_path / "outside/secret").read_text() == "secret"
    assert os.listdir(tmp_path / "outside") == ["secret"]
    # And nothing was recorded through them.
    assert {key for _, key in part.contents} == {"folder/file", "link"}
    with pytest.raises(OSError, match="link"):
        below.read(tmp_path / "root", "link", 10)


def test_a_file_that_is_there_stays_and_bits_that_give_rights_are_not_restored(
    own: DirectoryAdapter, tmp_path: Path
) -> None:
    root = tmp_path / "root"
    root.mkdir(mode=0o700)
    (root / "theirs").write_text("newer")
    part = Part({"theirs": b"older", "ours": b"ours"}, "directory.other")
    own.start(part)
    assert (root / "theirs").read_text() == "newer"
    assert (root / "ours").stat().st_mode & 0o7777 & ~0o755 == 0
    assert (root / "ours").stat().st_mtime_ns == 10**18
    own.stop()
    assert part.contents["directory.other", "theirs"][0] == b"newer"
    assert own.report()["recorded"] == 1


@pytest.mark.parametrize("bound", ["MOST_FILES", "MOST_BYTES"])
def test_more_than_a_cache_may_hold_is_left_out_and_said(
    own: DirectoryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: str
) -> None:
    monkeypatch.setattr(adapter_module, bound, 2)
    part = Part({}, "directory.other")
    own.start(part)
    for name in "abc":
        (tmp_path / "root" / name).write_text(name)
    own.stop()
    assert len(part.contents) == 2
    assert "not all is recorded" in part.told[0]
    # Nor is more restored, whatever a bundle holds.
    for path in (tmp_path / "root").iterdir():
        path.unlink()
    hostile = Part(dict.fromkeys("abc", b"1"), "directory.other")
    own.start(hostile)
    assert len(list((tmp_path / "root").iterdir())) == 2
    own.stop()
    assert "not all was restored" in hostile.told[0]


def test_what_a_killed_program_wrote_is_there_from_the_last_look(
    own: DirectoryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = own._ended  # the end, which never comes
    monkeypatch.setattr(adapter_module, "INTERVAL_SECONDS", 0.01)
    part = Part({}, "directory.other")
    own.start(part)
    (tmp_path / "root/file").write_text("content")
    while not part.saves or ("directory.other", "file") not in part.contents:
        looked.wait(0.01)
    own.stop()
    assert part.contents["directory.other", "file"][0] == b"content"


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_taken_for_removed(
    own: DirectoryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = Part({"folder/file": b"1", "folder2/file": b"2", "file": b"3"}, "directory.other")
    own.start(part)
    for name in ("folder2/file", "file"):
        (tmp_path / "root" / name).unlink()
    look = os.scandir

    def refusing(path: Path) -> Any:
        if path.name == "folder":
            raise PermissionError(13, "not to be read", str(path))
        return look(path)

    monkeypatch.setattr(os, "scandir", refusing)
    own.stop()
    removed = {key for (_, key), (_, fields) in part.contents.items() if fields["removed"]}
    assert removed == {"folder2/file", "file"}


def test_what_others_may_write_below_is_neither_recorded_nor_taken_for_removed(
    own: DirectoryAdapter, tmp_path: Path
) -> None:
    """A tool that makes its folders for everybody, or a user who does."""
    part = Part({"open/file": b"1", "file": b"2"}, "directory.other")
    own.start(part)
    root = tmp_path / "root"
    (root / "open").chmod(0o777)
    (root / "open/file").unlink()
    for name in ("open/theirs", "theirs", "ours"):
        (root / name).write_bytes(b"new")
    (root / "theirs").chmod(0o666)
    (root / "ours").chmod(0o664)  # who is in a group is an administrator's word
    own.stop()
    kept = {key for (_, key), (_, fields) in part.contents.items() if not fields["removed"]}
    assert kept == {"open/file", "file", "ours"}
    (line,) = part.told
    assert line.startswith(f"not all is recorded: {root}/open: ")


def test_a_look_leaves_alone_what_is_still_written(own: DirectoryAdapter, tmp_path: Path) -> None:
    part = Part({}, "directory.other")
    own.start(part)
    with (tmp_path / "root/file").open("wb", buffering=0) as file:
        for half in (b"half of it, ", b"and the rest"):
            file.write(half)
            own._record(settled=True)
            assert not part.contents
    own._record(settled=True)
    assert part.contents["directory.other", "file"][0] == b"half of it, and the rest"
    own.stop()


@pytest.mark.parametrize(
    "fields", [{"mtime_ns": float("inf")}, {"mode": [1]}], ids=["time", "mode"]
)
def test_a_field_that_no_file_has_keeps_no_other_from_being_restored(
    own: DirectoryAdapter, tmp_path: Path, fields: dict[str, Any]
) -> None:
    part = Part({"a": b"hostile", "good": b"good"}, "directory.other")
    part.contents["directory.other", "a"][1].update(fields)
    own.start(part)
    own.stop()
    assert (tmp_path / "root/good").read_bytes() == b"good"
    assert own.report()["skipped"] == 1


@pytest.mark.parametrize("text", ["", "[" * 100_000 + "]" * 100_000], ids=["empty", "deep"])
def test_a_group_of_tritons_that_is_none_keeps_no_other_from_being_recorded(
    own: DirectoryAdapter, tmp_path: Path, text: str
) -> None:
    adapter, part = adapter_of("triton")(), Part({}, "directory.triton")
    adapter.start(part)
    (tmp_path / "root/__grp__a.json").write_text(text)
    (tmp_path / "root/__grp__b.json").write_text("{}")
    adapter.stop()
    assert {key for _, key in part.contents} == {"__grp__b.json"}
    assert adapter.report()["skipped"] == 1


def test_paths_in_tritons_groups_are_those_of_where_they_are(
    own: DirectoryAdapter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "root"
    first, part = adapter_of("triton")(), Part({}, "directory.triton")
    first.start(part)
    (root / "key").mkdir()
    (root / "key/k.json").write_text("{}")
    group = {"child_paths": {"k.json": str(root / "key/k.json")}}
    (root / "key/__grp__k.json").write_text(json.dumps(group))
    first.stop()
    assert str(root).encode() not in part.contents["directory.triton", "key/__grp__k.json"][0]
    elsewhere = tmp_path / "elsewhere"
    monkeypatch.setenv("PRECOMPILE_DIRECTORIES", json.dumps({"triton": str(elsewhere)}))
    second = adapter_of("triton")()
    second.start(part)
    second.stop()
    restored = json.loads((elsewhere / "key/__grp__k.json").read_text())
    assert restored == {"child_paths": {"k.json": str(elsewhere / "key/k.json")}}
    assert second.report()["recorded"] == 0


@pytest.mark.parametrize("option", ["unknown", "Name=path", "a b=c", "=path", ""])
def test_an_option_that_names_no_directory_is_misuse(option: str) -> None:
    with pytest.raises(MisuseError):
        parsed([option])


@pytest.mark.parametrize("held", ["home", "here", "prefix", "etc"])
def test_a_directory_that_holds_more_than_a_cache_is_misuse(
    held: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "work" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "work" / "here")
    path = {"home": tmp_path / "home", "here": "..", "prefix": sys.prefix, "etc": "/etc"}[held]
    with pytest.raises(MisuseError, match="a directory of the tool's alone"):
        parsed([f"tool={path}"])
    assert parsed(["tool=cache"]) == {"tool": str(tmp_path / "work" / "here" / "cache")}


def test_a_known_tool_needs_no_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    assert parsed(["triton"]) == {"triton": str(tmp_path)}
    with pytest.raises(MisuseError):
        parsed(["triton", "triton=elsewhere"])
