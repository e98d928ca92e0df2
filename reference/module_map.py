"""The map of the reference in CONTRIBUTING.md, made from the imports of its modules.

python reference/module_map.py            writes it
python reference/module_map.py --check    fails where it is another one
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NAME = "precompile_context"
PACKAGE = ROOT / "reference" / NAME
PAGE = ROOT / "CONTRIBUTING.md"
BEGIN = "<!-- made by reference/module_map.py -->\n"
END = "<!-- end -->\n"


def rooms() -> dict[str, list[Path]]:
    """The modules of each module or folder right below the package."""
    found: dict[str, list[Path]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if not room.startswith("__"):
            found.setdefault(room, []).append(path)
    return found


def imports(path: Path) -> Iterator[str]:
    """The rooms that a module imports from, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in names:
            package, _, rest = name.partition(".")
            if package == NAME and rest:
                yield rest.partition(".")[0]


def reached(room: str, uses: dict[str, set[str]]) -> set[str]:
    """All rooms below this one, through others too."""
    found: set[str] = set()
    waiting = {room}
    while waiting:
        waiting = {each for other in waiting for each in uses[other]} - found
        found |= waiting
    return found


def table() -> str:
    """A line for each room, whoever needs least first."""
    modules = rooms()
    uses = {
        room: {each for path in paths for each in imports(path)} & modules.keys() - {room}
        for room, paths in modules.items()
    }
    lines = ["| room | modules | what it holds | imports |", "|---|---|---|---|"]
    for room in sorted(modules, key=lambda room: (len(reached(room, uses)), room)):
        paths = modules[room]
        first = next((path for path in paths if path.name == "__init__.py"), paths[0])
        told = ast.get_docstring(ast.parse(first.read_text(encoding="utf-8"))) or ""
        holds = " ".join(told.partition("\n\n")[0].split()).replace("|", "\\|")
        below = ", ".join(f"`{each}`" for each in sorted(uses[room]))
        lines.append(f"| `{room}` | {len(paths)} | {holds} | {below} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the map, or check it."""
    page = PAGE.read_text(encoding="utf-8")
    head, _, rest = page.partition(BEGIN)
    tail = rest.partition(END)[2]
    made = head + BEGIN + table() + END + tail
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(made, encoding="utf-8")
    elif made != page:
        sys.exit("CONTRIBUTING.md has another map; python reference/module_map.py writes it")


if __name__ == "__main__":
    main()
