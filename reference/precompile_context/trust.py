"""Whose bundles are loaded: the TRUST stage, between framing and the first decoded manifest."""

from typing import Protocol

from precompile.v1.bundle_pb2 import Envelope

__all__ = ["UNSIGNED", "Envelope", "TrustPolicy"]


class TrustPolicy(Protocol):
    """Decides on each segment by its envelope, before the payload is decoded."""

    def check(self, envelope: Envelope, offset: int) -> None:
        """Return where the segment is trusted.

        Raises:
            PrecompileError: a TRUST code, at `offset`, that of the manifest record.
        """


class _Unsigned:
    """Accepts every segment, signed or not: for bundles whose origin is known otherwise."""

    def check(self, envelope: Envelope, offset: int) -> None:
        """Accept."""


UNSIGNED: TrustPolicy = _Unsigned()
