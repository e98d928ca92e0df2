"""Kernel libraries under names that do not depend on where torch and Python are installed.

torch names a library by its source and the compiler's command line, which holds
the directories of torch's headers and of Python. In another virtual environment
the same library has another name, and would be built again.
"""

import contextlib
import hashlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from precompile_context.adapters.pytorch import places

# By path: the portable name of each library that this process has looked for.
_NAMES: dict[str, str] = {}
# By portable name: what gives the bytes of a library that came with a bundle, or None.
_APPLIED: dict[str, Callable[[], bytes | None]] = {}


def portable_name(source: str | bytes, command: str, roots: dict[str, str]) -> str:
    """A digest of source and command with each of `roots` (directory to word) replaced."""
    # The longest first: one may lie within another.
    ordered = sorted(filter(None, roots), key=len, reverse=True)
    pattern = "|".join(re.escape(root) + r"(?=[/\s]|$)" for root in ordered)
    neutral = re.sub(pattern, lambda match: roots[match[0]], command) if pattern else command
    data = source if isinstance(source, bytes) else source.encode(errors="surrogatepass")
    hasher = hashlib.sha256(data.strip())
    hasher.update(b"\0" + neutral.encode(errors="surrogatepass"))
    return hasher.hexdigest()


def name_of(library: str) -> str:
    """The portable name of a library that was looked for; "" where it has none."""
    return _NAMES.get(library, "")


def applied(name: str, read: Callable[[], bytes | None]) -> None:
    """A library of this portable name came with a bundle; it is read when it is looked for."""
    if name:
        _APPLIED[name] = read


def looked_for(library: str, source: str | bytes, command: str) -> None:
    """torch is about to look for `library`: put it there if it was applied under another name."""
    name = portable_name(source, command, _installation())
    _NAMES[library] = name
    read = _APPLIED.get(name)
    if read is None or os.path.exists(library):
        return
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    # Where this fails, torch builds the library.
    with contextlib.suppress(OSError, ValueError):
        root = cache_dir()
        place = Path(library).relative_to(root).as_posix()
        content = read()
        if content is not None:
            places.put(root, place, content, replace=False)


def _installation() -> dict[str, str]:
    import torch

    return {
        sys.prefix: "<prefix>",
        sys.base_prefix: "<python>",  # outside a virtual environment the two are one
        os.path.dirname(torch.__file__): "<torch>",
    }
