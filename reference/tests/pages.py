"""Pages as tests see them: fenced blocks in order, each with the marks that stand before it.

A mark is an HTML comment alone on a line, which no reader sees. A block of python, console or
bash is run; one that is not, and one of any other kind, needs a mark that says what becomes of it:

    <!-- not run: REASON -->         nothing
    <!-- file: NAME -->              it is written as this file
    <!-- from: PATH -->              it stands so in this file of ours, which has tests
    <!-- printed -->                 the block before it printed this

Others say how, or are run themselves, as though the page had them there:

    <!-- needs: torch -->            of the page: with which tests it is run (or compilers)
    <!-- here: A = B -->             from here on, A in the page is B on this machine
    <!-- run: COMMAND -->            a command
    <!-- python: STATEMENT -->       a statement in the page's interpreter
    <!-- output differs: REASON -->  what the block's commands print is not compared
    <!-- status: NUMBER -->          its last command ends so
    <!-- with: NAME=VALUE -->        a variable of its commands
    <!-- runs: NUMBER -->            it is run so often
    <!-- elsewhere -->               each of its commands is on a machine of its own
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = ("python", "console", "bash")
# The norm's lint decodes and encodes these, of its own pages:
# `python -m precompile_conformance.spec lint`.
_LINTED = "hex"
_LINTED_PAGE = ROOT / "docs/examples.md"
_INSTEAD = ("not run", "file", "from", "printed")
_HOW = ("output differs", "status", "with", "runs", "elsewhere")
_AT_ONCE = ("here", "run", "python", "needs")
_ALONE = ("printed", "elsewhere")
_MARK = re.compile(r"<!-- ([a-z][a-z ]*?)(?:: (.*))? -->")
_FENCE = re.compile(r"( *)(`{3,}|~{3,})(.*)")
# What another command reads.
_NO_MARK = re.compile(r"<!-- (?:made by .*|end) -->")
# Blocks that this does not read: in a quotation, behind a list's sign or a tab, or in HTML.
_OTHER = re.compile(
    r"(?:\s|>|[-*+]|\d+\.)*(?:`{3,}|~{3,})[^`]*|(?:\s*>)+(?: {5}|\t).*|[^`]*<(?:pre|code)\b.*"
)
_LIST = re.compile(r" *(?:[-*+]|\d+\.) ")


class PageError(Exception):
    """A page that has what nothing runs, and does not say why."""


@dataclass(frozen=True)
class Mark:
    """What a comment says; `line` counts from 1."""

    line: int
    name: str
    value: str


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is that of its fence."""

    line: int
    kind: str
    text: str
    marks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page:
    """Blocks, and what is done between them, in the page's order."""

    path: Path
    parts: tuple[Mark | Block, ...]

    @property
    def blocks(self) -> list[Block]:
        """The blocks alone."""
        return [part for part in self.parts if isinstance(part, Block)]


def read(path: Path) -> Page:
    """The page.

    Raises:
        PageError: a block is neither run nor says why, or a mark is none.
    """
    parts: list[Mark | Block] = []
    waiting: dict[str, str] = {}
    last = 0
    for part in _parts(path):
        if waiting and part.line != last + 1:
            raise PageError(f"{path}:{last}: no block stands right below {', '.join(waiting)}")
        last = part.line
        if isinstance(part, Block):
            block = Block(part.line, part.kind, part.text, waiting)
            _check(path, block)
            parts.append(block)
            waiting = {}
        elif part.name == "needs":
            continue
        elif part.name in _AT_ONCE:
            parts.append(part)
        else:
            waiting[part.name] = part.value
    if waiting:
        raise PageError(f"{path}:{last}: no block stands right below {', '.join(waiting)}")
    return Page(path, tuple(parts))


def _parts(path: Path) -> Iterator[Mark | Block]:
    """Marks and blocks in their order; the blocks without their marks."""
    fence, start, kind, indent, held = "", 0, "", 0, list[str]()
    before, in_list = "", False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        found = _FENCE.fullmatch(line)
        if fence:
            if line.strip().startswith(fence) and not line.strip().strip(fence[0]):
                yield Block(start, kind, "".join(f"{text[indent:]}\n" for text in held))
                fence = ""
            else:
                held.append(line)
        elif found:
            fence, start, indent, held = found[2], number, len(found[1]), []
            kind = found[3].partition(" ")[0]
        elif (mark := _MARK.fullmatch(line.strip())) and mark[1] in (*_INSTEAD, *_HOW, *_AT_ONCE):
            if (mark[1] in _ALONE) == bool(mark[2]):
                raise PageError(f"{path}:{number}: {mark[1]} says too much, or nothing")
            yield Mark(number, mark[1], mark[2] or "")
        elif "<!--" in line and "`<!--" not in line and not _NO_MARK.fullmatch(line):
            raise PageError(f"{path}:{number}: a comment that is no mark")
        elif _OTHER.fullmatch(line):
            raise PageError(f"{path}:{number}: code that nothing runs: use a fence of its own")
        elif not before.strip() and _indented(line, 8 if in_list else 4):
            raise PageError(f"{path}:{number}: indented code, which nothing runs: use a fence")
        if line.strip() and not line.startswith(" "):
            in_list = bool(_LIST.match(line))
        before = line
    if fence:
        raise PageError(f"{path}:{start}: the block has no end")


def _indented(line: str, columns: int) -> bool:
    line = line.expandtabs(4)
    return line.startswith(" " * columns) and bool(line.strip())


def _check(path: Path, block: Block) -> None:
    instead = [name for name in _INSTEAD if name in block.marks]
    if len(instead) > 1:
        raise PageError(f"{path}:{block.line}: {' and '.join(instead)}: one of them")
    linted = block.kind == _LINTED and path == _LINTED_PAGE
    if not instead and block.kind not in RUN and not linted:
        kind = block.kind or "no kind"
        raise PageError(f"{path}:{block.line}: a block of {kind} is not run: why?")
    if not instead and (not block.text.strip() or int(block.marks.get("runs", 1)) < 1):
        raise PageError(f"{path}:{block.line}: nothing is run")
    if instead and (how := [name for name in _HOW if name in block.marks]):
        raise PageError(f"{path}:{block.line}: {how[0]}, and it is not run")
