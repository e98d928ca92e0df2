"""The tools that are known: where their files are, what these depend on, what to leave out."""

import fnmatch
import hashlib
import importlib.metadata
import os
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from precompile_context.environment import Environment, python_abi

# What every tool's own locks and half-written files look like.
_IGNORED = ("*.lock", "*.tmp", "*.tmp.*", "tmp.pid_*", ".*")


@dataclass(frozen=True)
class Tool:
    """One tool, or any that is not known.

    Attributes:
        variable: the environment variable that names its directory.
        default: its directory where that is not set.
        distributions: whose versions its files depend on.
        for_processor: whether they hold code for this host's processor.
        ignored: patterns of file names that are neither recorded nor restored, beside
            locks and what is half written.
        holding_paths: patterns of files that hold the directory's path, as JSON texts: it is
            taken out when they are recorded, and put in when they are restored.
        last: patterns of files that name others: they are restored after these.
        warning: what a user must know; told at the start.
    """

    variable: str | None = None
    default: str | None = None
    distributions: tuple[str, ...] = ()
    for_processor: bool = True
    ignored: tuple[str, ...] = ()
    holding_paths: tuple[str, ...] = ()
    last: tuple[str, ...] = ()
    warning: str | None = None

    def ignores(self, key: str) -> bool:
        """Whether the file, or a directory that it is in, is not the cache's content."""
        return any(
            fnmatch.fnmatchcase(part, pattern)
            for part in key.split("/")
            for pattern in (*_IGNORED, *self.ignored)
        )

    def holds_path(self, key: str) -> bool:
        """Whether the file holds the directory's path."""
        return _matches(key, self.holding_paths)

    def is_last(self, key: str) -> bool:
        """Whether the file names others, which must be there before."""
        return _matches(key, self.last)


KNOWN = {
    "triton": Tool(
        variable="TRITON_CACHE_DIR",
        default="~/.triton/cache",
        distributions=("triton",),
        for_processor=False,  # but for its launcher, which is C compiled for any of the machine's
        holding_paths=("__grp__*.json",),
        last=("__grp__*.json",),
    ),
    "openvino": Tool(
        distributions=("openvino",),
        warning="a model that is read by its path is believed by the time of its .xml file alone, "
        "the weights are not looked at: use it with models that do not change",
    ),
    "warp": Tool(variable="WARP_CACHE_PATH", default="~/.cache/warp", distributions=("warp-lang",)),
}


def tool(name: str) -> Tool:
    """The tool of this name; one of which nothing is known where there is none."""
    return KNOWN.get(name, Tool())


def facts(name: str) -> Environment:
    """What the tool's files depend on here, all of it to be equal."""
    return Environment({key: frozenset([value]) for key, value in _facts(name) if value})


def _facts(name: str) -> Iterator[tuple[str, str]]:
    this = tool(name)
    yield "os.name", platform.system()
    yield "os.machine", platform.machine()
    yield "python.abi", python_abi()
    for distribution in this.distributions:
        try:
            version = importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            version = "none"
        yield f"{name}.version", version
    if this.for_processor:
        yield f"directory.{name}.cpu", _processor()


def _processor() -> str:
    """A digest of the first processor's model and flags; of its name where the system tells no
    more.
    """
    try:
        text = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0]
    except OSError:
        text = platform.processor()
    # Not the clock, which changes, nor which of the processors it is.
    kept = ("vendor", "family", "model", "stepping", "flags", "features", "implementer", "part")
    lines = [line for line in text.splitlines() if any(word in line.lower() for word in kept)]
    return f"sha256:{hashlib.sha256('|'.join(lines or [text]).encode()).hexdigest()[:32]}"


def _matches(key: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(os.path.basename(key), pattern) for pattern in patterns)
