"""Further signatures on a bundle's segments; all else stays as it is."""

from collections.abc import Iterator
from dataclasses import dataclass

from precompile_context.bundle import framing
from precompile_context.bundle.limits import Limits
from precompile_context.bundle.reader import Bundle
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.source import ranges
from precompile_context.errors import ErrorCode, PrecompileError
from precompile_context.trust import Signer, dsse


@dataclass(frozen=True, slots=True)
class Signed:
    """A bundle with new manifest records in place of its own.

    Attributes:
        count: of the segments that did not carry the signature before.
    """

    bundle: Bundle
    records: tuple[bytes, ...]
    count: int

    def chunks(self) -> Iterator[bytes | memoryview]:
        """The new bundle's bytes in order."""
        for segment, record in zip(self.bundle.segments, self.records, strict=True):
            yield from ranges(self.bundle.source, segment.offset, segment.manifest_offset)
            yield record
            offset = segment.manifest_offset - segment.offset
            yield framing.footer(offset, offset + len(record) + framing.FOOTER_SIZE)


def sign(bundle: Bundle, signer: Signer, limits: Limits) -> Signed:
    """The bundle with one signature of `signer` on each segment. No payload is changed by that,
    so that chains and the bundle digest stay what they are.

    Raises:
        PrecompileError: LIMIT_EXCEEDED; no reader with these limits would take the result.
    """
    # [PCB-SIGN-010]
    records, count = [], 0
    for segment in bundle.segments:
        envelope = bundle.envelope(segment)
        count += dsse.sign(envelope, signer)
        data = envelope.SerializeToString(deterministic=True)
        record = framing.manifest_prefix(len(data)) + data
        _check_limits(segment, len(envelope.signatures), len(record), limits)
        records.append(record)
    return Signed(bundle, tuple(records), count)


def _check_limits(segment: Segment, signatures: int, size: int, limits: Limits) -> None:
    if signatures > limits.signatures:
        detail = f"segment {segment.index} would have {signatures} signatures"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, segment.manifest_offset)
    if size > limits.manifest_bytes:
        detail = f"the manifest record of segment {segment.index} would take {size} bytes"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail, segment.manifest_offset)
