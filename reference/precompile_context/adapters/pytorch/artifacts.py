"""Classes of artifacts: what torch's caches record, and the files that stand beside them."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from precompile_context.adapters.pytorch import places
from precompile_context.adapters.pytorch.answers import CompilerAnswer
from precompile_context.adapters.pytorch.taken import compile_seconds, whole_compile_seconds
from precompile_context.adapters.pytorch.variants import guard_variant
from precompile_context.artifact import CacheArtifact, Registry, key_fault

_AUTOTUNE_SUFFIX = ".best_config"
_LEADS_ELSEWHERE = re.compile(r"^/|^[A-Za-z]:[/\\]|\\|\0|(^|/)\.\.(/|$)")
# A library, or an object file that is linked into one: what compilers leave in inductor's cache.
_LIBRARY_SUFFIXES = (".so", ".o", ".dylib", ".dll", ".pyd")


@dataclass(frozen=True)
class TorchArtifact(CacheArtifact):
    """What torch recorded under `torch_key`; a key of ours names one of its contents.

    Attributes of classes:
        SUPERSEDES: the newest content under a key is the one to keep. Otherwise
            all are equivalent, and the first one is kept.
    """

    SUPERSEDES: ClassVar[bool] = True

    torch_key: str

    def populate_cache(self) -> None:
        """Put the content where torch looks for it; it is not decoded.

        Raises:
            UnsafePlaceError: the key would lead out of the cache directory.
            OSError: the file cannot be written.
        """
        places.put(_cache_dir(), self.place(), self.content, replace=True)

    def place(self) -> str:
        """The file below inductor's cache directory that torch reads."""
        raise NotImplementedError


@dataclass(frozen=True)
class InductorArtifact(TorchArtifact):
    """A compiled graph of FxGraphCache.

    Attributes:
        seconds: that torch took to compile it, its kernels included, as the content says: the
            same content is the same artifact.
    """

    TYPE: ClassVar[str] = "inductor"
    SUPERSEDES: ClassVar[bool] = False

    seconds: float = 0.0

    def place(self) -> str:
        """Any file of the key's directory is a candidate there, whatever its name."""
        key = _single_part(self.torch_key)
        return f"fxgraph/{key[1:3]}/{key}/{_content_name(self.content)}"


@dataclass(frozen=True)
class AOTAutogradArtifact(TorchArtifact):
    """A traced and partitioned graph of AOTAutogradCache, which names inductor's graphs.

    Attributes:
        seconds: that torch took to compile it, where it holds them instead, as the automatic
            mode has it; 0.0 where it names them.
    """

    TYPE: ClassVar[str] = "aot_autograd"
    SUPERSEDES: ClassVar[bool] = False

    seconds: float = 0.0

    def place(self) -> str:
        """As with inductor's graphs, any name will do."""
        return f"aotautograd/{_single_part(self.torch_key)}/{_content_name(self.content)}"


@dataclass(frozen=True)
class AutotuneArtifact(TorchArtifact):
    """The best configuration of a kernel, as JSON; its key is a path of two parts."""

    TYPE: ClassVar[str] = "autotune"

    def place(self) -> str:
        """The key itself.

        Raises:
            UnsafePlaceError: it names another kind of file.
        """
        if not self.torch_key.endswith(_AUTOTUNE_SUFFIX):
            raise places.UnsafePlaceError(f"{self.torch_key[:200]!r} is no configuration's name")
        return self.torch_key


@dataclass(frozen=True)
class PGOArtifact(TorchArtifact):
    """What dynamo learned of dynamic shapes, under a job's name."""

    TYPE: ClassVar[str] = "pgo"

    def place(self) -> str:
        """torch, too, replaces what a file name cannot hold on Windows.

        Raises:
            UnsafePlaceError: the key is made to look like a path that leads elsewhere.
        """
        if _LEADS_ELSEWHERE.search(self.torch_key):
            raise places.UnsafePlaceError(f"key {self.torch_key[:200]!r} leads elsewhere")
        name = re.sub(r'[<>:"/\\|?*]', "_", f"code_state_{self.torch_key}.pkl")
        return f"dynamo/{name}"


@dataclass(frozen=True)
class PrecompileArtifact(TorchArtifact):
    """A function's bytecode, guards and backends, of DynamoCache."""

    TYPE: ClassVar[str] = "precompile"

    def place(self) -> str:
        """One entry a key."""
        return f"dynamo/{_single_part(self.torch_key)}/entry"


