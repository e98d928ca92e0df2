"""The vectors: built anew they are the same, listed are all, and what is frozen stays."""

import hashlib
from pathlib import Path

import pytest

from builders.all_areas import build
from builders.bases import PLAIN
from builders.case import accepts
from precompile_conformance import corpus, trace
from precompile_conformance.corpus import CorpusError
from precompile_conformance.reports import Report, TesteeReport
from precompile_conformance.requirements_index import by_id
from precompile_conformance.running import Claims
from precompile_conformance.status import Result, Status

V1 = corpus.VECTORS / "v1.0"
# SHA-256 of the list of frozen files.
FROZEN = "2186c547039ef3e5e44bf4bc0b157025019eeb8fd88f29676b163c2af56891ab"


def small(tmp_path: Path) -> Path:
    """A version of two cases, its checksums written."""
    directory = tmp_path / "v9.0"
    for name in ("one", "two"):
        accepts(f"SELF/{name}", "A bundle.", "PCB-READ-008", PLAIN).write(directory)
    corpus.write_sums(directory)
    return directory


def test_the_builders_make_these_very_vectors(tmp_path: Path) -> None:
    for one in build():
        one.write(tmp_path)
    assert list(corpus.sums(tmp_path)) == (V1 / corpus.SUMS_FILE).read_text().splitlines()


def test_no_vector_is_edited_missing_or_unlisted() -> None:
    assert corpus.faults(V1) == []


def test_there_are_the_cases_that_a_version_needs() -> None:
    cases = corpus.load(V1)
    assert len(cases) >= 250
    assert len({case.id for case in cases}) == len(cases)


def test_an_edited_a_missing_and_an_unlisted_file_are_told(tmp_path: Path) -> None:
    directory = small(tmp_path)
    assert corpus.faults(directory) == []
    path = directory / "SELF" / "one" / "input.precompile"
    path.write_bytes(path.read_bytes() + b"\0")
    (directory / "SELF" / "two" / "case.textproto").unlink()
    (directory / "SELF" / "two" / "extra").write_text("")
    assert corpus.faults(directory) == [
        "v9.0/SELF/one/input.precompile: listed and edited",
        "v9.0/SELF/two/case.textproto: listed and missing",
        "v9.0/SELF/two/extra: not listed",
    ]


def test_a_frozen_version_takes_cases_and_gives_none_away(tmp_path: Path) -> None:
    directory = small(tmp_path)
    assert corpus.freeze(directory) == 2
    with pytest.raises(CorpusError):
        corpus.freeze(directory)
    accepts("SELF/three", "A bundle.", "PCB-READ-008", PLAIN).write(directory)
    corpus.write_sums(directory)
    assert corpus.faults(directory) == []
    assert sorted(corpus.frozen_ids(directory) or ()) == ["SELF/one", "SELF/two"]
    path = directory / "SELF" / "one" / "case.textproto"
    path.write_text(path.read_text().replace("A bundle.", "A claim that was changed later."))
    corpus.write_sums(directory)
    assert corpus.faults(directory) == ["v9.0/SELF/one/case.textproto: frozen and edited"]


def test_version_1_0_is_frozen_as_the_docs_say() -> None:
    """What FROZEN lists stays for ever; that FROZEN itself stays is held here and in the docs."""
    frozen = hashlib.sha256((V1 / corpus.FROZEN_FILE).read_bytes()).hexdigest()
    assert frozen == FROZEN
    docs = Path(__file__).parents[2] / "docs" / "conformance.md"
    assert FROZEN in docs.read_text(encoding="utf-8")


def test_what_is_not_sound_cannot_be_frozen(tmp_path: Path) -> None:
    directory = small(tmp_path)
    (directory / "SELF" / "one" / "extra").write_text("")
    with pytest.raises(CorpusError):
        corpus.freeze(directory)
    assert corpus.frozen_ids(directory) is None


def test_a_case_is_named_after_its_directory(tmp_path: Path) -> None:
    directory = small(tmp_path)
    (directory / "SELF" / "one").rename(directory / "SELF" / "other")
    with pytest.raises(CorpusError, match="calls itself"):
        corpus.load(directory)


def test_a_folder_without_cases_is_no_version(tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        corpus.load(tmp_path)


def _report(passed: bool) -> Report:
    cases = corpus.load(V1)
    status = Status.PASS if passed else Status.FAIL
    claims = Claims("all", "1", ("1.0",), frozenset(), frozenset())
    results = [Result(case.id, status) for case in cases]
    return Report("1.0", "", cases, by_id(), [TesteeReport((), claims, results)])


def test_requirements_and_cases_are_traced() -> None:
    report = _report(passed=True)
    assert trace.faults(report, report.cases, trace.reasons()) == []


def test_a_requirement_whose_cases_fail_is_not_traced() -> None:
    report = _report(passed=False)
    found = trace.faults(report, report.cases, trace.reasons())
    assert sum("no case that was run and passed" in fault for fault in found) > 150


def test_the_gate_sees_a_missing_reason_a_wrong_id_and_a_base_that_is_refused() -> None:
    report = _report(passed=True)
    cases = corpus.load(V1)
    cases[0].message.requirements.append("PCB-FRAME-999")
    cases[1].message.base, cases[1].message.defect = "FRAME/empty", "odd"
    reasons = dict(trace.reasons())
    gone = reasons.popitem()[0]
    found = "\n".join(trace.faults(report, cases, {**reasons, "PCB-FRAME-003": "?"}))
    assert "PCB-FRAME-999, which the norm does not have" in found
    assert "has the base FRAME/empty, which is refused itself" in found
    assert f"{gone} has no case" in found
    assert "PCB-FRAME-003 has a case and a reason" in found


def test_no_two_names_differ_in_their_case_alone() -> None:
    """Some file systems would take them for one."""
    version = Path(__file__).parents[1] / "vectors" / "v1.0"
    names = [path.relative_to(version).as_posix() for path in version.rglob("*")]
    assert len({name.casefold() for name in names}) == len(names)
