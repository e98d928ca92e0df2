"""A PrecompileCache in a directory: each entry a bundle file."""

import hashlib
import logging
from collections.abc import Callable
from typing import Protocol

from precompile_context.artifact import (
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    Registry,
    attributes_of,
)
from precompile_context.bundle import Bundle, Chain, NewArtifact, SegmentWriter
from precompile_context.context.cache import MemoryPrecompileCache, PrecompileCache, StitchedEntry
from precompile_context.context.held import Held, Snapshot, digest_of
from precompile_context.context.populate import Populate
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Signer, TrustPolicy

_log = logging.getLogger("precompile_context.cache")


class EntryDirectory(Protocol):
    """A flat set of files that are replaced as a whole; `files.Directory` is one."""

    def read(self, name: str) -> bytes | None:
        """The file's bytes, all of one version, or None where there is none."""

    def replace(self, name: str, chunks: list[bytes | memoryview]) -> None:
        """Make the chunks the file's bytes; a reader sees the old or the new, never a mixture."""


# Told of the type, the key and the fault of an entry that is there and cannot be used.
OnFault = Callable[[str, str, PrecompileError | OSError], None]


def log_fault(type_name: str, key: str, fault: PrecompileError | OSError) -> None:
    """A warning to the logger `precompile_context.cache`."""
    logging.getLogger("precompile_context.cache").warning(
        "%s %r is not used: %s", type_name, key, fault
    )


class DirectoryPrecompileCache(PrecompileCache):
    """Each entry one bundle file, which other processes may read while it is replaced."""

    def __init__(
        self,
        directory: EntryDirectory,
        registry: Registry,
        environment: Environment | None = None,
        *,
        policy: TrustPolicy,
        signer: Signer | None = None,
        on_fault: OnFault = log_fault,
    ) -> None:
        """`registry` knows the classes of the entries and backends to be read.

        What is written requires `environment`; what another environment wrote is
        not there for this one. Of what is read, nothing is deserialized that
        `policy` does not trust; what is written is signed by `signer`. An entry that
        is damaged or not trusted is a miss of which `on_fault` is told: a cache that
        cannot serve must not stop the program that asks.
        """
        self._directory = directory
        self._registry = registry
        self._environment = environment or Environment()
        self._policy = policy
        self._signer = signer
        self._on_fault = on_fault

    def write(self, stitched: StitchedEntry) -> None:
        backends = [_new(backend) for backend in stitched.backends]
        ids = tuple(ArtifactId(b.type, b.key, b.digest) for b in backends)
        distinct = {(b.type, b.key): b for b in backends}  # an entry may name one twice
        artifacts = [*distinct.values(), _new(stitched.entry, ids)]
        requirements = self._environment.requirements()
        writer = SegmentWriter(Chain(), requirements=requirements, signer=self._signer)
        chunks = list(writer.chunks(artifacts))
        # [PCB-POP-010]
        self._directory.replace(_file_name(stitched.entry.TYPE, stitched.entry.key), chunks)

    def read(self, type_name: str, key: str) -> StitchedEntry | None:
        try:
            return self._read(type_name, key)
        except (PrecompileError, OSError) as fault:
            self._on_fault(type_name, key, fault)
            return None

    def _read(self, type_name: str, key: str) -> StitchedEntry | None:
        data = self._directory.read(_file_name(type_name, key))
        if data is None:
            return None
        bundle = Bundle.open(data, policy=self._policy)
        if any(self._environment.mismatches(s.manifest.requirements) for s in bundle.segments):
            return None
        # Whatever else the file holds: one entry is read, no cache is populated.
        current = {
            name: Held.loaded(bundle, stored)
            for name, stored in bundle.current().items()
            if stored.kind == ArtifactKind.BACKEND
            or (stored.kind == ArtifactKind.ENTRY and name == (type_name, key))
        }
        cache = MemoryPrecompileCache()
        report = Populate(Snapshot.of(current), self._registry, cache).run()
        for outcome in report.outcomes:
            detail = f"{outcome.type} {outcome.key!r}: {outcome.detail}"
            raise PrecompileError(outcome.code, detail, outcome.offset)
        stitched = cache.read(type_name, key)
        if stitched is None:  # a file under another entry's name
            detail = f"the file holds no {type_name} entry {key!r}"
            raise PrecompileError(ErrorCode.APPLY_FAILED, detail)
        return stitched


def _new(artifact: CacheArtifact, backends: tuple[ArtifactId, ...] = ()) -> NewArtifact:
    digest = digest_of(artifact.content)
    fields = tuple(attributes_of(artifact).items())
    kind = ArtifactKind(artifact.KIND)
    return NewArtifact(
        artifact.TYPE, artifact.key, kind, digest, artifact.content, backends, fields
    )


def _file_name(type_name: str, key: str) -> str:
    """A name that no key can turn into a path or make clash: a digest of both."""
    # [PCB-SEC-002] [PCB-NAME-007]
    name = len(type_name).to_bytes(2, "big") + type_name.encode() + key.encode()
    return hashlib.sha256(name).hexdigest() + ".precompile"
