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

class Artifact(_message.Message):
    __slots__ = ("type", "key", "kind", "content_digest", "content_size", "extents", "backends", "attributes")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CONTENT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SIZE_FIELD_NUMBER: _ClassVar[int]
    EXTENTS_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTES_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    kind: ArtifactKind
    content_digest: bytes
    content_size: int
    extents: _containers.RepeatedCompositeFieldContainer[Extent]
    backends: _containers.RepeatedCompositeFieldContainer[ArtifactId]
    attributes: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., kind: _Optional[_Union[ArtifactKind, str]] = ..., content_digest: _Optional[bytes] = ..., content_size: _Optional[int] = ..., extents: _Optional[_Iterable[_Union[Extent, _Mapping]]] = ..., backends: _Optional[_Iterable[_Union[ArtifactId, _Mapping]]] = ..., attributes: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class Extent(_message.Message):
    __slots__ = ("block", "offset", "size")
    BLOCK_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    block: int
    offset: int
    size: int
    def __init__(self, block: _Optional[int] = ..., offset: _Optional[int] = ..., size: _Optional[int] = ...) -> None: ...

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
