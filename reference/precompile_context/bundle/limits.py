"""The limits of a reader: what it refuses although the format allows it."""

from dataclasses import dataclass

from precompile_context.errors import ErrorCode, PrecompileError


@dataclass(frozen=True, slots=True)
class Limits:
    """Upper bounds, in bytes unless said otherwise; past one, LIMIT_EXCEEDED.

    The defaults are far above what compilers write and low enough that an input
    cannot exhaust a machine with them. Whoever needs more raises one by name:
    `Limits(manifest_bytes=2**30)`.
    """

    # [PCB-LIM-002] [PCB-LIM-005]
    # One manifest record. It is decoded whole.
    manifest_bytes: int = 16 << 20
    # Signatures of one segment, each of which may be tried with each trusted key. No reader may
    # take fewer than 16.
    signatures: int = 64
    # Artifacts, types, block entries, backends and the like, counted over all manifests.
    items: int = 4_000_000
    # Each segment costs a reader one read and a decoded manifest.
    segments: int = 65_536
    # One artifact's content where it is read into memory; streaming knows no such limit.
    artifact_content: int = 16 << 30
    # Sum of content_size over all artifacts of the bundle; see also CONTENT_PER_BYTE.
    total_content: int = 64 << 30
    # Bytes decompressed over the life of an open bundle, repeats included; no artifact is larger.
    total_decompressed: int = 256 << 30

    def check_room(self, content: int, items: int) -> None:
        """Raise LIMIT_EXCEEDED where a bundle of so much content and so many items is too large."""
        # [PCB-LIM-007]
        if content > self.total_content or items > self.items:
            detail = "the bundle would hold more than readers take; begin another one"
            raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail)


# [PCB-LIM-010]
# Bytes of content that a bundle may claim for each of its own; nobody raises it. What is stored
# once and named often costs a reader its time each time: this much at most for a given input.
CONTENT_PER_BYTE = 1 << 16

DEFAULT_LIMITS = Limits()
