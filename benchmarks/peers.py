"""The two engines behind one face: a bundle file, and torch's mega-cache written to a file."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from precompile_context import BundleFile, CacheArtifact, PrecompileContext
from precompile_context.trust import UNSIGNED

TYPE = "bench.blob"


class Peer(Protocol):
    """Saves contents under the keys key-0, key-1, ... and reads them back."""

    def warm_up(self) -> None:
        """Import what the first call would import."""

    def save(self, path: Path, contents: list[bytes]) -> None:
        """Record all and write the file, synced."""

    def read_one(self, path: Path, key: str) -> bytes:
        """Open the file and give one content."""

    def load_all(self, path: Path) -> list[bytes]:
        """Open the file and give all contents, in order."""


@dataclass(frozen=True)
class Blob(CacheArtifact):
    """Content that goes nowhere."""

    TYPE = TYPE

    def populate_cache(self) -> None:
        """Nothing to do."""


class BundlePeer:
    """This project."""

    def warm_up(self) -> None:
        pass

    def save(self, path: Path, contents: list[bytes]) -> None:
        context = PrecompileContext()
        context.register(Blob)
        for index, content in enumerate(contents):
            context.record_artifact(TYPE, f"key-{index}", content)
        path.unlink(missing_ok=True)
        context.save_to(BundleFile(path))

    def read_one(self, path: Path, key: str) -> bytes:
        bundle = BundleFile(path).open(policy=UNSIGNED)
        return bundle.read(bundle.current()[TYPE, key])

    def load_all(self, path: Path) -> list[bytes]:
        bundle = BundleFile(path).open(policy=UNSIGNED)
        return [bundle.read(stored) for stored in bundle.current().values()]


class MegaCachePeer:
    """`torch.compiler._cache`: what save_cache_artifacts and load_cache_artifacts call."""

    def warm_up(self) -> None:
        from torch.compiler import _cache

        class TorchBlob(_cache.CacheArtifact):
            def populate_cache(self) -> None:
                pass

            @staticmethod
            def type() -> str:
                return TYPE.replace(".", "_")

        _cache.CacheArtifactFactory.register(TorchBlob)
        _cache.CacheArtifactManager._ensure_cache_artifacts_registered()

    def save(self, path: Path, contents: list[bytes]) -> None:
        import os

        from torch.compiler._cache import CacheArtifactManager

        for index, content in enumerate(contents):
            CacheArtifactManager.record_artifact(TYPE.replace(".", "_"), f"key-{index}", content)
        serialized = CacheArtifactManager.serialize()
        assert serialized is not None
        with path.open("wb") as file:
            file.write(serialized[0])
            file.flush()
            os.fsync(file.fileno())

    def read_one(self, path: Path, key: str) -> bytes:
        from torch.compiler._cache import CacheArtifactManager

        artifacts = CacheArtifactManager.deserialize(path.read_bytes())
        assert artifacts is not None
        found = next(a for a in artifacts[TYPE.replace(".", "_")] if a.key == key)
        return found.content

    def load_all(self, path: Path) -> list[bytes]:
        from torch.compiler._cache import CacheArtifactManager

        artifacts = CacheArtifactManager.deserialize(path.read_bytes())
        assert artifacts is not None
        return [a.content for a in artifacts[TYPE.replace(".", "_")]]


PEERS: dict[str, Callable[[], Peer]] = {"bundle": BundlePeer, "mega-cache": MegaCachePeer}
