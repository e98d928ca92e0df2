"""A tool's directory: restored before the program starts, what is new in it recorded."""

import contextlib
import json
import os
import threading
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from precompile_context.adapters.directory import below
from precompile_context.adapters.directory.named import directories
from precompile_context.adapters.directory.tools import facts, tool
from precompile_context.artifact import key_fault
from precompile_context.bundle import StoredArtifact
from precompile_context.environment import Environment
from precompile_context.files import check_private
from precompile_context.plural import plural
from precompile_context.session import Adapter, Part, ServedArtifact
from precompile_context.session.settings import Settings

# A cache of compiled code has files of some megabytes. What is larger is something else.
MOST_FILE = 1 << 30
MOST_FILES = 100_000
MOST_BYTES = 16 << 30
_TOO_MUCH = f"more than {MOST_FILES:,} files or {MOST_BYTES >> 30} GiB"
# Between two looks at the directory while the program runs.
INTERVAL_SECONDS = 30.0
_PERMISSIONS = 0o755  # no other bits are kept, and nobody else gets to write
# In the place of the directory's path in files that hold it: no path begins so.
_ROOT = "\N{REPLACEMENT CHARACTER}directory"


@dataclass(frozen=True)
class DirectoryFile(ServedArtifact):
    """A file; its key is its name below the directory. A class for each directory has its TYPE.

    Attributes:
        mode: its permissions.
        mtime_ns: when it was written last, in nanoseconds since 1970.
        removed: whether the tool has removed it; there is no content then.
    """

    mode: int
    mtime_ns: int
    removed: bool


