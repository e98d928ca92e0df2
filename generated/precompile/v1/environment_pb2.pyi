from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Match(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MATCH_UNSPECIFIED: _ClassVar[Match]
    MATCH_EXACT: _ClassVar[Match]
    MATCH_SUPERSET: _ClassVar[Match]
MATCH_UNSPECIFIED: Match
MATCH_EXACT: Match
MATCH_SUPERSET: Match

class Requirement(_message.Message):
    __slots__ = ("name", "match", "values")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MATCH_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    name: str
    match: Match
    values: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, name: _Optional[str] = ..., match: _Optional[_Union[Match, str]] = ..., values: _Optional[_Iterable[str]] = ...) -> None: ...
