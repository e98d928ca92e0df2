"""torch's mega-cache bytes (`torch.compiler.save_cache_artifacts`) to artifacts and back.

The bytes are a CRC-32, a version, then groups to the end: a type, a count, and so
many pairs of key and content. Numbers are 8 bytes, most significant first; byte
strings have their length before them; texts are base64. A save after a save holds
a type's group again, and torch's own load keeps the last group of a type. Here
all count, and what is written has one group a type.
"""

import base64
import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

from precompile_context.adapters.pytorch.artifacts import (
    TorchArtifact,
    artifact_class,
    fields_of,
    fitting_key,
    key_of,
)
from precompile_context.artifact import name_fault
from precompile_context.context.context import PrecompileContext
from precompile_context.environment import Environment
from precompile_context.errors import ErrorCode, PrecompileError

_VERSION = 1
_CHECKSUM_SIZE = 4
_NUMBER_SIZE = 8
# torch has half a dozen types; a class is made for each further one.
_MAX_TYPES = 64


@dataclass(frozen=True, slots=True)
class MegaCacheArtifact:
    """One artifact of a mega-cache, as torch names it."""

    type: str
    key: str
    content: bytes


def from_mega_cache(data: bytes, *, environment: Environment | None = None) -> PrecompileContext:
    """A context that holds every artifact of every group, in their order.

    `environment` is that of the host whose torch wrote the bytes, which do not
    name it; by default this host's. Contents that differ under one key are all
    kept, equivalent or not.

    Raises:
        PrecompileError: the bytes are no mega-cache, or damaged, or name types
            that are none of torch's caches.
    """
    if environment is None:
        from precompile_context.adapters.pytorch.facts.environment import host_environment

        environment = host_environment()
    context = PrecompileContext(environment=environment)
    record_mega_cache(context, data)
    return context


def record_mega_cache(context: PrecompileContext, data: bytes) -> None:
    """Record into a context what `from_mega_cache` gives one of its own.

    Raises:
        PrecompileError: as there; nothing was recorded.
    """
    # One that is there twice is one, and recording it again would change nothing.
    artifacts = tuple(dict.fromkeys(read_mega_cache(data)))
    types = dict.fromkeys(artifact.type for artifact in artifacts)
    if len(types) > _MAX_TYPES:
        detail = f"the mega-cache has {len(types)} types of artifacts; the limit is {_MAX_TYPES}"
        raise PrecompileError(ErrorCode.LIMIT_EXCEEDED, detail)
    for type_name in types:
        # A file, or another package's type, is nothing that torch would have saved.
        if not issubclass(artifact_class(type_name, context.registry), TorchArtifact):
            detail = f"type {type_name!r} is none of torch's caches"
            raise PrecompileError(ErrorCode.INVALID_NAME, detail)
    names = _Names()
    for artifact in artifacts:
        key = names.key_for(artifact)
        fields = fields_of(artifact.type, artifact.key, artifact.content)
        context.record_artifact(artifact.type, key, artifact.content, **fields)


class _Names:
    """Gives each content a key of its own."""

    def __init__(self) -> None:
        self._content: dict[tuple[str, str], bytes] = {}
        self._count: dict[tuple[str, str], int] = {}

    def key_for(self, artifact: MegaCacheArtifact) -> str:
        """The artifact's key, or that with the first number that no other content has."""
        base = key = key_of(artifact.key, artifact.content)
        while self._taken(artifact, key):
            # Counted on from artifact to artifact: thousands under one key cost no square of it.
            number = self._count.get((artifact.type, base), 1) + 1
            self._count[artifact.type, base] = number
            key = fitting_key(f"{base}#{number}")
        return key

    def _taken(self, artifact: MegaCacheArtifact, key: str) -> bool:
        there = self._content.setdefault((artifact.type, key), artifact.content)
        return there != artifact.content