@dataclass(frozen=True)
class OtherTorchArtifact(TorchArtifact):
    """A type that was registered with torch's CacheArtifactFactory and that we do not know.

    Only torch knows where it goes. Whatever path the type makes of its key, a key
    that is a safe relative path stays below the directory it is joined to.
    """

    def populate_cache(self) -> None:
        """Have torch apply it.

        Raises:
            UnsafePlaceError: the key is no safe relative path.
            Exception: whatever the type raises.
        """
        from torch.compiler._cache import CacheArtifactFactory

        places.relative_parts(self.torch_key)
        CacheArtifactFactory.create(self.TYPE, self.torch_key, self.content).populate_cache()


@dataclass(frozen=True)
class InductorFile(CacheArtifact):
    """A compiled library; its key is its path below inductor's cache directory.

    Attributes:
        portable_name: names the library in any installation of the same torch and
            Python; empty where it is found by its key alone.
    """

    TYPE: ClassVar[str] = "inductor_file"

    portable_name: str

    def populate_cache(self) -> None:
        """Put the library in its place, where there is none.

        Raises:
            UnsafePlaceError: the key leads out of the cache directory, or names no library.
            OSError: the file cannot be written.
        """
        if not is_library(self.key):
            raise places.UnsafePlaceError(f"{self.key[:200]!r} is no library's name")
        from precompile_context.adapters.pytorch import relocation

        root = _cache_dir()
        places.put(root, self.key, self.content, replace=False)
        relocation.applied(self.portable_name, Path(root, self.key).read_bytes)


def is_library(key: str) -> bool:
    """Whether a file of this name may come under this type: graphs have another door."""
    return key.endswith(_LIBRARY_SUFFIXES)


KNOWN: tuple[type[CacheArtifact], ...] = (
    InductorArtifact,
    AOTAutogradArtifact,
    AutotuneArtifact,
    PGOArtifact,
    PrecompileArtifact,
    InductorFile,
    CompilerAnswer,
)


def artifact_class(type_name: str, registry: Registry) -> type[CacheArtifact]:
    """The class of a type: a known one, or one made for it, registered if it was not.

    Raises:
        MisuseError: `type_name` is no type's name.
    """
    known = next((known for known in KNOWN if type_name == known.TYPE), None)
    if known is not None:
        registry.add(known)
    cls = registry.get(type_name)
    if cls is None:
        cls = dataclass(frozen=True)(
            type(f"TorchArtifact_{type_name}", (OtherTorchArtifact,), {"TYPE": type_name})
        )
        registry.register(cls)
    return cls


def fields_of(type_name: str, torch_key: str, content: bytes) -> dict[str, Any]:
    """Those of what torch recorded under its key."""
    if type_name == InductorArtifact.TYPE:
        return {"torch_key": torch_key, "seconds": compile_seconds(content)}
    if type_name == AOTAutogradArtifact.TYPE:
        return {"torch_key": torch_key, "seconds": whole_compile_seconds(content)}
    return {"torch_key": torch_key}


def key_of(torch_key: str, content: bytes) -> str:
    """Our key: torch's, and behind '#' which of its contents this is, where it may have several."""
    variant = guard_variant(content)
    return fitting_key(f"{torch_key}#{variant}" if variant else torch_key)


def fitting_key(key: str) -> str:
    """`key`, or a digest of it where a bundle cannot have it as a key."""
    if key_fault(key) is None:
        return key
    return f"sha256:{hashlib.sha256(key.encode(errors='surrogatepass')).hexdigest()}"


def _single_part(key: str) -> str:
    if fault := places.part_fault(key):
        raise places.UnsafePlaceError(f"key {key[:200]!r} is no file name: {fault}")
    return key


def _content_name(content: bytes) -> str:
    """The name that torch would give: what is in the directory already is not put there twice."""
    return base64.b32encode(hashlib.sha256(content).digest()).decode().lower()[:51]


def _cache_dir() -> str:
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    return str(cache_dir())


# The names of all that torch's adapter knows; those of two parts have no class here.
TYPES = frozenset(cls.TYPE for cls in KNOWN) | {
    "precompile_dynamo",
    "precompile_aot_autograd",
    "torch.precompiled_code",
    "torch.precompiled_cache",
}
