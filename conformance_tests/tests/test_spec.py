"""The norm holds together, and each rule of its lint fails on a copy that breaks it."""

import dataclasses
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from precompile_conformance.spec import reviewed, trace
from precompile_conformance.spec.__main__ import norm
from precompile_conformance.spec.lint import Norm, lint

NORM = norm()
REQUIREMENT = "- **[PCB-FRAME-001]** A writer MUST write"


SPEC = NORM.documents["SPEC.md"]


def _with(spec: str) -> Norm:
    assert spec != SPEC, "the copy is not broken"
    return dataclasses.replace(NORM, documents={**NORM.documents, "SPEC.md": spec})


def _replaced(old: str, new: str) -> Norm:
    return _with(SPEC.replace(old, new, 1))


def _twice() -> Norm:
    line = next(x for x in SPEC.splitlines() if x.startswith(REQUIREMENT))
    return _replaced(line, f"{line}\n{line}")


def _retired() -> Norm:
    index = reviewed.Index(requirements=NORM.index["requirements"], retired=["PCB-FRAME-001"])
    return dataclasses.replace(NORM, index=index)


def _without_changes() -> Norm:
    return _with(re.sub(r"^\| (hello|again) \| .*\n", "", SPEC, flags=re.M))


def _proto(old: str, new: str) -> Norm:
    text = NORM.error_proto.replace(old, new, 1)
    assert text != NORM.error_proto
    return dataclasses.replace(NORM, error_proto=text)


def _places(changes: trace.Places, *gone: str) -> Norm:
    places = {id_: at for id_, at in NORM.places.items() if id_ not in gone} | changes
    return dataclasses.replace(NORM, places=places)


