"""The record of use: what is remembered, for how long, and what `stats` and `prune` make of it."""

import contextlib
import json
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from precompile_context import BundleFile
from precompile_context.files import use_record
from precompile_context.files.suspects import Suspect, add_suspects, suspects
from precompile_context.files.use_record import UsedBundle, add_use, last_uses, record_file, uses
from precompile_context.session.appending import Appending
from precompile_context.session.part_report import PartReport
from precompile_context.session.telling import Telling
from precompile_context.session.trusting import Trusting
from precompile_context.session.use import remember
from precompile_context.trust import UNSIGNED, SigningKey
from tests.test_cli import run
from tests.toys import BLOB, blobs, file_contents, noise, toy_context

DAY = 86_400.0


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = record_file()
    assert file is not None
    return file


def _use(bundle: str, at: float = 0.0, program: str = "train.py") -> UsedBundle:
    return UsedBundle(program, bundle, 3, 1, 0, 1000, {"another host": 1}, at, 1.5)


def test_what_processes_did_is_summed_by_program_and_bundle(record: Path) -> None:
    for program, bundle in (("train.py", "/b"), ("train.py", "/b"), ('a "b"', "/c\n")):
        add_use(record, _use(bundle, program=program), [(BLOB, "k")])
    told = run("stats", "--json").json()
    assert [(u["program"], u["bundle"], u["runs"], u["hits"]) for u in told["uses"]] == [
        ("train.py", "/b", 2, 6),
        ('a "b"', "/c\n", 1, 3),
    ]
    assert told["uses"][0]["reasons"] == {"another host": 2}
    assert told["uses"][0]["seconds"] == 3.0
    assert "train.py" in run("stats").out
    assert "2.00 kB given, 3.0 s of compiling not spent" in run("stats").out
    lines = run("stats", "--prometheus").out.splitlines()
    total = "precompile_compile_not_spent_seconds_total"
    assert f'{total}{{program="train.py",bundle="/b"}} 3.0' in lines
    assert 'precompile_hits_total{program="train.py",bundle="/b"} 6' in lines
    assert r'precompile_misses_total{program="a \"b\"",bundle="/c\n"} 1' in lines
    assert [u["bundle"] for u in run("stats", "--json", "/b").json()["uses"]] == ["/b"]


def test_a_record_without_seconds_gets_them(record: Path) -> None:
    record.parent.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(record)) as old, old:
        old.execute(
            "CREATE TABLE runs (at REAL, program TEXT, bundle TEXT, hits INTEGER, misses INTEGER, "
            "refused INTEGER, bytes INTEGER, reasons TEXT)"
        )
        old.execute("INSERT INTO runs VALUES (1.0, 'old', '/b', 1, 0, 0, 5, '{}')")
    assert [(use.program, use.seconds) for use in uses(record)] == [("old", 0.0)]
    add_use(record, _use("/b", 2.0), [])
    assert [(use.program, use.seconds) for use in uses(record)] == [("old", 0.0), ("train.py", 1.5)]


