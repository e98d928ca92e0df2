"""The digest of torch's sources, remembered while they are the very files that were read.

torch computes it by reading all of its modules, which takes longer than everything else that
a served process does. It is kept with the identity of each of those files: size, device, inode,
and the times at which content and inode last changed, in nanoseconds. Any write, and any file
put in another's place, gives the second time by the system's clock; no program can set it, as
it can set the first. Python itself decides by less, size and seconds of the first, whether the
bytecode that it runs is of that source.
"""

import contextlib
import functools
import hashlib
import importlib.machinery
import os
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from precompile_context.files import check_private, replace
from precompile_context.files.state_directory import state_directory

# A file that changed less than this ago may change again within one tick of its system's clock.
_SETTLED_NS = 10 * 10**9
# What torch reads beside its modules, below its directory.
_BESIDE = ("_inductor/codegen/aoti_runtime/interface.cpp", "_inductor/script.ld")
_SUFFIXES = tuple(importlib.machinery.all_suffixes())


@functools.cache
def sources_digest() -> bytes:
    """torch's own digest, `torch_key()`, which torch then need not compute either; as there, once
    a process, which runs the torch that it has imported.
    """
    import torch
    from torch._inductor import codecache
    from torch._inductor import config as settings

    config: Any = settings
    compute: Any = codecache.torch_key
    state = state_directory()
    # Elsewhere than on POSIX the second time is that at which a file was made.
    if state is None or os.name != "posix" or config.is_fbcode():
        return bytes(compute())
    digest = remembered(Path(torch.__file__).parent, str(torch.__version__), state, compute)
    with contextlib.suppress(AttributeError, RuntimeError):  # RuntimeError: torch has it already
        compute.set(digest)
    return digest


def remembered(root: Path, version: str, state: Path, compute: Callable[[], bytes]) -> bytes:
    """The digest of a torch in the directory `root`: as it is remembered in `state`, or as
    `compute` tells it, of 32 bytes.
    """
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:16]
    file = state / f"torch-{name}"
    began = time.time_ns()
    before = _identity(root, version)
    if before is None:
        return compute()
    identity, changed = before
    if (digest := _read(file, identity)) is not None:
        return digest
    digest = compute()
    if changed < began - _SETTLED_NS and _identity(root, version) == before:
        with contextlib.suppress(OSError):  # the next process computes it, too
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
            check_private(state)
            replace(file, [f"{identity} {digest.hex()}\n".encode()], mode=0o600)
    return digest


def _read(file: Path, identity: str) -> bytes | None:
    """The digest that is remembered for this identity; None where there is none."""
    try:
        check_private(file.parent)
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return None
    found = re.fullmatch(r"([0-9a-f]{64}) ([0-9a-f]{64})\n", text)
    return bytes.fromhex(found[2]) if found and found[1] == identity else None


def _identity(root: Path, version: str) -> tuple[str, int] | None:
    """What tells these files from all others, and when the last of them changed; None where
    they cannot be looked at: a torch in an archive, say.
    """
    try:
        found = [(name, os.stat(root / name)) for name in _BESIDE if (root / name).exists()]
        found += _modules(root)
    except OSError:
        return None
    times = [(s.st_mtime_ns, s.st_ctime_ns) for _, s in found]
    files = [
        (name, s.st_size, s.st_dev, s.st_ino, *changed)
        for (name, s), changed in zip(found, times, strict=True)
    ]
    told = repr((version, _SUFFIXES, sorted(files)))
    digest = hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()
    return digest, max(map(max, times), default=0)


def _modules(root: Path) -> list[tuple[str, os.stat_result]]:
    """All modules that torch reads for its digest: its own, and those of packages within."""
    found = []
    folders = [str(root)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            here = list(entries)
        if not any(entry.name.startswith("__init__.") for entry in here):
            continue  # no package: torch does not look into it either
        for entry in here:
            if entry.name.endswith(_SUFFIXES):
                found.append((entry.path, entry.stat()))
            elif "." not in entry.name and entry.is_dir():
                folders.append(entry.path)
    return found
