"""The norm's requirements: one line each, with an id, a level, classes and a version."""

import hashlib
import re
from dataclasses import dataclass
from typing import Literal

Level = Literal["MUST", "SHOULD", "MAY"]

CLASSES = ("Reader", "Verifier", "Writer", "Context")
KEYWORD = re.compile(r"\b(MUST NOT|MUST|SHOULD NOT|SHOULD|MAY)\b")
ID = re.compile(r"PCB-[A-Z]+-\d{3}")
STARTS = re.compile(r"^- \*\*\[")
_LINE = re.compile(
    rf"^- \*\*\[(?P<id>{ID.pattern})\]\*\* (?P<text>[A-Z].*\.) "
    r"\*\((?P<classes>[A-Za-z, ]+) · (?P<since>\d+\.\d+)\)\*$"
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One requirement; `line` counts from 1 in its document."""

    id: str
    text: str
    level: Level
    classes: tuple[str, ...]
    since: str
    line: int

    @property
    def sha256(self) -> str:
        """Hex digest of everything that a claim of conformance rests on."""
        meaning = f"{self.text}\n{','.join(self.classes)}\n{self.since}\n"
        return hashlib.sha256(meaning.encode()).hexdigest()


def parse(text: str) -> list[Requirement]:
    """The requirements of a document, in their order; lines of another form are passed over."""
    found = (_parse_line(line, n) for n, line in enumerate(text.splitlines(), start=1))
    return [requirement for requirement in found if requirement is not None]


def _parse_line(line: str, number: int) -> Requirement | None:
    match = _LINE.match(line)
    if match is None:
        return None
    words = KEYWORD.findall(match["text"])
    classes = tuple(name.strip() for name in match["classes"].split(","))
    if not words or not set(classes) <= set(CLASSES):
        return None
    return Requirement(
        match["id"], match["text"], _strongest(words), classes, match["since"], number
    )


def _strongest(words: list[str]) -> Level:
    if any(word.startswith("MUST") for word in words):
        return "MUST"
    return "SHOULD" if any(word.startswith("SHOULD") for word in words) else "MAY"
