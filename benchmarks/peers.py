"""Engines behind one face: each saves named contents to a file and reads them back."""

import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

from benchmarks.blob import TYPE, Blob
from benchmarks.contents import Named
from precompile_context import UNSIGNED, BundleFile, PrecompileContext


class Peer(Protocol):
    """Saves contents and reads them back; one object is one process's session."""

    def record(self, contents: Iterable[Named]) -> None:
        """Take contents in, as a compiler hands them over."""

    def save(self, path: Path) -> None:
        """Write what was recorded to the file, synced."""

    def read_one(self, path: Path, key: str) -> bytes:
        """Open the file and give one content."""

    def load_all(self, path: Path) -> list[bytes]:
        """Open the file and give all contents, in order, checked as far as the format can."""


class Engine(Peer, Protocol):
    """What the two contexts can do beyond files."""

    def serialize(self) -> int:
        """What was recorded as bytes in memory; how many."""

    def populate(self, path: Path) -> int:
        """Load the file and apply all to caches that do nothing; how many."""


class BundlePeer:
    """This project, in a process that has imported torch, as its users' have."""

    def __init__(self) -> None:
        import torch  # noqa: F401  # for what it leaves in memory

        self._context = self._new()
        self._files: dict[Path, BundleFile] = {}

    def _new(self) -> PrecompileContext:
        context = PrecompileContext(policy=UNSIGNED)
        context.register(Blob)
        return context

    def record(self, contents: Iterable[Named]) -> None:
        record = self._context.record_artifact
        for key, content in contents:
            record(TYPE, key, content)

    def save(self, path: Path) -> None:
        # One for the life of the process: it knows what it has read of the file.
        self._context.save_to(self._files.setdefault(path, BundleFile(path)))

    def serialize(self) -> int:
        serialized = self._context.serialize()
        assert serialized is not None
        return len(serialized[0])

    def read_one(self, path: Path, key: str) -> bytes:
        bundle = BundleFile(path).open(policy=UNSIGNED)
        return bundle.read(bundle.current()[TYPE, key])

    def load_all(self, path: Path) -> list[bytes]:
        bundle = BundleFile(path).open(policy=UNSIGNED)
        return [bundle.read(stored) for stored in bundle.current().values()]

    def populate(self, path: Path) -> int:
        context = self._new()
        context.load(BundleFile(path))
        return len(context.populate().info)


class MappedPeer(BundlePeer):
    """The same, its content read from a mapping: for files that nobody overwrites in place."""

    def read_one(self, path: Path, key: str) -> bytes:
        bundle = BundleFile(path).open(policy=UNSIGNED, mapped=True)
        return bundle.view(bundle.current()[TYPE, key])  # type: ignore[return-value]  # a view serves


class MegaCachePeer:
    """`torch.compiler._cache`: what save_cache_artifacts and load_cache_artifacts call."""

    def __init__(self) -> None:
        from torch.compiler import _cache

        class TorchBlob(_cache.CacheArtifact):
            def populate_cache(self) -> None:
                pass

            @staticmethod
            def type() -> str:
                return "bench_blob"

        _cache.CacheArtifactFactory.register(TorchBlob)
        self._manager: Any = _cache.CacheArtifactManager
        self._manager._ensure_cache_artifacts_registered()

    def record(self, contents: Iterable[Named]) -> None:
        record = self._manager.record_artifact
        for key, content in contents:
            record("bench_blob", key, content)

    def save(self, path: Path) -> None:
        serialized = self._manager.serialize()
        assert serialized is not None
        _write(path, serialized[0])

    def serialize(self) -> int:
        serialized = self._manager.serialize()
        assert serialized is not None
        return len(serialized[0])

    def _load(self, path: Path) -> Any:
        artifacts = self._manager.deserialize(path.read_bytes())
        assert artifacts is not None
        return artifacts

    def read_one(self, path: Path, key: str) -> bytes:
        found = next(a for a in self._load(path)["bench_blob"] if a.key == key)
        return bytes(found.content)

    def load_all(self, path: Path) -> list[bytes]:
        return [artifact.content for artifact in self._load(path)["bench_blob"]]

    def populate(self, path: Path) -> int:
        artifacts = self._load(path)
        self._manager.populate_caches(artifacts)
        return len(artifacts["bench_blob"])


class PicklePeer:
    """One pickled dict."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}

    def record(self, contents: Iterable[Named]) -> None:
        self._contents.update(contents)

    def save(self, path: Path) -> None:
        _write(path, pickle.dumps(self._contents, protocol=5))

    def _load(self, path: Path) -> dict[str, bytes]:
        loaded: dict[str, bytes] = pickle.loads(path.read_bytes())
        return loaded

    def read_one(self, path: Path, key: str) -> bytes:
        return self._load(path)[key]

    def load_all(self, path: Path) -> list[bytes]:
        return list(self._load(path).values())


class ZipPeer(PicklePeer):
    """A zip archive, deflated."""

    def save(self, path: Path) -> None:
        with path.open("wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
                for key, content in self._contents.items():
                    archive.writestr(key, content)
            file.flush()
            os.fsync(file.fileno())

    def _load(self, path: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def read_one(self, path: Path, key: str) -> bytes:
        with zipfile.ZipFile(path) as archive:
            return archive.read(key)


class RawPeer(PicklePeer):
    """As safetensors does: a header of names and places, then the bytes; nothing is checked."""

    def save(self, path: Path) -> None:
        places, at = {}, 0
        for key, content in self._contents.items():
            places[key] = at, len(content)
            at += len(content)
        header = pickle.dumps(places)
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            file.writelines(self._contents.values())
            file.flush()
            os.fsync(file.fileno())

    def _read(self, path: Path, keys: list[str] | None) -> dict[str, bytes]:
        with path.open("rb") as file:
            (size,) = struct.unpack("<Q", file.read(8))
            places = pickle.loads(file.read(size))
            found = {}
            for key in places if keys is None else keys:
                at, length = places[key]
                file.seek(8 + size + at)
                found[key] = file.read(length)
            return found

    def _load(self, path: Path) -> dict[str, bytes]:
        return self._read(path, None)

    def read_one(self, path: Path, key: str) -> bytes:
        return self._read(path, [key])[key]


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


ENGINES: dict[str, Callable[[], Engine]] = {"bundle": BundlePeer, "mega-cache": MegaCachePeer}
PEERS: dict[str, Callable[[], Peer]] = {
    **ENGINES,
    "bundle, mapped": MappedPeer,
    "pickle": PicklePeer,
    "zip": ZipPeer,
    "raw": RawPeer,
}
