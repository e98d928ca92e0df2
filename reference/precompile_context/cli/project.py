"""Options that a project sets: [tool.precompile.COMMAND] in its pyproject.toml."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import typer

# Whom somebody trusts is theirs to say: a project that was fetched must not widen it.
_OF_THE_USER = ("trust", "unsigned", "key", "passphrase_file", "threshold")


def options(command: str, known: dict[str, str], folder: Path) -> dict[str, Any]:
    """What the nearest pyproject.toml at or above `folder` sets for a command, by parameter.

    `known` are its options, each with its parameter.

    Raises:
        typer.BadParameter: that is no table of options that the command has.
    """
    file = next((f for f in _files(folder) if f.is_file()), None)
    if file is None:
        return {}
    table = _table(file).get(command, {})
    where = f"{file}: [tool.precompile.{command}]"
    if not isinstance(table, dict):
        raise typer.BadParameter(f"{where} is no table of options")
    found = {}
    for name, value in table.items():
        parameter = known.get(name)
        if parameter in _OF_THE_USER:
            raise typer.BadParameter(f"{where} sets {name}: whom you trust no project says for you")
        if parameter is None:
            close = get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise typer.BadParameter(f"{where} has no option {name}{hint}")
        if not isinstance(value, str | bool | int | float | list):
            raise typer.BadParameter(f"{where}: {name} is no value of an option")
        if parameter == "bundle" and isinstance(value, str):
            value = _below(file.parent, value)
        found[parameter] = value
    return found


def _below(folder: Path, bundle: str) -> str:
    """One bundle for all of the project, wherever in it somebody stands."""
    from precompile_context.stores import is_store_name

    return bundle if is_store_name(bundle) else str(folder / bundle)


def _files(folder: Path) -> list[Path]:
    return [above / "pyproject.toml" for above in (folder, *folder.parents)]


def _table(file: Path) -> dict[str, Any]:
    try:
        data = file.read_bytes()
        told = tomllib.loads(data.decode())
    except OSError:
        return {}
    except ValueError as error:
        if b"[tool.precompile" not in data:  # then nothing of ours is in it
            return {}
        raise typer.BadParameter(f"{file}: {error}") from None
    tool = told.get("tool")
    ours = tool.get("precompile", {}) if isinstance(tool, dict) else {}
    if not isinstance(ours, dict):
        raise typer.BadParameter(f"{file}: [tool.precompile] has a table for each command")
    return ours
