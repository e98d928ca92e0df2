"""Which place in the reference implements which requirement: `# [PCB-FRAME-003]` comments."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from precompile_conformance.spec.requirements import ID, Requirement

# Requirements that no single place implements, each with the reason.
UNTRACED = Path(__file__).with_name("untraced.toml")
_COMMENT = re.compile(r"#.*\[PCB-")
Places = dict[str, list[str]]


def places(root: Path) -> Places:
    """Where each id stands in a comment below `root`: `path:line` by id."""
    found: Places = {}
    for path in sorted(root.rglob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if _COMMENT.search(line):
                for id_ in ID.findall(line[line.index("#") :]):
                    found.setdefault(id_, []).append(f"{path.relative_to(root.parent)}:{number}")
    return found


def reasons(path: Path = UNTRACED) -> dict[str, str]:
    """Why a requirement has no place of its own, by id."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def faults(
    requirements: Iterable[Requirement], places: Places, reasons: dict[str, str]
) -> list[str]:
    """What does not agree between norm and code."""
    by_id = {requirement.id: requirement for requirement in requirements}
    out = [f"{at[0]} names {id_}, which the norm does not have" for id_, at in places.items()
           if id_ not in by_id]  # fmt: skip
    for id_, requirement in by_id.items():
        reason = reasons.get(id_, "").strip()
        if id_ in places and reason:
            out.append(f"{id_} has a place ({places[id_][0]}) and a reason for having none")
        if requirement.level == "MUST" and id_ not in places and not reason:
            out.append(f"{id_} has neither a place in the reference nor a reason for having none")
    out += [f"a reason is given for {id_}, which the norm does not have" for id_ in reasons
            if id_ not in by_id]  # fmt: skip
    return out
