"""What must hold of the norm, so that a stranger can rely on each of its lines."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from precompile_conformance.spec import examples, trace
from precompile_conformance.spec.requirements import ID, KEYWORD, STARTS, Requirement, parse
from precompile_conformance.spec.reviewed import Index

_BCP14 = "The key words MUST"
_SHORT_ID = re.compile(r"\b(?:PCB-)?([A-Z]+-\d{3})\b")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE_ROW = re.compile(r"^\| ([A-Z_]+) \| (\d{3}) \| ([A-Z]+) \|", re.M)
_PROTO_CODE = re.compile(r"((?:^ *//.*\n)+) *ERROR_CODE_(?!UNSPECIFIED)(\w+) = (\d+);", re.M)
_LIMIT_ROW = re.compile(
    r"^\| (\w+) \| .* \| ([\d,]+(?: [MG]iB)?) \| ([\d,]+(?: [MG]iB)?) \|$", re.M
)


# What the norm is written in, in the order in which it is read.
DOCUMENTS = ("SPEC.md", "SPEC-context.md", "docs/examples.md")


@dataclass(frozen=True, slots=True)
class Norm:
    """What is checked: the documents of the norm, and what must agree with them.

    Attributes:
        documents: their texts by path from `root`.
        error_proto: the text of error.proto.
        limits: the reference's defaults by name.
        index: the requirements as they were last looked at.
        places, reasons: see `trace`.
    """

    root: Path
    documents: Mapping[str, str]
    error_proto: str
    limits: Mapping[str, int]
    index: Index
    places: trace.Places
    reasons: dict[str, str]

    @property
    def text(self) -> str:
        """All documents as one."""
        return "\n".join(self.documents.values())

    @property
    def requirements(self) -> list[Requirement]:
        """Those of all documents, in order."""
        return [found for text in self.documents.values() for found in parse(text)]


def lint(norm: Norm) -> list[str]:
    """One line for each thing that is wrong; nothing where all is well."""
    requirements, text = norm.requirements, norm.text
    rules = {
        "form": _form(norm.documents, requirements),
        "ids": _ids(text, requirements, norm.index),
        "keywords": _keywords(norm.documents),
        "links": _links(norm.documents, norm.root),
        "examples": examples.faults(text),
        "codes": _codes(text, requirements, norm.error_proto),
        "limits": _limits(text, norm.limits),
        "reviewed": _reviewed(requirements, norm.index),
        "trace": trace.faults(requirements, norm.places, norm.reasons),
    }
    return [f"{rule}: {fault}" for rule, faults in rules.items() for fault in faults]


def _form(documents: Mapping[str, str], requirements: list[Requirement]) -> Iterator[str]:
    """Each line that begins as a requirement does is one, of one sentence."""
    for name, text in documents.items():
        numbers = {requirement.line for requirement in parse(text)}
        for number, line in enumerate(text.splitlines(), start=1):
            if STARTS.match(line) and number not in numbers:
                yield f"{name}:{number} is no requirement: id, sentence, classes and version"
    for requirement in requirements:
        if re.search(r"[.!?] [A-Z]", requirement.text):
            yield f"{requirement.id} is more than one sentence"


def _ids(text: str, requirements: list[Requirement], index: Index) -> Iterator[str]:
    """No id twice, no retired one, and none is named that does not exist."""
    seen: set[str] = set()
    for requirement in requirements:
        if requirement.id in seen:
            yield f"{requirement.id} stands twice"
        if requirement.id in index["retired"]:
            yield f"{requirement.id} was retired and is used again"
        seen.add(requirement.id)
    for reviewed in index["requirements"]:
        if reviewed["id"] not in seen:
            yield f"{reviewed['id']} is gone; retire it"
    areas = {id_.split("-")[1] for id_ in seen}
    for name in _SHORT_ID.findall(text):
        if name.split("-")[0] in areas and f"PCB-{name}" not in seen:
            yield f"{name} is named and does not exist"


def _keywords(documents: Mapping[str, str]) -> Iterator[str]:
    """Words of obligation stand in requirements only, so that none is missed."""
    for name, text in documents.items():
        for number, line in enumerate(text.splitlines(), start=1):
            if KEYWORD.search(line) and not STARTS.match(line) and not line.startswith(_BCP14):
                yield f"{name}:{number} holds a key word and is no requirement"


def _links(documents: Mapping[str, str], root: Path) -> Iterator[str]:
    """Each link leads to a file that is there, and to a heading where that is of the norm."""
    headings = {name: re.findall(r"^#+ (.+)$", text, re.M) for name, text in documents.items()}
    anchors = {name: {_anchor(heading) for heading in found} for name, found in headings.items()}
    for name, text in documents.items():
        for target in _LINK.findall(text):
            path, _, anchor = target.partition("#")
            if "://" in target:
                continue
            to = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if not (root / to).exists():
                yield f"{name} leads to {target}, and there is no file {to}"
            elif anchor and to in anchors and anchor not in anchors[to]:
                yield f"{name}: no heading has the anchor {target}"


def _anchor(heading: str) -> str:
    """The anchor that Markdown renderers give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _codes(text: str, requirements: list[Requirement], proto: str) -> Iterator[str]:
    """The table of rejections is error.proto's list, and each code names its requirements."""
    table = {name: (int(number), stage) for name, number, stage in _CODE_ROW.findall(text)}
    listed: dict[str, tuple[int, str]] = {}
    for comment, name, number in _PROTO_CODE.findall(proto):
        stage = re.search(r"// ([A-Z]+):", comment)
        listed[name] = int(number), stage[1] if stage else ""
        named = set(ID.findall(comment))
        wanted = {r.id for r in requirements if re.search(rf"\b{name}\b", r.text)}
        for id_ in sorted(named ^ wanted):
            where = "error.proto" if id_ in named else "the norm"
            yield f"only {where} connects {name} with {id_}"
    for name in sorted(table.keys() ^ listed.keys()):
        yield f"{name} stands in one of the table and error.proto only"
    for name in sorted(table.keys() & listed.keys()):
        if table[name] != listed[name]:
            yield f"{name} is {table[name]} in the table and {listed[name]} in error.proto"


def _limits(text: str, limits: Mapping[str, int]) -> Iterator[str]:
    """The table of limits states the reference's defaults, and no floor above its default."""
    table = {name: (_number(floor), _number(default))
             for name, floor, default in _LIMIT_ROW.findall(text)}  # fmt: skip
    for name in sorted(limits.keys() ^ table.keys()):
        yield f"limit {name} stands in one of the table and the reference only"
    for name in sorted(limits.keys() & table.keys()):
        floor, default = table[name]
        if default != limits[name]:
            yield f"limit {name} is {default} in the table and {limits[name]} in the reference"
        if floor > default:
            yield f"limit {name} has a floor above its default"


def _number(text: str) -> int:
    digits, _, unit = text.replace(",", "").partition(" ")
    return int(digits) << {"": 0, "MiB": 20, "GiB": 30}[unit]


def _reviewed(requirements: list[Requirement], index: Index) -> Iterator[str]:
    """A changed requirement fails until someone looked at its cases and accepted it."""
    known = {reviewed["id"]: reviewed["sha256"] for reviewed in index["requirements"]}
    for requirement in requirements:
        if requirement.id not in known:
            yield f"{requirement.id} is new: write its cases, then accept it"
        elif known[requirement.id] != requirement.sha256:
            yield f"{requirement.id} has changed: look at its cases, then accept it"
