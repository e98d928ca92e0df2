from precompile.v1 import artifact_pb2 as _artifact_pb2
from precompile.v1 import bundle_pb2 as _bundle_pb2
from precompile.v1 import environment_pb2 as _environment_pb2
from precompile.v1 import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ReadRequest(_message.Message):
    __slots__ = ("path", "recover", "trust", "host", "limits", "expected_digest")
    PATH_FIELD_NUMBER: _ClassVar[int]
    RECOVER_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_DIGEST_FIELD_NUMBER: _ClassVar[int]
    path: str
    recover: bool
    trust: TrustPolicy
    host: Host
    limits: ReadLimits
    expected_digest: bytes
    def __init__(self, path: _Optional[str] = ..., recover: bool = ..., trust: _Optional[_Union[TrustPolicy, _Mapping]] = ..., host: _Optional[_Union[Host, _Mapping]] = ..., limits: _Optional[_Union[ReadLimits, _Mapping]] = ..., expected_digest: _Optional[bytes] = ...) -> None: ...

class TrustPolicy(_message.Message):
    __slots__ = ("trusted_keys", "threshold")
    TRUSTED_KEYS_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    trusted_keys: _containers.RepeatedScalarFieldContainer[bytes]
    threshold: int
    def __init__(self, trusted_keys: _Optional[_Iterable[bytes]] = ..., threshold: _Optional[int] = ...) -> None: ...

class Host(_message.Message):
    __slots__ = ("facts",)
    FACTS_FIELD_NUMBER: _ClassVar[int]
    facts: _containers.RepeatedCompositeFieldContainer[Fact]
    def __init__(self, facts: _Optional[_Iterable[_Union[Fact, _Mapping]]] = ...) -> None: ...

class Fact(_message.Message):
    __slots__ = ("name", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...

class ReadLimits(_message.Message):
    __slots__ = ("manifest_bytes", "items", "segments", "total_content", "total_decompressed", "signatures")
    MANIFEST_BYTES_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_CONTENT_FIELD_NUMBER: _ClassVar[int]
    TOTAL_DECOMPRESSED_FIELD_NUMBER: _ClassVar[int]
    SIGNATURES_FIELD_NUMBER: _ClassVar[int]
    manifest_bytes: int
    items: int
    segments: int
    total_content: int
    total_decompressed: int
    signatures: int
    def __init__(self, manifest_bytes: _Optional[int] = ..., items: _Optional[int] = ..., segments: _Optional[int] = ..., total_content: _Optional[int] = ..., total_decompressed: _Optional[int] = ..., signatures: _Optional[int] = ...) -> None: ...

class Rejection(_message.Message):
    __slots__ = ("code", "offset", "detail")
    CODE_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    code: _error_pb2.ErrorCode
    offset: int
    detail: str
    def __init__(self, code: _Optional[_Union[_error_pb2.ErrorCode, str]] = ..., offset: _Optional[int] = ..., detail: _Optional[str] = ...) -> None: ...

class BundleDump(_message.Message):
    __slots__ = ("bundle_digest", "size", "ignored", "segments", "current", "content_fault")
    BUNDLE_DIGEST_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FAULT_FIELD_NUMBER: _ClassVar[int]
    bundle_digest: bytes
    size: int
    ignored: int
    segments: _containers.RepeatedCompositeFieldContainer[SegmentDump]
    current: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    content_fault: Rejection
    def __init__(self, bundle_digest: _Optional[bytes] = ..., size: _Optional[int] = ..., ignored: _Optional[int] = ..., segments: _Optional[_Iterable[_Union[SegmentDump, _Mapping]]] = ..., current: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., content_fault: _Optional[_Union[Rejection, _Mapping]] = ...) -> None: ...

class SegmentDump(_message.Message):
    __slots__ = ("offset", "size", "payload_digest", "begins_chain", "matches", "producer", "requirements", "removed", "artifacts")
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_DIGEST_FIELD_NUMBER: _ClassVar[int]
    BEGINS_CHAIN_FIELD_NUMBER: _ClassVar[int]
    MATCHES_FIELD_NUMBER: _ClassVar[int]
    PRODUCER_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    offset: int
    size: int
    payload_digest: bytes
    begins_chain: bool
    matches: bool
    producer: _bundle_pb2.Producer
    requirements: _containers.RepeatedCompositeFieldContainer[_environment_pb2.Requirement]
    removed: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    artifacts: _containers.RepeatedCompositeFieldContainer[ArtifactDump]
    def __init__(self, offset: _Optional[int] = ..., size: _Optional[int] = ..., payload_digest: _Optional[bytes] = ..., begins_chain: bool = ..., matches: bool = ..., producer: _Optional[_Union[_bundle_pb2.Producer, _Mapping]] = ..., requirements: _Optional[_Iterable[_Union[_environment_pb2.Requirement, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., artifacts: _Optional[_Iterable[_Union[ArtifactDump, _Mapping]]] = ...) -> None: ...

class ArtifactDump(_message.Message):
    __slots__ = ("type", "key", "kind", "content_digest", "content_size", "backends", "attributes", "content_fault")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FAULT_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    kind: _artifact_pb2.ArtifactKind
    content_digest: bytes
    content_size: int
    backends: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    attributes: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Attribute]
    content_fault: Rejection
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., kind: _Optional[_Union[_artifact_pb2.ArtifactKind, str]] = ..., content_digest: _Optional[bytes] = ..., content_size: _Optional[int] = ..., backends: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., attributes: _Optional[_Iterable[_Union[_artifact_pb2.Attribute, _Mapping]]] = ..., content_fault: _Optional[_Union[Rejection, _Mapping]] = ...) -> None: ...

class ExtractRequest(_message.Message):
    __slots__ = ("path", "type", "key")
    PATH_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    path: str
    type: str
    key: str
    def __init__(self, path: _Optional[str] = ..., type: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class Extracted(_message.Message):
    __slots__ = ("found", "content", "content_size", "content_digest")
    FOUND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    found: bool
    content: bytes
    content_size: int
    content_digest: bytes
    def __init__(self, found: bool = ..., content: _Optional[bytes] = ..., content_size: _Optional[int] = ..., content_digest: _Optional[bytes] = ...) -> None: ...
