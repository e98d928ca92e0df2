"""Reports and bundles as notebooks and prompts show them: a small table, or a line."""

from collections.abc import Iterable
from html import escape


def table(caption: str, rows: Iterable[tuple[str, object]]) -> str:
    """An HTML table of names and values; a bundle's texts are texts in it, and no more."""
    body = "".join(
        f"<tr><th style='text-align:left'>{escape(name)}</th><td>{escape(str(value))}</td></tr>"
        for name, value in rows
    )
    return f"<table><caption>{escape(caption)}</caption>{body}</table>"


def shown(name: str, rows: Iterable[tuple[str, object]]) -> str:
    """The same in a line."""
    return f"<{name}: {', '.join(f'{label} {value}' for label, value in rows)}>"
