"""What `precompile run --directory` tells the program's process: names and paths."""

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping

from _precompile_run import ADAPTERS
from precompile_context.adapters.directory.tools import KNOWN, tool
from precompile_context.errors import MisuseError

_VARIABLE = "PRECOMPILE_DIRECTORIES"
_MODULE = "precompile_context.adapters.directory.by_name"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


def parsed(options: Iterable[str]) -> dict[str, str]:
    """Absolute paths by name, of texts NAME=PATH, or NAME alone for a tool that is known.

    Raises:
        MisuseError: one is neither.
    """
    found: dict[str, str] = {}
    for option in options:
        name, _, path = option.partition("=")
        if not _NAME.fullmatch(name):
            raise MisuseError(f"{option!r}: NAME=PATH, the name of lower-case letters and digits")
        known = tool(name)
        path = path or os.environ.get(known.variable or "", "") or (known.default or "")
        if not path:
            raise MisuseError(f"{option!r}: where is it? NAME=PATH; known: {', '.join(KNOWN)}")
        if name in found:
            raise MisuseError(f"{name!r} is named twice")
        found[name] = os.path.abspath(os.path.expanduser(path))
        if whose := _held_by(found[name]):
            raise MisuseError(f"{name}={path} holds {whose}: name a directory of the tool's alone")
    return found


def _held_by(path: str) -> str | None:
    """What lies in a directory that is no tool's cache: all of it would be recorded."""
    path = os.path.realpath(path)
    things = {
        "the home directory": os.path.expanduser("~"),
        "the current directory": os.getcwd(),
        "Python": sys.prefix,
        "the system's settings": "/etc/passwd",
    }
    real = {name: os.path.realpath(thing) for name, thing in things.items()}
    return next((n for n, there in real.items() if os.path.commonpath([path, there]) == path), None)


def announce(named: Mapping[str, str], environ: MutableMapping[str, str]) -> None:
    """Have processes started with `environ` restore these directories, and tools use them."""
    if not named:
        return
    environ[_VARIABLE] = json.dumps(dict(named))
    # `builtins` is there from the first: such an adapter begins when Python does.
    own = [f"builtins={_MODULE}:{name}" for name in named]
    environ[ADAPTERS] = " ".join([environ.get(ADAPTERS, ""), *own]).strip()
    for name, path in named.items():
        variable = tool(name).variable
        if variable is not None:
            environ[variable] = path


def directories(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those of this process's run; empty where it has none."""
    named = json.loads(environ.get(_VARIABLE, "{}"))
    return {str(name): str(path) for name, path in named.items()}
