"""The facts of a host that is not this one: from a file that `explain --print-host` wrote there."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from precompile_context.environment import Environment
from precompile_context.errors import MisuseError
from precompile_context.files.access import read_some


def described(environment: Environment) -> dict[str, Any]:
    """The facts for a file."""
    return {name: sorted(values) for name, values in sorted(environment.facts.items())}


def read_host(file: Path | None, changes: Sequence[str], here: Environment) -> Environment:
    """The host of the file, or this one, with some facts changed: NAME=VALUE, or NAME= for none.

    A fact that is named several times has several values.

    Raises:
        typer.BadParameter: the file holds no facts, or a change is none.
        OSError: the file cannot be read.
    """
    facts: dict[str, Any] = described(here) if file is None else _read(file)
    changed: dict[str, Any] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals:
            raise typer.BadParameter(f"--fact is NAME=VALUE, not {change}")
        changed.setdefault(name, []).extend([value] if value else [])
    try:
        environment = Environment({**facts, **changed})
    except MisuseError as error:
        where = "--fact" if file is None else f"{file}"
        raise typer.BadParameter(f"{where}: {error}") from None
    return Environment({name: values for name, values in environment.facts.items() if values})


def _read(file: Path) -> dict[str, Any]:
    try:
        told = json.loads(read_some(file))
        facts = told["host"]
    except (ValueError, KeyError, TypeError):
        facts = None
    if not isinstance(facts, dict):
        text = "no facts of a host, as `precompile explain BUNDLE --print-host` writes them"
        raise typer.BadParameter(f"{file}: {text}")
    return facts
