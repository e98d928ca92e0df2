"""Why the suite's reader refuses an input, and what it takes at most."""

from dataclasses import dataclass

from precompile.conformance.v1 import reading_pb2


class Refused(Exception):  # noqa: N818
    """The input, or one content of it, is refused."""

    def __init__(self, code: str, offset: int | None, detail: str = "") -> None:
        super().__init__(code, offset, detail)
        self.code = code
        self.offset = offset
        self.detail = detail

    def message(self) -> reading_pb2.Rejection:
        """As the protocol tells it."""
        message = reading_pb2.Rejection(code=f"ERROR_CODE_{self.code}", detail=self.detail)
        if self.offset is not None:
            message.offset = self.offset
        return message


@dataclass(frozen=True)
class Limits:
    """The default limits of the norm; `of` takes those of a request where they are set."""

    manifest_bytes: int = 16 << 20
    items: int = 4_000_000
    segments: int = 65_536
    signatures: int = 64
    total_content: int = 64 << 30
    total_decompressed: int = 256 << 30

    @classmethod
    def of(cls, asked: reading_pb2.ReadLimits) -> "Limits":
        """The request's limits, the defaults where it says 0."""
        return cls(**{field.name: value for field, value in asked.ListFields()})
