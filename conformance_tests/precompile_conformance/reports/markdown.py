"""Summaries as a Markdown page: who does what, area by implementation, and what is not passed."""

from collections.abc import Iterable, Iterator

from precompile_conformance.corpus import CLASS_NAMES
from precompile_conformance.reports.summary import Counts, Summary, TesteeSummary
from precompile_conformance.status import Status

# What an implementation does that claims a class.
_DOES = {
    "reader": "reads",
    "verifier": "verifies signatures",
    "writer": "writes",
    "context": "is a compiler's context",
}


def render(summary: Summary) -> str:
    """The page's text."""
    frozen = f", whose list of files, `FROZEN`, has the SHA-256\n`{summary.frozen}`"
    areas = sorted({area for testee in summary.testees for area in testee.by_area})
    lines = [
        "# Conformance",
        "",
        "What `precompile-conformance run` says: cases passed, of those that apply to what an",
        f"implementation claims. The vectors are those of version {summary.version}"
        f"{frozen if summary.frozen else ', a draft'};",
        f"the digest of the corpus is `{summary.corpus}`.",
        "`precompile-conformance page` makes this page of what runs came to, and of nothing else.",
        "",
        "## Who does what",
        "",
        _row(["", *(name.capitalize() for name in CLASS_NAMES), "capabilities that it lacks"]),
        _row(["---"] * (len(CLASS_NAMES) + 2)),
        *(_row(_classes(testee, _known(summary))) for testee in summary.testees),
        "",
        "A case counts for each class that it needs.",
        "",
        *(_sentence(testee) for testee in summary.testees),
        "",
        *_shortfalls(summary),
        "## Area by area",
        "",
        _row(["", *(f"{t.name} {t.version}" for t in summary.testees)]),
        _row(["---"] * (len(summary.testees) + 1)),
        *(
            _row([area, *(_passed(t.by_area.get(area, {})) for t in summary.testees)])
            for area in areas
        ),
        _row(["**all**", *(f"**{_passed(t.counts)}**" for t in summary.testees)]),
    ]
    return "\n".join(lines) + "\n"


def _row(cells: Iterable[str]) -> str:
    one_line = (" ".join(cell.replace("|", "\\|").split()) for cell in cells)
    return f"| {' | '.join(one_line)} |"


def _known(summary: Summary) -> list[str]:
    """The capabilities that one of them has at least."""
    return sorted({name for testee in summary.testees for name in testee.capabilities})


def _classes(testee: TesteeSummary, known: Iterable[str]) -> list[str]:
    cells = [
        _passed(testee.by_class[name]) or "none asked" if name in testee.classes else "no"
        for name in CLASS_NAMES
    ]
    lacks = [name for name in known if name not in testee.capabilities]
    return [f"{testee.name} {testee.version}", *cells, ", ".join(lacks)]


def _sentence(testee: TesteeSummary) -> str:
    does = [_DOES[name] for name in CLASS_NAMES if name in testee.classes]
    lacks = [name for name in CLASS_NAMES if name not in testee.classes]
    support = (
        f"partial: it {' and '.join(does) or 'does nothing'}, and is no {' and no '.join(lacks)}"
    )
    return f"- {testee.name}: {support if lacks else 'all classes'}."


def _shortfalls(summary: Summary) -> Iterator[str]:
    """Each case that is not passed, with its reason."""
    rows = [
        _row([testee.name, f"`{s.case}`", s.status, f"`{s.observed}`", s.reason])
        for testee in summary.testees
        for s in testee.shortfalls
    ]
    if rows:
        yield from ("## Not passed", "", _row(["", "case", "status", "what came", "why"]))
        yield from (_row(["---"] * 5), *rows, "")


def _passed(counts: Counts) -> str:
    applicable = sum(n for status, n in counts.items() if status != Status.NOT_APPLICABLE)
    if not applicable:
        return ""
    return f"{counts.get(Status.PASS, 0):,} of {applicable:,}"