def to_mega_cache(context: PrecompileContext) -> bytes:
    """What is current and of torch's types, for `torch.compiler.load_cache_artifacts`.

    Libraries stay behind: the mega-cache knows no files.

    Raises:
        PrecompileError: the content of a loaded artifact is damaged.
    """
    from precompile_context.adapters.pytorch.artifacts import InductorFile

    groups: dict[str, list[TorchArtifact]] = {}
    for id_ in context.current():
        if id_.type == InductorFile.TYPE:
            continue
        artifact_class(id_.type, context.registry)
        artifact = context.lookup(id_.type, id_.key)
        if isinstance(artifact, TorchArtifact):
            groups.setdefault(id_.type, []).append(artifact)
    body = [_number(_VERSION)]
    for type_name, artifacts in groups.items():
        body += [_text(type_name), _number(len(artifacts))]
        for artifact in artifacts:
            body += [_text(artifact.torch_key), _bytes(artifact.content)]
    data = b"".join(body)
    return zlib.crc32(data).to_bytes(_CHECKSUM_SIZE, "big") + data


def _number(value: int) -> bytes:
    return value.to_bytes(_NUMBER_SIZE, "big")


def _bytes(value: bytes) -> bytes:
    return _number(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(base64.b64encode(value.encode()))


def read_mega_cache(data: bytes) -> Iterator[MegaCacheArtifact]:
    """The artifacts of all groups. Needs no torch; work and memory are bounded by the input.

    Raises:
        PrecompileError: NOT_A_BUNDLE, UNSUPPORTED_VERSION, TRUNCATED, DIGEST_MISMATCH,
            INVALID_NAME or MALFORMED_FRAME, with the byte at fault.
    """
    if len(data) < _CHECKSUM_SIZE + _NUMBER_SIZE:
        raise PrecompileError(ErrorCode.NOT_A_BUNDLE, "too short for a mega-cache", 0)
    checksum = int.from_bytes(data[:_CHECKSUM_SIZE], "big")
    if zlib.crc32(memoryview(data)[_CHECKSUM_SIZE:]) != checksum:
        raise PrecompileError(ErrorCode.DIGEST_MISMATCH, "the mega-cache's CRC-32 differs", 0)
    reader = _Reader(data)
    version = reader.number()
    if version != _VERSION:
        detail = f"mega-cache version {version}; only {_VERSION} is known"
        raise PrecompileError(ErrorCode.UNSUPPORTED_VERSION, detail, _CHECKSUM_SIZE)
    while not reader.is_finished():
        yield from _read_group(reader)


def _read_group(reader: "_Reader") -> Iterator[MegaCacheArtifact]:
    start = reader.offset
    type_name = reader.text()
    if fault := name_fault(type_name):
        detail = f"type {type_name[:80]!r}: {fault}"
        raise PrecompileError(ErrorCode.INVALID_NAME, detail, start)
    # A false count runs into the end of the input, two lengths an artifact.
    for _ in range(reader.number()):
        yield MegaCacheArtifact(type_name, reader.text(), reader.bytes())


class _Reader:
    """Takes fields from the front of the input; nothing is taken that is not there."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.offset = _CHECKSUM_SIZE

    def is_finished(self) -> bool:
        return self.offset == len(self._data)

    def _take(self, size: int) -> bytes:
        start, end = self.offset, self.offset + size
        if end > len(self._data):
            detail = f"{size} bytes are claimed, {len(self._data) - start} are left"
            raise PrecompileError(ErrorCode.TRUNCATED, detail, start)
        self.offset = end
        return self._data[start:end]

    def number(self) -> int:
        return int.from_bytes(self._take(_NUMBER_SIZE), "big")

    def bytes(self) -> bytes:
        return self._take(self.number())

    def text(self) -> str:
        start = self.offset
        try:
            return base64.b64decode(self.bytes(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            detail = "a name is no base64 of UTF-8"
            raise PrecompileError(ErrorCode.MALFORMED_FRAME, detail, start) from error