class DirectoryAdapter(Adapter):
    """The directory of one tool; a subclass for each has its name and its type."""

    unit: ClassVar[str] = "file"
    tool_name: ClassVar[str]

    def __init__(self) -> None:
        self._root = Path(directories()[self.tool_name])
        self._tool = tool(self.tool_name)
        self._type = self.types[0].TYPE
        self._part: Part | None = None
        self._pid = 0
        self._counts: Counter[str] = Counter()
        self._seen: dict[str, tuple[int, int]] = {}
        self._looked: dict[str, tuple[int, int]] = {}
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        """At once, in the program's own process: its children find the directory restored."""
        if Settings.read().is_main():
            begin()

    def facts(self) -> Environment:
        """As the table of tools says."""
        return facts(self.tool_name)

    def leave_out(self, stored: StoredArtifact, content: bytes) -> None:
        """Remove the file, as long as it is the one that was restored."""
        if self._tool.holds_path(stored.key):
            content = _with_path(content, _ROOT, str(self._root))
        if below.read(self._root, stored.key, MOST_FILE)[0] == content:
            below.remove(self._root, stored.key)

    def start(self, part: Part) -> None:
        """Restore, and look for what is new from time to time.

        Raises:
            OSError: the directory cannot be made, or others may write to it.
        """
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        # What others could put there would be loaded, and recorded under our signature.
        check_private(self._root, link_allowed=True)
        self._part, self._pid = part, os.getpid()
        if self._tool.warning is not None:
            part.tell(self._tool.warning)
        self._restore(part)
        self._ended.clear()
        threading.Thread(target=self._at_intervals, name="precompile", daemon=True).start()

    def stop(self) -> None:
        """Record what is new and what is gone, and look no more."""
        self._ended.set()
        if os.getpid() == self._pid:
            self._record(settled=False)

    def report(self) -> Mapping[str, Any]:
        """Counts of files: restored; kept, which were there; recorded; removed; skipped."""
        names = ("restored", "kept", "recorded", "removed", "skipped")
        return {"directory": str(self._root), **{name: self._counts[name] for name in names}}

    def summary(self) -> str:
        """How many files were restored."""
        return f"{plural(self._counts['restored'], 'file')} of {self.tool_name}"

    def _restore(self, part: Part) -> None:
        stored = sorted(part.stored(self._type), key=lambda one: self._tool.is_last(one.key))
        files = total = 0
        for one in stored:
            if one.attributes.get("removed") or one.content_size > MOST_FILE:
                continue
            files, total = files + 1, total + one.content_size
            if files > MOST_FILES or total > MOST_BYTES:
                part.tell(f"{_TOO_MUCH}: not all was restored")
                break
            try:
                self._restore_one(part, one.key, one.attributes)
            except Exception as error:  # a hostile name or time, a link, a full disk
                self._counts["skipped"] += 1
                part.tell(f"not all was restored; the first: {error}")

    def _restore_one(self, part: Part, key: str, attributes: Mapping[str, Any]) -> None:
        below.parts_of(key)
        if self._tool.ignores(key):
            raise below.UnsafeNameError(f"{key[:200]!r} is a lock's name, or a temporary file's")
        content = part.find(self._type, key)
        if content is None:
            return
        if self._tool.holds_path(key):
            content = _with_path(content, _ROOT, str(self._root))
        written = int(attributes.get("mtime_ns", 0))
        made = below.write(
            self._root,
            key,
            content,
            mode=int(attributes.get("mode", 0)) & _PERMISSIONS | 0o600,
            mtime_ns=written,
        )
        self._counts["restored" if made else "kept"] += 1
        # One that is there is looked at in the end: is it of this time and size, it is this one.
        self._seen[key] = (written, len(content))

    def _at_intervals(self) -> None:
        while not self._ended.wait(INTERVAL_SECONDS):
            with contextlib.suppress(Exception):  # the end looks again, and tells
                self._record(settled=True)

    def _record(self, *, settled: bool) -> None:
        """Record what differs from what was seen last; with `settled`, not what is just written:
        a program that is killed would leave half of it to others.
        """
        part = self._part
        if part is None:
            return
        with self._lock:
            found: dict[str, tuple[int, int]] = {}
            unread: list[str] = []
            total = 0
            for key, status in below.files(self._root, unread):
                total += status.st_size
                if len(found) == MOST_FILES or total > MOST_BYTES:
                    part.tell(f"{_TOO_MUCH}: not all is recorded")
                    break
                if key_fault(key) is None and not self._tool.ignores(key):
                    found[key] = (status.st_mtime_ns, status.st_size)
            else:
                self._record_removed(part, found, unread)
            if unread:
                where = self._root / unread[0]
                part.tell(
                    f"not all is recorded: {where}: others may write there, or it is unreadable"
                )
            # Those that name others come last, here too: a killed run leaves no such one alone.
            for key in sorted(found, key=self._tool.is_last):
                is_settled = not settled or self._looked.get(key) == found[key]
                if is_settled and self._seen.get(key) != found[key]:
                    self._record_one(part, key, found[key], settled=settled)
            self._looked = found
            if settled:  # at the end, the session saves
                part.save()

    def _record_one(self, part: Part, key: str, seen: tuple[int, int], *, settled: bool) -> None:
        try:
            content, status = below.read(self._root, key, MOST_FILE)
            if self._tool.holds_path(key):
                content = _with_path(content, str(self._root), _ROOT)
        # Gone, too large, or not whole yet: the next look has it.
        except (OSError, ValueError, RecursionError):
            self._counts["skipped"] += not settled
            return
        mode = status.st_mode & _PERMISSIONS
        fields = {"mode": mode, "mtime_ns": status.st_mtime_ns, "removed": False}
        part.record(self._type, key, content, replace=True, **fields)
        self._seen[key] = seen
        self._counts["recorded"] += 1

    def _record_removed(
        self, part: Part, found: Mapping[str, object], unread: Collection[str]
    ) -> None:
        """What is not there any more is gone, but in a folder that could not be looked into."""
        hidden = tuple(f"{folder}/" if folder else "" for folder in unread)
        for key in [key for key in self._seen if key not in found and not key.startswith(hidden)]:
            part.record(self._type, key, b"", replace=True, mode=0, mtime_ns=0, removed=True)
            del self._seen[key]
            self._counts["removed"] += 1


def _with_path(content: bytes, old: str, new: str) -> bytes:
    """A JSON file's content, with texts that begin with one path beginning with another.

    Raises:
        ValueError: it is no JSON.
    """

    def mended(value: Any) -> Any:
        if isinstance(value, str) and (value == old or value.startswith(old + "/")):
            return new + value.removeprefix(old)
        if isinstance(value, dict):
            return {key: mended(item) for key, item in value.items()}
        return [mended(item) for item in value] if isinstance(value, list) else value

    return json.dumps(mended(json.loads(content))).encode()


def adapter_of(name: str) -> type[DirectoryAdapter]:
    """The adapter of one directory: its facts are its own, and so are its segments."""
    fields: dict[str, Any] = {"TYPE": f"directory.{name}", "__annotations__": {}}
    file: type = dataclass(frozen=True)(type("DirectoryFile", (DirectoryFile,), fields))
    own = {"name": f"directory_{name}", "types": (file,), "tool_name": name}
    return type("DirectoryAdapter", (DirectoryAdapter,), own)
