"""Why an input is refused, and, apart from it, what a caller did wrong."""

import enum


class Stage(enum.IntEnum):
    """The stages of checking, in their order; each runs over all segments before the next."""

    FRAME = 1
    TRUST = 2
    DECODE = 3
    VALIDATE = 4
    COMPAT = 5
    CONTENT = 6
    APPLY = 7


class ErrorCode(enum.IntEnum):
    """`precompile.v1.ErrorCode`, value for value; error.proto says what each one means."""

    NOT_A_BUNDLE = 101
    UNSUPPORTED_VERSION = 102
    TRUNCATED = 103
    MALFORMED_FRAME = 104
    LIMIT_EXCEEDED = 105
    UNSIGNED = 201
    UNTRUSTED_SIGNER = 202
    BAD_SIGNATURE = 203
    MALFORMED_MANIFEST = 301
    UNSUPPORTED_FEATURE = 302
    INVALID_NAME = 401
    DUPLICATE_ARTIFACT = 402
    BAD_REFERENCE = 403
    BROKEN_CHAIN = 404
    INCOMPATIBLE_ENVIRONMENT = 501
    MALFORMED_BLOCK = 601
    DIGEST_MISMATCH = 602
    DECOMPRESSION_FAILED = 603
    SIZE_MISMATCH = 604
    UNKNOWN_ARTIFACT_TYPE = 701
    MISSING_BACKEND = 702
    APPLY_FAILED = 703

    @property
    def stage(self) -> Stage:
        """The stage that the code belongs to: its hundreds digit."""
        return Stage(self // 100)


class PrecompileError(Exception):
    """An input is refused.

    Attributes:
        code: which rule it breaks.
        offset: where, in bytes from the start of the input; None where no place
            in a bundle is at fault (the host, or the state of a context).
        detail: a sentence for a person.
        file: the path of the file, where the input is one; None otherwise.
    """

    def __init__(self, code: ErrorCode, detail: str, offset: int | None = None) -> None:
        super().__init__(code, detail, offset)
        self.code = code
        self.detail = detail
        self.offset = offset
        self.file: str | None = None

    def __str__(self) -> str:
        where = "" if self.offset is None else f" at byte {self.offset}"
        return f"{self.code.name}{where}: {self.detail}"


class MisuseError(Exception):
    """The calling program broke an operation's contract; no input is at fault."""
