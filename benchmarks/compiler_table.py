"""The table of compilers, cold and warm, in the pages that show it."""

from collections.abc import Mapping
from typing import Any

from benchmarks.children import ROOT
from benchmarks.marked import renewed

PAGES = "README.md", "docs/performance.md"
_BY = "python -m benchmarks.compiler_caches"
_HEAD = (
    "| | cold | its own hot cache | warm, bundle | cold / bundle | bundle / own |\n"
    "|---|---|---|---|---|---|\n"
)


def table(results: Mapping[str, Any]) -> str:
    """A row for each compiler: seconds of compiling, of one run of the benchmark."""
    return _HEAD + "".join(_row(name, of_one) for name, of_one in sorted(results.items()))


def put(results: Mapping[str, Any]) -> None:
    """Write it into the pages."""
    for page in PAGES:
        path = ROOT / page
        path.write_text(_renewed(path.read_text(encoding="utf-8"), results), encoding="utf-8")


def faults(results: Mapping[str, Any]) -> str | None:
    """What a page shows that is not so, in a line; None where nothing is."""
    texts = {page: (ROOT / page).read_text(encoding="utf-8") for page in PAGES}
    wrong = [page for page, text in texts.items() if _renewed(text, results) != text]
    if not wrong:
        return None
    return f"{', '.join(wrong)}: not the table of what was measured: renew it with --table"


def _renewed(text: str, results: Mapping[str, Any]) -> str:
    return renewed(text, _BY, table(results))


def _row(name: str, result: Mapping[str, Any]) -> str:
    medians = result["medians"]
    # Where what the compiler does is told apart from tracing and running, that is it.
    figure = "first_calls" if medians["cold"]["compile"] is None else "compile"
    cold, own, ours = (
        medians[mode][figure] for mode in ("cold", "warm, its own hot cache", "warm, bundle")
    )
    about = result["about"][0].lower() + result["about"][1:]
    times = cold / ours
    cells = [f"{name}: {about}", *(f"{seconds:.2f}" for seconds in (cold, own, ours))]
    cells += [f"{times:.0f}" if times > 10 else f"{times:.1f}"]
    cells += [f"{result['beside_own'][figure]:.2f}"]
    return f"| {' | '.join(cells)} |\n"
