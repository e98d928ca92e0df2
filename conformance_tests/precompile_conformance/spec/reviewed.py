"""The index of requirements as data, each as it stood when its cases were last looked at."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TypedDict

from precompile_conformance.spec.requirements import Requirement

PATH = Path(__file__).with_name("requirements.json")


class Reviewed(TypedDict):
    """One requirement of the index."""

    id: str
    level: str
    classes: list[str]
    since: str
    text: str
    sha256: str


class Index(TypedDict):
    """`requirements` in the order of SPEC.md; `retired` are ids that are never used again."""

    requirements: list[Reviewed]
    retired: list[str]


def load(path: Path = PATH) -> Index:
    """The index as it is kept beside this module."""
    index: Index = json.loads(path.read_text(encoding="utf-8"))
    return index


def write(requirements: Iterable[Requirement], retired: Iterable[str], path: Path = PATH) -> None:
    """Take the requirements, as they stand, as looked at."""
    index = Index(
        requirements=[
            Reviewed(
                id=r.id,
                level=r.level,
                classes=list(r.classes),
                since=r.since,
                text=r.text,
                sha256=r.sha256,
            )
            for r in requirements
        ],
        retired=sorted(retired),
    )
    path.write_text(json.dumps(index, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
