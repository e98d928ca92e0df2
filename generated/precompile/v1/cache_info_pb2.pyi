from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CacheInfo(_message.Message):
    __slots__ = ("types",)
    TYPES_FIELD_NUMBER: _ClassVar[int]
    types: _containers.RepeatedCompositeFieldContainer[TypeInfo]
    def __init__(self, types: _Optional[_Iterable[_Union[TypeInfo, _Mapping]]] = ...) -> None: ...

class TypeInfo(_message.Message):
    __slots__ = ("type", "keys")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEYS_FIELD_NUMBER: _ClassVar[int]
    type: str
    keys: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, type: _Optional[str] = ..., keys: _Optional[_Iterable[str]] = ...) -> None: ...
