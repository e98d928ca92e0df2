from precompile.v1 import artifact_pb2 as _artifact_pb2
from precompile.v1 import environment_pb2 as _environment_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Compression(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPRESSION_UNSPECIFIED: _ClassVar[Compression]
    COMPRESSION_NONE: _ClassVar[Compression]
    COMPRESSION_ZSTD: _ClassVar[Compression]
COMPRESSION_UNSPECIFIED: Compression
COMPRESSION_NONE: Compression
COMPRESSION_ZSTD: Compression

class Bundle(_message.Message):
    __slots__ = ("header", "block", "manifest", "footer")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    FOOTER_FIELD_NUMBER: _ClassVar[int]
    header: _containers.RepeatedCompositeFieldContainer[SegmentHeader]
    block: _containers.RepeatedCompositeFieldContainer[Block]
    manifest: _containers.RepeatedCompositeFieldContainer[Envelope]
    footer: _containers.RepeatedCompositeFieldContainer[SegmentFooter]
    def __init__(self, header: _Optional[_Iterable[_Union[SegmentHeader, _Mapping]]] = ..., block: _Optional[_Iterable[_Union[Block, _Mapping]]] = ..., manifest: _Optional[_Iterable[_Union[Envelope, _Mapping]]] = ..., footer: _Optional[_Iterable[_Union[SegmentFooter, _Mapping]]] = ...) -> None: ...

class SegmentHeader(_message.Message):
    __slots__ = ("magic", "major")
    MAGIC_FIELD_NUMBER: _ClassVar[int]
    MAJOR_FIELD_NUMBER: _ClassVar[int]
    magic: str
    major: int
    def __init__(self, magic: _Optional[str] = ..., major: _Optional[int] = ...) -> None: ...

class Block(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class Envelope(_message.Message):
    __slots__ = ("payload", "payload_type", "signatures", "payload_digest")
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_TYPE_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    payload: bytes
    payload_type: str
    signatures: _containers.RepeatedCompositeFieldContainer[Signature]
    payload_digest: bytes
    def __init__(self, payload: _Optional[bytes] = ..., payload_type: _Optional[str] = ..., signatures: _Optional[_Iterable[_Union[Signature, _Mapping]]] = ..., payload_digest: _Optional[bytes] = ...) -> None: ...

class Signature(_message.Message):
    __slots__ = ("sig", "keyid")
    SIG_FIELD_NUMBER: _ClassVar[int]
    KEYID_FIELD_NUMBER: _ClassVar[int]
    sig: bytes
    keyid: str
    def __init__(self, sig: _Optional[bytes] = ..., keyid: _Optional[str] = ...) -> None: ...

class SegmentFooter(_message.Message):
    __slots__ = ("manifest_offset", "segment_size")
    MANIFEST_OFFSET_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    manifest_offset: int
    segment_size: int
    def __init__(self, manifest_offset: _Optional[int] = ..., segment_size: _Optional[int] = ...) -> None: ...

class Manifest(_message.Message):
    __slots__ = ("required_features", "previous_manifest_digest", "producer", "requirements", "blocks", "artifacts", "removed")
    REQUIRED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_MANIFEST_DIGEST_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    BLOCKS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    required_features: _containers.RepeatedScalarFieldContainer[str]
    previous_manifest_digest: bytes
    producer: Producer
    requirements: _containers.RepeatedCompositeFieldContainer[_environment_pb2.Requirement]
    blocks: _containers.RepeatedCompositeFieldContainer[BlockEntry]
    artifacts: _artifact_pb2.ArtifactTable
    removed: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    def __init__(self, required_features: _Optional[_Iterable[str]] = ..., previous_manifest_digest: _Optional[bytes] = ..., producer: _Optional[_Union[Producer, _Mapping]] = ..., requirements: _Optional[_Iterable[_Union[_environment_pb2.Requirement, _Mapping]]] = ..., blocks: _Optional[_Iterable[_Union[BlockEntry, _Mapping]]] = ..., artifacts: _Optional[_Union[_artifact_pb2.ArtifactTable, _Mapping]] = ..., removed: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ...) -> None: ...

class BlockEntry(_message.Message):
    __slots__ = ("digest", "size", "compression", "content_size")
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    COMPRESSION_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    digest: bytes
    size: int
    compression: Compression
    content_size: int
    def __init__(self, digest: _Optional[bytes] = ..., size: _Optional[int] = ..., compression: _Optional[_Union[Compression, str]] = ..., content_size: _Optional[int] = ...) -> None: ...

class Producer(_message.Message):
    __slots__ = ("name", "version")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ...) -> None: ...
