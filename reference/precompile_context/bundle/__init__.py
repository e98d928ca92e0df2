"""The format: bytes in, values out. No file, no clock, no environment is touched here."""

from precompile_context.bundle.chain import Chain
from precompile_context.bundle.growing import ends_with, grown
from precompile_context.bundle.limits import DEFAULT_LIMITS, Limits
from precompile_context.bundle.manifest import Manifest, Producer, StoredArtifact
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import BufferSource, ByteSource, JoinedSource
from precompile_context.bundle.writer import NewArtifact, SegmentWriter

__all__ = [
    "DEFAULT_LIMITS",
    "BufferSource",
    "Bundle",
    "ByteSource",
    "Chain",
    "JoinedSource",
    "Limits",
    "Manifest",
    "NewArtifact",
    "Producer",
    "Segment",
    "SegmentWriter",
    "StoredArtifact",
    "ends_with",
    "grown",
]
