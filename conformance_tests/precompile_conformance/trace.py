"""The trace gate: requirements and cases, from a real run. Nothing is claimed that was not seen."""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from precompile.conformance.v1 import case_pb2
from precompile_conformance.corpus import Case
from precompile_conformance.judge import code_name
from precompile_conformance.reports import Report
from precompile_conformance.spec.reviewed import Reviewed
from precompile_conformance.status import Status

# Requirements that no case tests, each with the reason.
UNTESTED = Path(__file__).with_name("untested.toml")
_REFUSES = re.compile(r"\b(?:refuse|report)\b.*? as ([A-Z_]+(?: or [A-Z_]+)?)\b")


def reasons(path: Path = UNTESTED) -> dict[str, str]:
    """Why a requirement has no case, by id."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def faults(report: Report, cases: Sequence[Case], reasons: Mapping[str, str]) -> list[str]:
    """What does not agree; `cases` are all of the version, run or not."""
    return [
        *_ids(report, cases, reasons),
        *_coverage(report, reasons),
        *_pairs(report.requirements, cases),
        *_bases(cases),
    ]


def _ids(report: Report, cases: Sequence[Case], reasons: Mapping[str, str]) -> Iterator[str]:
    for case in cases:
        if not case.message.requirements:
            yield f"{case.id} tests no requirement"
        for id_ in case.message.requirements:
            if id_ not in report.requirements:
                yield f"{case.id} names {id_}, which the norm does not have"
    for id_ in reasons:
        if id_ not in report.requirements:
            yield f"a reason is given for {id_}, which the norm does not have"


def _coverage(report: Report, reasons: Mapping[str, str]) -> Iterator[str]:
    """Each requirement has a case that was run and passed, or a reason for having none."""
    passed = {r.case_id for t in report.testees for r in t.results if r.status is Status.PASS}
    for id_ in report.requirements:
        has_case = any(case.id in passed for case in report.cases_of(id_))
        reason = reasons.get(id_, "").strip()
        if has_case and reason:
            yield f"{id_} has a case and a reason for having none"
        if not has_case and not reason:
            yield f"{id_} has no case that was run and passed, and no reason for having none"


def _pairs(requirements: Mapping[str, Reviewed], cases: Sequence[Case]) -> Iterator[str]:
    """What is to be refused by a code has a case that is, beside a base that is accepted."""
    for id_, requirement in requirements.items():
        named = _REFUSES.search(requirement["text"])
        mine = [case for case in cases if id_ in case.message.requirements]
        if not named or not mine:
            continue
        codes = named[1].split(" or ")
        refused = [case for case in mine if set(codes) & set(codes_of(case.message.expected))]
        if not refused:
            yield f"{id_} has no case that is refused as {named[1]}"
        if all(case in refused for case in mine) and not any(c.message.base for c in refused):
            yield f"{id_} has no case that is accepted"


def codes_of(expected: case_pb2.Expected) -> list[str]:
    """The codes in an expected outcome, wherever they stand."""
    which = expected.WhichOneof("outcome")
    if which == "rejection":
        return [code_name(expected.rejection)]
    if which in ("bundle", "written"):
        dump = expected.bundle if which == "bundle" else expected.written.holds
        found = [a.content_fault for s in dump.segments for a in s.artifacts]
        return [code_name(fault) for fault in [*found, dump.content_fault] if fault.code]
    if which == "script":
        steps = expected.script.results
        outcomes = [one for step in steps for one in step.populated.outcomes]
        rejections = [step.rejection for step in steps if step.HasField("rejection")]
        return [code_name(one) for one in [*outcomes, *rejections]]  # type: ignore[arg-type]
    return []


def _bases(cases: Sequence[Case]) -> Iterator[str]:
    """Each defect is put into a case that is accepted without it."""
    by_id = {case.id: case for case in cases}
    for case in cases:
        message = case.message
        if bool(message.base) != bool(message.defect):
            yield f"{case.id} has a base or a defect, and not the other"
        elif message.base and message.base not in by_id:
            yield f"{case.id} has the base {message.base}, which is no case"
        elif message.base and codes_of(by_id[message.base].message.expected):
            yield f"{case.id} has the base {message.base}, which is refused itself"
        outcome = message.expected.WhichOneof("outcome")
        if outcome in ("rejection", "misuse") and not message.base:
            yield f"{case.id} is refused and says of no base what its defect is"
        if outcome is None:
            yield f"{case.id} expects nothing"


def summary(report: Report, cases: Sequence[Case], reasons: Mapping[str, str]) -> str:
    """The numbers of a claim in one line."""
    musts = [id_ for id_, r in report.requirements.items() if r["level"] == "MUST"]
    tested = [id_ for id_ in musts if id_ not in reasons]
    negatives = sum(bool(case.message.base) for case in cases)
    return (
        f"{len(report.requirements)} requirements, {len(musts)} of them MUST; of these "
        f"{len(tested)} are tested and {len(musts) - len(tested)} have a reason; "
        f"{len(cases)} cases, {negatives} of them with a defect"
    )
