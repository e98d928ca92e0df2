"""What a command makes within a page, between marks that name the command."""

_END = "<!-- end -->\n"


def renewed(text: str, by: str, made: str) -> str:
    """The page's text with this in the place of what the command made before.

    Raises:
        SystemExit: it has no such place, or several.
    """
    before, *others = text.split(begin := f"<!-- made by {by} -->\n")
    if len(others) != 1 or _END not in others[0]:
        raise SystemExit(f"the page has no place for what is made by {by}, or several")
    after = others[0].partition(_END)[2]
    return f"{before}{begin}{made}{_END}{after}"


def as_cell(text: str) -> str:
    """A text as a cell of a Markdown table that shows it as it is: what has brackets is no link."""
    return text.replace("[", "\\[")
