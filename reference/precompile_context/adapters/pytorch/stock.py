"""`torch.compiler.save_cache_artifacts` and `load_cache_artifacts`, with our bytes in their place.

What torch's own leave behind comes along: the libraries of the kernels, and the answers
of the compiler that keep a warm process from asking it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from precompile_context.adapters.pytorch import answers, relocation
from precompile_context.adapters.pytorch.answers import CompilerAnswer
from precompile_context.adapters.pytorch.artifacts import InductorFile, TorchArtifact, is_library
from precompile_context.adapters.pytorch.facts.environment import (
    fitting_environment,
    host_environment,
)
from precompile_context.adapters.pytorch.megacache import record_mega_cache
from precompile_context.adapters.pytorch.serving.applying import register_types, replay
from precompile_context.bundle import Bundle
from precompile_context.context.cache import MemoryPrecompileCache
from precompile_context.context.context import PrecompileContext
from precompile_context.errors import PrecompileError
from precompile_context.files import FilePath
from precompile_context.session.trusting import Trusted, trusting
from precompile_context.trust import Signer

if TYPE_CHECKING:
    from torch.compiler._cache import CacheInfo

_log = logging.getLogger("precompile_context")

_MAPPINGS = Path("/proc/self/maps")

# What was loaded in this process: what is saved later holds it, too.
_loaded: list[Bundle] = []


def save_cache_artifacts(
    *, trust: Trusted = (), signer: Signer | FilePath | None = None
) -> tuple[bytes, CacheInfo] | None:
    """A bundle of what torch compiled in this process so far, and torch's record of it.

    None where torch recorded nothing. All that was loaded in this process is in it, for
    which `trust` must be what it was then. Signed as `warm_start` signs. Libraries are those
    that this process has loaded from inductor's cache directory. A process that called
    neither `load_cache_artifacts` nor `warm_start` before it compiled knows them by
    their place alone: torch installed elsewhere builds them again.

    Raises:
        UnsupportedTorchError: torch lacks something that this needs.
        PrecompileError: what was loaded is not trusted now.
        OSError: a library can no longer be read, or there is no key to sign with.
    """
    import torch

    saved = torch.compiler.save_cache_artifacts()
    if saved is None:
        return None
    trusted = trusting(trust, signer, read_only=False)
    if trusted.fault is not None:
        raise OSError(trusted.fault)
    environment = host_environment()
    for bundle in _loaded:
        environment = fitting_environment(environment, bundle)
    context = PrecompileContext(
        environment=environment, policy=trusted.policy, signer=trusted.signer
    )
    register_types(context.registry)
    for bundle in _loaded:
        context.load(bundle)
    record_mega_cache(context, saved[0])
    _record_libraries(context)
    serialized = context.serialize()
    assert serialized is not None  # torch's record is not empty
    return serialized[0], saved[1]


def _record_libraries(context: PrecompileContext) -> None:
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    root = Path(cache_dir())
    libraries = list(_loaded_from(root))
    there = {(id_.type, id_.key) for id_ in context.current()}
    for path in libraries:
        key = path.relative_to(root).as_posix()
        name = relocation.name_of(str(path))
        if not name and (InductorFile.TYPE, key) in there:
            continue  # it came with a bundle, which may know the name
        context.record_artifact(InductorFile.TYPE, key, path.read_bytes(), portable_name=name)
    if libraries:  # else torch had no reason to ask for a compiler

        def record(question: str, answer: bytes) -> None:
            context.record_artifact(CompilerAnswer.TYPE, question, answer)

        answers.ask_again(record)


def _loaded_from(root: Path) -> Iterator[Path]:
    """The libraries below a directory that this process has mapped; none where none can tell."""
    try:
        lines = _MAPPINGS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return
    paths = dict.fromkeys(line.split(maxsplit=5)[5] for line in lines if "/" in line)
    yield from (Path(p) for p in paths if p.startswith(f"{root}/") and is_library(p))


def load_cache_artifacts(serialized_artifacts: bytes, *, trust: Trusted = ()) -> CacheInfo | None:
    """Put a bundle's artifacts where torch looks for them; what was put, of torch's types.

    None, and a warning that says why, where the bytes are not to be used: damaged, not
    trusted, or of another environment. One artifact that is refused stops no other.

    Raises:
        UnsupportedTorchError: torch lacks something that this needs.
    """
    from torch.compiler._cache import CacheInfo

    policy = trusting(trust, None, read_only=True).policy
    try:
        bundle = Bundle.open(serialized_artifacts, policy=policy)
        environment = fitting_environment(host_environment(), bundle)
        context = PrecompileContext(environment=environment, policy=policy)
        context.load(bundle)
    except PrecompileError as error:
        _log.warning("precompile: nothing is loaded: %s", error)
        return None
    _loaded.append(bundle)
    report = replay(context, MemoryPrecompileCache())
    for outcome in report.outcomes:
        named = f"{outcome.type} {outcome.key!r}"
        _log.warning("precompile: %s is not applied: %s", named, outcome.detail)
    info = CacheInfo()
    for type_name, keys in report.info.artifacts.items():
        for key in keys:
            artifact = context.lookup(type_name, key)
            if isinstance(artifact, TorchArtifact):
                info.artifacts[type_name].append(artifact.torch_key)
    return info
