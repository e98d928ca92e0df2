"""How many of what, as a person reads it."""


def plural(count: int, noun: str) -> str:
    """`1 segment`, `2 segments`, `1,000 libraries`."""
    nouns = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else nouns}"
