from precompile.v1 import artifact_pb2 as _artifact_pb2
from precompile.v1 import environment_pb2 as _environment_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WriteRequest(_message.Message):
    __slots__ = ("segments", "spec_version")
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    SPEC_VERSION_FIELD_NUMBER: _ClassVar[int]
    segments: _containers.RepeatedCompositeFieldContainer[SegmentDescription]
    spec_version: str
    def __init__(self, segments: _Optional[_Iterable[_Union[SegmentDescription, _Mapping]]] = ..., spec_version: _Optional[str] = ...) -> None: ...

class SegmentDescription(_message.Message):
    __slots__ = ("requirements", "artifacts", "removed")
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    ARTIFACTS_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    requirements: _containers.RepeatedCompositeFieldContainer[_environment_pb2.Requirement]
    artifacts: _containers.RepeatedCompositeFieldContainer[ArtifactDescription]
    removed: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    def __init__(self, requirements: _Optional[_Iterable[_Union[_environment_pb2.Requirement, _Mapping]]] = ..., artifacts: _Optional[_Iterable[_Union[ArtifactDescription, _Mapping]]] = ..., removed: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ...) -> None: ...

class ArtifactDescription(_message.Message):
    __slots__ = ("type", "key", "kind", "content", "backends", "attributes")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    kind: _artifact_pb2.ArtifactKind
    content: bytes
    backends: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    attributes: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Attribute]
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., kind: _Optional[_Union[_artifact_pb2.ArtifactKind, str]] = ..., content: _Optional[bytes] = ..., backends: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., attributes: _Optional[_Iterable[_Union[_artifact_pb2.Attribute, _Mapping]]] = ...) -> None: ...

class Written(_message.Message):
    __slots__ = ("bundle",)
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    def __init__(self, bundle: _Optional[bytes] = ...) -> None: ...

class AppendRequest(_message.Message):
    __slots__ = ("path", "segment")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_FIELD_NUMBER: _ClassVar[int]
    path: str
    segment: SegmentDescription
    def __init__(self, path: _Optional[str] = ..., segment: _Optional[_Union[SegmentDescription, _Mapping]] = ...) -> None: ...

class Appended(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class SignRequest(_message.Message):
    __slots__ = ("path", "seed")
    PATH_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    path: str
    seed: bytes
    def __init__(self, path: _Optional[str] = ..., seed: _Optional[bytes] = ...) -> None: ...

class Signed(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ConcatenateRequest(_message.Message):
    __slots__ = ("paths",)
    PATHS_FIELD_NUMBER: _ClassVar[int]
    paths: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, paths: _Optional[_Iterable[str]] = ...) -> None: ...

class Misuse(_message.Message):
    __slots__ = ("detail",)
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    detail: str
    def __init__(self, detail: _Optional[str] = ...) -> None: ...
