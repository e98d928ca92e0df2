"""The format: bytes in, values out. No file, no clock, no environment is touched here."""

from precompile_context.bundle.batch import Batch, NewArtifact
from precompile_context.bundle.chain import Chain
from precompile_context.bundle.current import Current, CurrentRows
from precompile_context.bundle.growing import ends_with, extended, grown
from precompile_context.bundle.limits import DEFAULT_LIMITS, Limits
from precompile_context.bundle.manifest import Manifest, Producer
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import BufferSource, ByteSource, JoinedSource
from precompile_context.bundle.stored import StoredArtifact
from precompile_context.bundle.stored_content import StoredContent
from precompile_context.bundle.table import ArtifactName, ArtifactTable
from precompile_context.bundle.writer import SegmentWriter, Written

__all__ = [
    "DEFAULT_LIMITS",
    "ArtifactName",
    "ArtifactTable",
    "Batch",
    "BufferSource",
    "Bundle",
    "ByteSource",
    "Chain",
    "Current",
    "CurrentRows",
    "JoinedSource",
    "Limits",
    "Manifest",
    "NewArtifact",
    "Producer",
    "Segment",
    "SegmentWriter",
    "StoredArtifact",
    "StoredContent",
    "Written",
    "ends_with",
    "extended",
    "grown",
]
