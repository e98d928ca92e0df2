"""The results as one HTML page beside its pictures."""

from html import escape

from benchmarks.results import Results
from benchmarks.tables import Table, tables

_HEAD = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Precompile Bundle: benchmarks</title>
<style>
body { font: 14px/1.5 system-ui, sans-serif; max-width: 80rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; margin: 0 0 2rem } caption { text-align: left; font-weight: 600 }
td, th { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: left }
img { max-width: 100%; display: block; margin: 0 0 2rem }
</style>
<h1>Precompile Bundle: benchmarks</h1>
"""


def page(results: Results, pictures: list[str]) -> str:
    """The whole page; `pictures` are names of files beside it."""
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    images = "".join(f'<img src="{escape(name)}" alt="{escape(name)}">\n' for name in pictures)
    shown = "".join(map(_table, tables(results)))
    return f"{_HEAD}<p>{escape(machine)}</p>\n{images}{shown}</html>\n"


def markdown(results: Results) -> str:
    """The tables as text that a README takes."""
    return "\n".join(map(_markdown, tables(results)))


def _markdown(table: Table) -> str:
    lines = [table.headings, ["---"] * len(table.headings), *table.rows]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table.title}\n\n{rows}\n"


def _table(table: Table) -> str:
    head = "".join(f"<th>{escape(heading)}</th>" for heading in table.headings)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in table.rows
    )
    return f"<table><caption>{escape(table.title)}</caption>\n<tr>{head}</tr>\n{rows}</table>\n"