def test_the_record_is_bounded_and_what_is_oldest_goes(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(use_record, "_MOST_RUNS", 3)
    monkeypatch.setattr(use_record, "_MOST_USES", 4)
    for number in range(10):
        add_use(record, _use("/b", float(number)), [(BLOB, f"{number}.{i}") for i in range(2)])
    assert [use.at for use in uses(record)] == [7.0, 8.0, 9.0]
    assert set(last_uses(record, "/b")) == {(BLOB, f"{n}.{i}") for n in (8, 9) for i in (0, 1)}


def test_nothing_is_recorded_where_it_is_switched_off(
    record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(use_record.SWITCH, "0")
    remember([PartReport(Path("/b"), applied=[(BLOB, "a")])])
    assert not record.parent.exists()
    assert "switches it off" in run("stats").out
    monkeypatch.delenv(use_record.SWITCH)
    remember([PartReport(Path("/b"), applied=[(BLOB, "a")], loaded={(BLOB, "a"): 7})])
    (use,) = uses(record)
    assert (use.program, use.hits, use.bytes) == (Path(sys.argv[0]).name, 1, 7)


@pytest.mark.parametrize("is_folder", [False, True])
def test_a_record_that_cannot_be_written_costs_a_program_nothing(
    record: Path, is_folder: bool
) -> None:
    record.parent.mkdir(parents=True)
    if is_folder:
        record.mkdir()
    else:
        record.write_bytes(b"no database, but long enough to be looked at as one" * 40)
    remember([PartReport(Path("/b"), applied=[(BLOB, "a")])])
    done = run("stats")
    told, helps = done.err.splitlines()
    assert (done.status, "the record of use" in told) == (1, True)
    assert helps == f"help: `mv {record} {record}.old`: the next run begins another"


def test_a_record_that_was_only_begun_holds_nothing(record: Path) -> None:
    record.parent.mkdir(parents=True)
    record.touch()
    assert (uses(record), last_uses(record, "/b"), suspects(record)) == ([], {}, [])
    assert run("stats").out.startswith("no run of a program used a bundle so far")
    add_use(record, _use("/b"), [(BLOB, "k")])
    assert len(uses(record)) == 1


def test_a_store_is_known_by_whatever_its_name_is_typed_like(record: Path) -> None:
    add_use(record, _use("s3://bucket/team"), [])
    add_suspects(record, [Suspect("s3://bucket/team", BLOB, "k", b"d", "", "p", "Aborted", 0.0)])
    for name in ("s3://bucket/team", "s3://bucket/team/", "s3://bucket/team/?region=eu"):
        assert len(run("stats", name, "--json").json()["uses"]) == 1, name
        assert len(run("quarantine", "list", name, "--json").json()["suspects"]) == 1, name
    done = run("stats", "s3:/bucket/team")
    assert (done.status, "two slashes are missing" in done.err) == (2, True)


@pytest.mark.parametrize("name", [None, 7], ids=["none", "number"])
def test_a_program_whose_name_is_no_text_is_saved_all_the_same(
    record: Path, monkeypatch: pytest.MonkeyPatch, name: object
) -> None:
    monkeypatch.setattr(sys, "argv", [name])
    remember([PartReport(Path("/b"), applied=[(BLOB, "a")])])  # what saves comes behind it


def test_prune_goes_by_the_record_and_not_further_back_than_it(
    record: Path, tmp_path: Path
) -> None:
    bundle = tmp_path / "b.precompile"
    blobs(old=noise(20_000, 1), new=noise(20_000, 2)).save_to(BundleFile(bundle))
    name, now = str(bundle.resolve()), time.time()
    done = run("prune", "--unsigned", "--unused", 5, bundle)
    assert (done.status, "goes back 0 days" in done.err) == (2, True)
    add_use(record, _use(name, now - 9 * DAY), [(BLOB, "old"), (BLOB, "new")])
    add_use(record, _use(name, now - 1 * DAY), [(BLOB, "new")])
    dry = run("prune", "--unsigned", "--unused", 5, "--dry-run", bundle)
    assert "1 artifact would go" in dry.out
    assert set(file_contents(BundleFile(bundle))) == {(BLOB, "old"), (BLOB, "new")}
    told = run("prune", "--unsigned", "--unused", 5, "--json", bundle).json()
    assert [(one["key"], one["why"]) for one in told["removed"]] == [("old", "unused")]
    assert set(file_contents(BundleFile(bundle))) == {(BLOB, "new")}
    assert told["size"] == bundle.stat().st_size < told["size_before"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "what is to go?"),
        (("--max-size", "much"), "is no size"),
        (("--max-size", "-1"), "is no size"),
        (("--environment", "cpu"), "FACT=VALUE"),
        (("--max-size", "1"), "nothing would be left"),
    ],
    ids=str,
)
def test_a_wrong_use_of_prune_is_said_and_changes_nothing(
    record: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    bundle = tmp_path / "b.precompile"
    blobs(a=b"1").save_to(BundleFile(bundle))
    before = bundle.read_bytes()
    done = run("prune", "--unsigned", bundle, *options)
    assert (done.status, bundle.read_bytes()) == (2, before)
    assert said in done.err
    assert not json.loads(run("stats", "--json").out)["uses"]


def test_a_session_keeps_its_file_within_the_size_that_it_may_have(
    record: Path, tmp_path: Path
) -> None:
    """What was used longest ago goes, and nothing where others signed part of the file."""
    path = tmp_path / "b.precompile"
    for signer, kept in ((None, {"k2"}), (SigningKey.generate(), {"k0", "k1", "k2"})):
        path.unlink(missing_ok=True)
        for number in range(3):
            context = toy_context(signer=signer if number else None)
            context.record_artifact(BLOB, f"k{number}", noise(20_000, number))
            context.save_to(BundleFile(path))
            use = _use(str(path.resolve()), float(number))
            add_use(record, use, [(BLOB, f"k{number}")])
        appending = Appending(path, Telling("b", print, {}), writes=True, max_bytes=30_000)
        appending.trusting = Trusting(UNSIGNED)
        appending.finish([])
        assert {key for _, key in file_contents(BundleFile(path))} == kept


@pytest.mark.parametrize(
    ("table", "column"), [("runs", "at"), ("runs", "hits"), ("runs", "reasons"), ("uses", "at")]
)
def test_what_is_no_number_in_the_record_is_told(record: Path, table: str, column: str) -> None:
    remember([PartReport(Path("/b"), applied=[(BLOB, "a")], loaded={(BLOB, "a"): 7})])
    with contextlib.closing(sqlite3.connect(record)) as database, database:
        database.execute(f"UPDATE {table} SET {column} = ?", ("[1]",))
    with pytest.raises(OSError, match="the record of use"):
        uses(record) if table == "runs" else use_record.last_uses(record, "/b")
