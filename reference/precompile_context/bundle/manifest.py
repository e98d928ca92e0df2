"""A segment's index as values."""

from dataclasses import dataclass, field

from precompile.v1 import bundle_pb2
from precompile_context.artifact import ArtifactId
from precompile_context.bundle.stored import BlockEntry
from precompile_context.bundle.table import ArtifactTable
from precompile_context.environment import Requirement
from precompile_context.version import __version__

PAYLOAD_TYPE = "application/vnd.precompile.manifest.v1+protobuf"
NONE = bundle_pb2.COMPRESSION_NONE
ZSTD = bundle_pb2.COMPRESSION_ZSTD


@dataclass(frozen=True, slots=True)
class Producer:
    """The program that wrote a segment; informative."""

    name: str = ""
    version: str = ""


PRODUCER = Producer("precompile-context", __version__)


@dataclass(frozen=True, slots=True)
class Manifest:
    """The index of one segment."""

    previous_manifest_digest: bytes = b""
    producer: Producer = PRODUCER
    requirements: tuple[Requirement, ...] = ()
    blocks: tuple[BlockEntry, ...] = ()
    artifacts: ArtifactTable = field(default_factory=ArtifactTable)
    removed: tuple[ArtifactId, ...] = ()

    @property
    def items(self) -> int:
        """How many things it lists, as a reader's limit `items` counts them."""
        return (
            self.artifacts.items
            + len(self.blocks)
            + len(self.removed)
            + len(self.requirements)
            + sum(len(requirement.values) for requirement in self.requirements)
        )
