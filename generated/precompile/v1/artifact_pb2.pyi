from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ArtifactKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ARTIFACT_KIND_UNSPECIFIED: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_CACHE: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_BACKEND: _ClassVar[ArtifactKind]
    ARTIFACT_KIND_ENTRY: _ClassVar[ArtifactKind]
ARTIFACT_KIND_UNSPECIFIED: ArtifactKind
ARTIFACT_KIND_CACHE: ArtifactKind
ARTIFACT_KIND_BACKEND: ArtifactKind
ARTIFACT_KIND_ENTRY: ArtifactKind

class ArtifactTable(_message.Message):
    __slots__ = ("types", "type", "key", "content_digest", "content_size", "block", "offset", "details")
    TYPES_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedCompositeFieldContainer[ArtifactType]
    type: _containers.RepeatedScalarFieldContainer[int]
    key: _containers.RepeatedScalarFieldContainer[str]
    content_digest: bytes
    content_size: _containers.RepeatedScalarFieldContainer[int]
    block: _containers.RepeatedScalarFieldContainer[int]
    offset: _containers.RepeatedScalarFieldContainer[int]
    details: _containers.RepeatedCompositeFieldContainer[ArtifactDetail]
    def __init__(self, types: _Optional[_Iterable[_Union[ArtifactType, _Mapping]]] = ..., type: _Optional[_Iterable[int]] = ..., key: _Optional[_Iterable[str]] = ..., content_digest: _Optional[bytes] = ..., content_size: _Optional[_Iterable[int]] = ..., block: _Optional[_Iterable[int]] = ..., offset: _Optional[_Iterable[int]] = ..., details: _Optional[_Iterable[_Union[ArtifactDetail, _Mapping]]] = ...) -> None: ...

class ArtifactType(_message.Message):
    __slots__ = ("name", "kind")
    NAME_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    name: str
    kind: ArtifactKind
    def __init__(self, name: _Optional[str] = ..., kind: _Optional[_Union[ArtifactKind, str]] = ...) -> None: ...

class ArtifactDetail(_message.Message):
    __slots__ = ("artifact", "backends", "attributes")
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    artifact: int
    backends: _containers.RepeatedCompositeFieldContainer[ArtifactId]
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, artifact: _Optional[int] = ..., backends: _Optional[_Iterable[_Union[ArtifactId, _Mapping]]] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class ArtifactId(_message.Message):
    __slots__ = ("type", "key", "content_digest")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    content_digest: bytes
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., content_digest: _Optional[bytes] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("name", "bytes_value", "string_value", "int_value", "double_value", "bool_value")
    NAME_FIELD_NUMBER: _ClassVar[int]
    BYTES_VALUE_FIELD_NUMBER: _ClassVar[int]
    STRING_VALUE_FIELD_NUMBER: _ClassVar[int]
    INT_VALUE_FIELD_NUMBER: _ClassVar[int]
    DOUBLE_VALUE_FIELD_NUMBER: _ClassVar[int]
    BOOL_VALUE_FIELD_NUMBER: _ClassVar[int]
    name: str
    bytes_value: bytes
    string_value: str
    int_value: int
    double_value: float
    bool_value: bool
    def __init__(self, name: _Optional[str] = ..., bytes_value: _Optional[bytes] = ..., string_value: _Optional[str] = ..., int_value: _Optional[int] = ..., double_value: _Optional[float] = ..., bool_value: bool = ...) -> None: ...