BROKEN: dict[str, tuple[Callable[[], Norm], str]] = {
    "no class": (lambda: _replaced(" *(Writer · 1.0)*", ""), "form: SPEC.md:"),
    "unknown class": (lambda: _replaced("*(Writer · 1.0)*", "*(Typist · 1.0)*"), "form: SPEC.md:"),
    "no version": (lambda: _replaced("*(Writer · 1.0)*", "*(Writer)*"), "form: SPEC.md:"),
    "no key word": (
        lambda: _replaced(REQUIREMENT, REQUIREMENT.replace("MUST ", "")),
        "form: SPEC.md:",
    ),
    "two sentences": (
        lambda: _replaced("segments and nothing else.", "segments. Nothing else is one."),
        "form: PCB-FRAME-001 is more",
    ),
    "id twice": (_twice, "ids: PCB-FRAME-001 stands twice"),
    "retired id": (_retired, "ids: PCB-FRAME-001 was retired"),
    "id gone": (
        lambda: _replaced("[PCB-FRAME-001]", "[PCB-FRAME-901]"),
        "ids: PCB-FRAME-001 is gone",
    ),
    "unknown id": (
        lambda: _replaced("other than by READ-007", "other than by READ-907"),
        "ids: READ-907 is named",
    ),
    "stray key word": (
        lambda: _replaced("All other text explains.", "All other text MAY explain."),
        "keywords: SPEC.md:",
    ),
    "dead anchor": (lambda: _replaced("](#framing)", "](#frameing)"), "links: SPEC.md: no heading"),
    "dead file": (lambda: _replaced("](#framing)", "](docs/none.md)"), "links: SPEC.md leads to"),
    "byte of an example": (
        lambda: _replaced("68 65 6C 6C 6F", "68 65 6C 6C 70"),
        "examples: example hello is refused",
    ),
    "example of other bytes than a writer's": (
        lambda: _replaced("10 01 ", "90 01 "),
        "examples: ",
    ),
    "line of an example": (lambda: _replaced("0017  12 07", "0018  12 07"), "examples: offset"),
    "outcome of a changed byte": (
        lambda: _replaced("| DIGEST_MISMATCH | 23 |", "| SIZE_MISMATCH | 23 |"),
        "examples: byte 001B of hello changed to 69: DIGEST_MISMATCH at 23",
    ),
    "former value of a changed byte": (
        lambda: _replaced("| hello | 0000 | 0A |", "| hello | 0000 | 0C |"),
        "examples: byte 0000 of example hello is not 0C",
    ),
    "note of an example": (
        lambda: _replaced("SegmentHeader.major = 1", "SegmentHeader.major = 2"),
        "examples: example hello is not what inspect --bytes prints: 0015   10 01",
    ),
    "no changed bytes": (_without_changes, "examples: there is no table"),
    "code's number": (lambda: _replaced("| TRUNCATED | 103 |", "| TRUNCATED | 113 |"), "codes: TR"),
    "code's stage": (lambda: _replaced("| 103 | FRAME |", "| 103 | TRUST |"), "codes: TRUNCATED"),
    "code missing": (lambda: _replaced("| TRUNCATED | 103 |", "| TRUNC |"), "codes: TRUNCATED"),
    "code in error.proto alone": (
        lambda: _proto("ERROR_CODE_TRUNCATED =", "ERROR_CODE_CUT ="),
        "codes: CUT stands in one",
    ),
    "id in error.proto alone": (
        lambda: _proto("// [PCB-FRAME-004]", "// [PCB-FRAME-004] [PCB-FRAME-002]"),
        "codes: only error.proto connects UNSUPPORTED_VERSION with PCB-FRAME-002",
    ),
    "id in SPEC.md alone": (
        lambda: _proto("// [PCB-FRAME-004]", "//"),
        "codes: only the norm connects UNSUPPORTED_VERSION with PCB-FRAME-004",
    ),
    "limit's default": (lambda: _replaced("| 4,096 | 65,536 |", "| 4,096 | 65,537 |"), "limits: "),
    "limit's floor": (lambda: _replaced("| 4,096 | 65,536 |", "| 99,999 | 65,536 |"), "limits: "),
    "limit missing": (lambda: _replaced("| segments | segments", "| lines | segments"), "limits: "),
    "changed sentence": (
        lambda: _replaced("one or more segments and", "two or more segments and"),
        "reviewed: PCB-FRAME-001 has changed",
    ),
    "new requirement": (
        lambda: _replaced(REQUIREMENT, f"- **[PCB-FRAME-099]** A writer MUST nap. *(Writer · 1.0)*"
                          f"\n{REQUIREMENT}"),
        "reviewed: PCB-FRAME-099 is new",
    ),
    "comment without requirement": (
        lambda: _places({"PCB-FRAME-999": ["x.py:1"]}),
        "trace: x.py:1 names PCB-FRAME-999",
    ),
    "requirement without place": (
        lambda: _places({}, "PCB-FRAME-003"),
        "trace: PCB-FRAME-003 has neither",
    ),
    "place and reason": (
        lambda: dataclasses.replace(NORM, reasons=NORM.reasons | {"PCB-FRAME-003": "none"}),
        "trace: PCB-FRAME-003 has a place",
    ),
    "reason for nothing": (
        lambda: dataclasses.replace(NORM, reasons=NORM.reasons | {"PCB-FRAME-999": "none"}),
        "trace: a reason is given for PCB-FRAME-999",
    ),
}  # fmt: skip


def test_lint_finds_no_fault_in_the_spec() -> None:
    assert lint(NORM) == []


@pytest.mark.parametrize("name", BROKEN)
def test_lint_finds_the_fault_of_a_broken_copy(name: str) -> None:
    break_, fault = BROKEN[name]
    assert any(line.startswith(fault) for line in lint(break_())), lint(break_())


def test_every_rule_of_the_lint_has_a_broken_copy() -> None:
    source = Path(lint.__code__.co_filename).read_text()
    rules = set(re.findall(r'^        "(\w+)": ', source, re.M))
    assert {fault.partition(":")[0] for _, fault in BROKEN.values()} == rules


def test_accepted_requirements_are_those_of_the_spec_with_nothing_left_out() -> None:
    accepted = [entry["id"] for entry in NORM.index["requirements"]]
    assert accepted == [requirement.id for requirement in NORM.requirements]


def test_every_type_that_this_distribution_writes_is_in_the_registry() -> None:
    """PCB-REG-001."""
    project = tomllib.loads((NORM.root / "pyproject.toml").read_text())["project"]
    types = project["entry-points"]["precompile_context.artifact_types"]
    registry = SPEC.partition("### Artifact types")[2].partition("### ")[0]
    assert types
    for name in types:
        assert f"| `{name}` |" in registry
