"""The results as pictures."""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("agg")
from matplotlib import pyplot

from benchmarks.contents import WORKLOADS
from benchmarks.results import Results
from benchmarks.session import OPERATIONS

_COLOURS = {"bundle": "#1f6feb", "mega-cache": "#d1242f"}


def draw(results: Results, folder: Path) -> list[str]:
    """Write the pictures into `folder` and give their names."""
    drawn = [_beside_mega_cache(results, folder)]
    drawn += [_growth(results, name, folder) for name in results.growth]
    return drawn


def _beside_mega_cache(results: Results, folder: Path) -> str:
    bars = [
        (f"{workload}: {operation}", faster)
        for workload in WORKLOADS
        for operation in OPERATIONS
        if (faster := results.times_faster(workload, operation)) > 0
    ]
    figure, axes = pyplot.subplots(figsize=(8, 0.32 * len(bars) + 1))
    names, values = [name for name, _ in reversed(bars)], [value for _, value in reversed(bars)]
    colours = [_COLOURS["bundle" if value >= 1 else "mega-cache"] for value in values]
    axes.barh(names, [value - 1 for value in values], left=1, color=colours)
    for row, value in enumerate(values):
        axes.annotate(f" {value:,.1f} ", (value, row), va="center", fontsize=8,
                      ha="left" if value >= 1 else "right")  # fmt: skip
    axes.set_xscale("log")
    axes.axvline(1, color="black", linewidth=0.8)
    axes.margins(x=0.15)
    axes.set_xlabel("times faster than the mega-cache, on a logarithmic scale")
    return _write(figure, folder / "beside-mega-cache.png")


def _growth(results: Results, name: str, folder: Path) -> str:
    figure, axes = pyplot.subplots(figsize=(6, 4))
    styles = dict(
        zip(("save", "load all", "read one", "open", "append another"), "osD^v", strict=True)
    )
    for peer, points in results.growth[name].items():
        for operation in next(iter(points.values())):
            axes.plot(
                list(points),
                [point[operation] for point in points.values()],
                marker=styles[operation],
                color=_COLOURS[peer],
                label=f"{peer}: {operation}",
            )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(name)
    axes.set_ylabel("seconds")
    axes.legend(fontsize=7)
    return _write(figure, folder / f"growth-{name.lower()}.png")


def _write(figure: Any, path: Path) -> str:
    figure.savefig(path, dpi=130, bbox_inches="tight", metadata={"Software": None})
    pyplot.close(figure)
    return path.name
