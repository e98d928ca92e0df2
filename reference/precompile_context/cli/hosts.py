"""The facts of a host: of this one, or from a file that `explain --print-host` wrote elsewhere."""

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import typer

from _precompile_run import complain, installed
from precompile_context.adapters.directory import tools
from precompile_context.bundle import Bundle
from precompile_context.environment import Environment
from precompile_context.errors import MisuseError
from precompile_context.files.access import read_some
from precompile_context.session.announced import made
from precompile_context.session.part import concerning

# A directory's type, before its name: whatever its name, its facts are known.
_DIRECTORY = "directory."


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


def fitting(environment: Environment, bundle: Bundle) -> Environment:
    from precompile_context.adapters.pytorch.facts import environment as host

    return host.fitting_environment(environment, bundle)


def host_for(bundle: Bundle) -> tuple[Environment, str | None]:
    """This host's facts, as far as a segment asks for any; and why those of torch are unknown."""
    if not any(segment.manifest.requirements for segment in bundle.segments):
        return Environment(), None
    others, rest = other_compilers(bundle)
    if not rest:
        return others, None
    environment, reason = torch_host()
    environment = environment if reason else fitting(environment, bundle)
    return Environment({**others.facts, **environment.facts}), reason


def other_compilers(bundle: Bundle) -> tuple[Environment, int]:
    """The facts that other adapters than torch's tell, where the bundle has segments of theirs;
    and how many segments are nobody's of them. What an adapter cannot tell stays unknown.
    """
    facts: dict[str, frozenset[str]] = {}
    theirs: set[int] = set()
    # An adapter may import its compiler, which is imported only where there is one.
    there = (where for module, where in installed() if find_spec(module.partition(".")[0]))
    for value in dict.fromkeys(there):
        if value.startswith("precompile_context.adapters.pytorch."):
            continue
        adapter = made(value)
        own = concerning(bundle, {cls.TYPE for cls in adapter.types}) if adapter else []
        if adapter is None or not own:
            continue
        theirs.update(segment.index for segment in own)
        try:
            facts |= adapter.facts().facts
        except Exception as error:  # a compiler that is not there, or cannot be used
            complain(error)
    types = {one.type for segment in bundle.segments for one in segment.manifest.artifacts}
    for type_name in sorted(one for one in types if one.startswith(_DIRECTORY)):
        theirs.update(segment.index for segment in concerning(bundle, {type_name}))
        facts |= tools.facts(type_name.removeprefix(_DIRECTORY)).facts
    return Environment(facts), len(bundle.segments) - len(theirs)


def torch_host() -> tuple[Environment, str | None]:
    from precompile_context.adapters.pytorch.facts import environment as host

    try:
        return host.host_environment(), None
    except ModuleNotFoundError as error:
        return host.torchless_environment(), str(error)
    except Exception as error:  # a torch that cannot be used here, for whatever reason
        return host.torchless_environment(), f"{type(error).__name__}: {error}"
