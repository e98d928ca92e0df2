"""Precompile Bundle: record what a compiler produced, save it, load it elsewhere, apply it."""

from precompile_context.artifact import (
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    EntryArtifact,
    PrecompileCacheArtifact,
    Registry,
)
from precompile_context.bundle import Bundle, ByteSource, Limits, Producer, Segment, StoredArtifact
from precompile_context.cache_info import CacheInfo
from precompile_context.context import PrecompileContext
from precompile_context.context.cache import MemoryPrecompileCache, PrecompileCache, StitchedEntry
from precompile_context.context.directory_cache import DirectoryPrecompileCache
from precompile_context.context.populate import Outcome, PopulateReport
from precompile_context.context.sink import LoadReport, SaveReport
from precompile_context.environment import Environment, Match, Mismatch, Requirement
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError, Stage
from precompile_context.files import BundleFile, Directory
from precompile_context.startable import Startable
from precompile_context.trust import (
    UNSIGNED,
    CertificateSigner,
    CertificateVerifier,
    Signer,
    SigningKey,
    TrustPolicy,
    Verifier,
    VerifyingKey,
)
from precompile_context.version import __version__

__all__ = [
    "UNSIGNED",
    "ArtifactId",
    "ArtifactKind",
    "Bundle",
    "BundleFile",
    "ByteSource",
    "CacheArtifact",
    "CacheInfo",
    "CertificateSigner",
    "CertificateVerifier",
    "Directory",
    "DirectoryPrecompileCache",
    "EntryArtifact",
    "Environment",
    "ErrorCode",
    "Limits",
    "LoadReport",
    "Match",
    "MemoryPrecompileCache",
    "Mismatch",
    "MisuseError",
    "Outcome",
    "PopulateReport",
    "PrecompileCache",
    "PrecompileCacheArtifact",
    "PrecompileContext",
    "PrecompileError",
    "Producer",
    "Registry",
    "Requirement",
    "SaveReport",
    "Segment",
    "Signer",
    "SigningKey",
    "Stage",
    "Startable",
    "StitchedEntry",
    "StoredArtifact",
    "TrustPolicy",
    "Verifier",
    "VerifyingKey",
    "__version__",
]
