"""The matrix: sound testees agree, and whoever lies stands in it, with a case that shows it."""

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from builders.write import NEW, writes
from precompile.conformance.v1 import case_pb2
from precompile_conformance import corpus
from precompile_conformance.build import bundle
from precompile_conformance.cli import app
from precompile_conformance.interop import Disagreement, Matrix, Progress, cross
from precompile_conformance.interop.damage import damaged

MORE_THAN_ALL = 1000


def command(mode: str) -> list[str]:
    return [sys.executable, "-m", "self_tests.testee", mode]


@pytest.fixture(name="vectors")
def _vectors(tmp_path: Path) -> Path:
    directory = tmp_path / "vectors" / "v1.0"
    writes("WRITE/one", "One artifact.", "PCB-FRAME-001", NEW).write(directory)
    writes("WRITE/two", "Two segments.", "PCB-FRAME-001", NEW, NEW).write(directory)
    corpus.write_sums(directory)
    return directory.parent


def matrix(vectors: Path, *modes: str, copies: int = 3) -> Matrix:
    cases = corpus.load(vectors / "v1.0")
    return cross([command(mode) for mode in modes], cases, copies=copies)


def finds(vectors: Path, *modes: str, copies: int = 3) -> list[Disagreement]:
    return matrix(vectors, *modes, copies=copies).disagreements


def test_sound_testees_agree(vectors: Path) -> None:
    told = matrix(vectors, "writer", "honest", copies=30)
    assert told.disagreements == []
    assert told.is_good
    assert told.consumers == ["self-test writer", "self-test honest"]
    assert told.rows() == ["self-test writer", "self-test writer, signed by self-test writer"]
    assert all(told.agreed[row, name] > 100 for row in told.rows() for name in told.consumers)


def test_a_matrix_says_how_far_it_is(vectors: Path) -> None:
    seen: list[Progress] = []
    cases = corpus.load(vectors / "v1.0")
    told = cross([command("writer"), command("honest")], cases, copies=1, told=seen.append)
    assert [one.answers for one in seen] == sorted(one.answers for one in seen)
    assert seen[-1].answers > told.asked.total() > 50
    assert {one.row for one in seen} >= set(told.rows())
    assert all(1 <= one.number <= one.rows for one in seen)
    assert str(seen[0]).startswith("row 1 of 4: self-test writer writes; 0 answers")


def test_writers_extend_and_sign_each_others_bundles(vectors: Path) -> None:
    told = matrix(vectors, "writer", "writer", copies=1)
    assert told.disagreements == []
    one, other = told.consumers
    assert {f"{one}, then {other}", f"{one}, signed by {other}"} < set(told.rows())
    assert f"{other}, signed by {one} and {other}" in told.rows()


@pytest.mark.parametrize(
    ("mode", "asked", "expected"),
    [
        ("liar", "read", "bundle"),
        ("lenient", "read", "rejection"),
        ("blurred", "read", "bundle"),
        ("trusting", "read", "rejection"),
        ("blind", "extract", "extracted"),
        ("crash", "read", "bundle"),
    ],
)
def test_a_reader_that_lies_is_found(vectors: Path, mode: str, asked: str, expected: str) -> None:
    found = finds(vectors, "writer", mode, copies=1)
    assert {one.testee for one in found} == {f"self-test {mode}"}
    kinds = {(one.case.request.WhichOneof("request"), outcome(one.case)) for one in found}
    assert (asked, expected) in kinds


@pytest.mark.parametrize(
    ("mode", "asked", "said"),
    [
        ("forgets", "write", "artifacts"),
        ("forges", "sign", "BAD_SIGNATURE"),
        ("rewrites", "sign", "payloads or blocks are not those of the input"),
    ],
)
def test_a_writer_that_lies_is_found(vectors: Path, mode: str, asked: str, said: str) -> None:
    found = [
        one for one in finds(vectors, "writer", mode, copies=0) if one.testee == f"self-test {mode}"
    ]
    lines = [
        line
        for one in found
        if one.case.request.WhichOneof("request") == asked
        for line in one.result.lines
    ]
    assert any(said in line for line in lines)


def test_where_nobody_writes_nothing_is_agreed(vectors: Path) -> None:
    told = matrix(vectors, "honest")
    assert (told.rows(), told.is_good) == ([], False)


def test_damaged_copies_differ_from_the_bundle_and_from_each_other() -> None:
    data = bundle(NEW, NEW).data
    copies = [copy for _, copy in damaged(data, MORE_THAN_ALL, 0)]
    assert len(copies) > 60
    assert len({data, *copies}) == len(copies) + 1


def test_turn_by_turn_every_way_of_damage_is_taken() -> None:
    data = bundle(NEW).data
    ways = {how for how, _ in damaged(data, MORE_THAN_ALL, 0)}
    assert {how for turn in range(len(ways)) for how, _ in damaged(data, 4, turn)} == ways


def test_the_command_keeps_what_repeats_a_disagreement(vectors: Path, tmp_path: Path) -> None:
    out = tmp_path / "found"
    arguments = ["interop", "--vectors", str(vectors), "--copies", "1", "--out", str(out)]
    for mode in ("writer", "lenient"):
        arguments += ["--testee", " ".join(command(mode))]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert "self-test lenient" in result.output
    first = corpus.load(out / "v1.0")[0]
    assert f"--vectors {out} --case {first.id}" in result.output
    again = ["run", "--vectors", str(out), "--case", first.id, "--testee"]
    assert CliRunner().invoke(app, [*again, " ".join(command("lenient"))]).exit_code == 1
    assert CliRunner().invoke(app, [*again, " ".join(command("honest"))]).exit_code == 0


def test_the_command_succeeds_where_all_agree(vectors: Path, tmp_path: Path) -> None:
    arguments = ["interop", "--vectors", str(vectors), "--copies", "1"]
    arguments += ["--out", str(tmp_path / "found"), "--testee", " ".join(command("writer"))]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "0 disagreements" in result.output
    assert not (tmp_path / "found").exists()


def outcome(case: case_pb2.Case) -> str:
    return str(case.expected.WhichOneof("outcome"))
