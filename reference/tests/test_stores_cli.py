"""Commands take names of stores where they take files."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, Bundle, BundleFile, Environment
from precompile_context.stores import open_store
from tests import hanging
from tests.stores import bundle, keys, put, read
from tests.test_cli import started as run


def flat(text: str) -> str:
    """What a box says, on one line."""
    return " ".join(text.replace("│", " ").split())


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A folder with two pieces."""
    name = f"file:{tmp_path}/store"
    put(open_store(name), bundle("a", "b"), bundle("c", size=3 << 20))
    return name


def test_push_then_pull_gives_the_bundle_back(tmp_path: Path) -> None:
    (tmp_path / "a.precompile").write_bytes(bundle("a", "b"))
    name = f"file:{tmp_path}/store"
    done = run("push", "--unsigned", tmp_path / "a.precompile", name)
    assert (done.status, done.err) == (0, "")
    assert "1 piece more" in done.out
    done = run("pull", name, tmp_path / "b.precompile")
    assert done.status == 0
    assert (tmp_path / "b.precompile").read_bytes() == (tmp_path / "a.precompile").read_bytes()
    assert "all of it is there" in run("push", "--unsigned", tmp_path / "b.precompile", name).out


def test_push_of_a_bundle_that_grew_moves_what_is_new(tmp_path: Path, store: str) -> None:
    (tmp_path / "a.precompile").write_bytes(bundle("c", "new", size=3 << 20) + bundle("d"))
    facts = run("push", "--unsigned", "--json", tmp_path / "a.precompile", store).json()
    assert facts["ok"]
    assert facts["sent"] == sum(piece["size"] for piece in facts["pieces"]) < 4 << 20
    assert keys(read(open_store(store))) == {"a", "b", "c", "d", "new"}


def test_push_refuses_what_is_not_trusted(tmp_path: Path) -> None:
    (tmp_path / "a.precompile").write_bytes(bundle("a"))
    done = run("push", tmp_path / "a.precompile", f"file:{tmp_path}/store")
    assert done.status == 1
    assert "UNSIGNED" in done.err


def test_pull_replaces_no_file_unless_it_is_told_to(tmp_path: Path, store: str) -> None:
    file = tmp_path / "a.precompile"
    file.write_bytes(b"mine")
    done = run("pull", store, file)
    assert done.status == 2
    assert "--replace" in done.err
    assert file.read_bytes() == b"mine"
    assert run("pull", "--replace", store, file).status == 0
    assert len(BundleFile(file).open(policy=UNSIGNED).segments) == 2


def test_inspect_verify_explain_and_diff_take_a_store(store: str, tmp_path: Path) -> None:
    facts = run("inspect", "--json", store).json()
    assert len(facts["segments"]) == 2
    done = run("verify", store)
    assert (done.status, done.err) == (0, "")
    assert "sound" in done.out
    assert run("diff", store, store).status == 0
    explained = run("explain", "--unsigned", "--json", store).json()
    assert explained["ok"]
    done = run("explain", "--unsigned", store)
    assert re.search(r"a warm start would move .* at most", done.out)


def test_explain_counts_what_a_warm_start_would_move(tmp_path: Path) -> None:
    name = f"file:{tmp_path}/store"
    put(open_store(name), bundle("c", "d", size=5 << 20))
    moves = run("explain", "--unsigned", "--json", name).json()["moves"]
    assert moves == pytest.approx(10 << 20, rel=0.02)


def test_merge_takes_stores_and_files(store: str, tmp_path: Path) -> None:
    (tmp_path / "z.precompile").write_bytes(bundle("z"))
    out = tmp_path / "merged.precompile"
    done = run("merge", "--unsigned", store, tmp_path / "z.precompile", "-o", out)
    assert (done.status, done.err) == (0, "")
    merged = Bundle.open(out.read_bytes(), policy=UNSIGNED)
    assert {key for _, key in merged.current()} == {"a", "b", "c", "z"}
    done = run("merge", "--unsigned", out, "-o", store)
    assert done.status == 2
    assert "precompile push" in done.err


@pytest.mark.parametrize("command", ["inspect", "verify", "explain"])
def test_a_wrong_name_is_wrong_usage_with_its_sentence(command: str) -> None:
    done = run(command, "s3:/bucket/x")
    assert done.status == 2
    assert "two slashes" in flat(done.err)


