"""What `torch.compiler.precompile` (torch 2.15) writes: a source and a cache, of one capture.

The source is run when it is loaded, and torch's cache for it is unpickled: they have no signature
of their own. In a bundle they are an entry and its backend, so that they come together or not at
all. Kernels' libraries, which torch's cache leaves out, are artifacts beside them, as of any
compile: `capture` records them, `replay` puts them where torch looks.
"""

from __future__ import annotations

import hashlib
import importlib
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from precompile_context.adapters.pytorch.private import UnsupportedTorchError
from precompile_context.artifact import EntryArtifact, PrecompileCacheArtifact
from precompile_context.context.cache import PrecompileCache
from precompile_context.context.context import PrecompileContext
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.files import FilePath

_MODULE = "torch.compiler.precompile"


@dataclass(frozen=True)
class PrecompiledCode(EntryArtifact):
    """The source: torch's `artifact_path`, UTF-8, under a key of the user's own."""

    TYPE: ClassVar[str] = "torch.precompiled_code"


@dataclass(frozen=True)
class PrecompiledCache(PrecompileCacheArtifact[bytes]):
    """The file beside it: torch's `cache_path`. It names its source by digest."""

    TYPE: ClassVar[str] = "torch.precompiled_cache"

    def after_deserialization(self) -> bytes:
        """The content: torch alone reads it."""
        return self.content


def record_precompiled(
    context: PrecompileContext, key: str, artifact_path: FilePath, cache_path: FilePath
) -> None:
    """Record the two files that `torch.compiler.precompile.capture` wrote, under one key.

    The key is the user's, and says what was captured of what: no guard asks whether the program
    is still the one that was traced.

    Raises:
        MisuseError: the context knows no facts of torch, or `key` is none.
        PrecompileError: DIGEST_MISMATCH: the files are not of one capture.
        OSError: one cannot be read.
    """
    if "torch.key" not in context.environment.facts:
        raise MisuseError("the context needs environment=pytorch.host_environment()")
    code, cache = Path(artifact_path).read_bytes(), Path(cache_path).read_bytes()
    # torch stores it as it is, and asks for it when it loads.
    if hashlib.sha256(code).hexdigest().encode() not in cache:
        detail = f"{cache_path} does not name {artifact_path}: they are not of one capture"
        raise PrecompileError(ErrorCode.DIGEST_MISMATCH, detail)
    for cls in (PrecompiledCode, PrecompiledCache):
        context.registry.add(cls)
    backend = PrecompiledCache(key, cache)
    context.record(backend)
    context.record(PrecompiledCode(key, code), backends=[backend])


def load_precompiled(cache: PrecompileCache, key: str) -> Callable[..., Any]:
    """What `torch.compiler.precompile.load` makes of the pair that `replay` put into `cache`.

    Code of its producer's choice runs: that of whom the context's policy trusts.

    Raises:
        KeyError: there is none; where `replay` refused it, an outcome says why.
        PrecompileError: APPLY_FAILED: the entry has no cache beside it.
        UnsupportedTorchError: this torch knows no such files.
        Exception: whatever torch raises.
    """
    stitched = cache.read(PrecompiledCode.TYPE, key)
    if stitched is None:
        raise KeyError(key)
    if [type(backend) for backend in stitched.backends] != [PrecompiledCache]:
        detail = f"{key!r} is no pair: it names {len(stitched.backends)} backends"
        raise PrecompileError(ErrorCode.APPLY_FAILED, detail)
    try:
        load = importlib.import_module(_MODULE).load
    except (ModuleNotFoundError, AttributeError) as error:
        raise UnsupportedTorchError.of(f"it has no {_MODULE}.load") from error
    with tempfile.TemporaryDirectory(prefix="precompiled-") as folder:
        paths = Path(folder, "code.py"), Path(folder, "cache")
        for path, artifact in zip(paths, (stitched.entry, *stitched.backends), strict=True):
            path.write_bytes(artifact.content)
        loaded: Callable[..., Any] = load(*paths)
    return loaded