def test_an_empty_store_is_told(tmp_path: Path) -> None:
    done = run("inspect", f"file:{tmp_path}/none")
    assert (done.status, done.out) == (1, "")
    assert "no piece is there" in done.err


def test_a_damaged_piece_is_told_by_inspect_and_refused_by_verify(store: str) -> None:
    folder = Path(store.removeprefix("file:")) / "pieces"
    smallest = min(folder.iterdir(), key=lambda piece: piece.stat().st_size)
    smallest.write_bytes(b"damaged")
    done = run("inspect", store)
    assert done.status == 0
    assert "is left out" in done.err
    done = run("verify", store)
    assert done.status == 1
    assert "is left out" in done.err


def test_run_refuses_a_wrong_name_before_the_program_runs(tmp_path: Path) -> None:
    done = run("run", "--bundle", "s3://user:hunter2@b/x", "-c", "print('ran')")
    assert done.status == 2
    assert "ran" not in done.out
    assert "hunter2" not in done.err


def test_a_program_that_compiles_nothing_asks_no_store(tmp_path: Path) -> None:
    done = run("run", "--bundle", f"file:{tmp_path}/store", "-c", "print('ran')")
    assert (done.status, done.out, done.err) == (0, "ran\n", "")
    assert not (tmp_path / "store").exists()


def test_json_is_json_when_a_store_refuses(tmp_path: Path) -> None:
    done = run("inspect", "--json", f"file:{tmp_path}/none")
    assert done.status == 1
    assert json.loads(done.out)["ok"] is False


def test_a_store_merged_into_itself_has_one_small_piece(store: str) -> None:
    put(open_store(store), bundle("d"))
    done = run("merge", "--unsigned", "--grace", "0", store, "-o", store)
    assert (done.status, done.err) == (0, "")
    assert "3 pieces went" in done.out
    assert keys(read(open_store(store))) == {"a", "b", "c", "d"}
    assert "not two" in run("merge", "--unsigned", store, "-o", store).out
    assert run("merge", "--unsigned", store, "-o", f"{store}/other").status == 2


def test_prune_of_a_store_takes_out_what_is_to_go(store: str) -> None:
    old = bundle("e") + bundle("old", environment=Environment.of(cpu="old"))
    (piece,) = put(open_store(store), old)
    rules = "--unsigned", "--grace", "0", "--environment", "cpu=old"
    facts = run("prune", *rules, "--dry-run", "--json", store).json()
    assert (facts["dry_run"], facts["replaced"], facts["piece"]) == (True, [piece], None)
    assert [one["key"] for one in facts["removed"]] == ["old"]
    assert keys(read(open_store(store))) == {"a", "b", "c", "e", "old"}
    done = run("prune", *rules, store)
    assert (done.status, done.err) == (0, "")
    assert "1 artifact gone" in done.out
    assert "1 piece went, for " in done.out
    assert keys(read(open_store(store))) == {"a", "b", "c", "e"}
    assert "0 artifacts gone" in run("prune", *rules, store).out
    done = run("prune", "--unsigned", "--superseded", store)
    assert done.status == 2
    assert "no order in time" in flat(done.err)
    done = run("prune", "--unsigned", "--unused", "1", store)
    assert done.status == 2
    assert "the record of use" in flat(done.err)
    named = f"{store}/pieces/x".replace("file:", "https://host")
    assert "never written" in flat(run("prune", *rules, named).err)


@pytest.mark.parametrize("command", ["verify", "merge"])
def test_bytes_are_counted_on_a_terminal_and_nowhere_else(command: str, store: str) -> None:
    options = {"verify": [], "merge": ["--unsigned", "--grace", "0", "-o", store]}[command]
    arguments = [command, store, *options]
    ours, theirs = pty.openpty()
    main = "from _precompile_command import main; main()"
    done = subprocess.Popen(
        [sys.executable, "-c", main, *arguments],
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while data := os.read(ours, 1 << 16):
            seen += data
    os.close(ours)
    assert done.wait(timeout=hanging.SECONDS) == 0
    label = b"verifying" if command == "verify" else b"merging"
    assert label in seen
    assert re.search(rb"[1-9]\.[0-9]/(3\.1|\?) MB", seen)
    assert run(*arguments).err == ""
