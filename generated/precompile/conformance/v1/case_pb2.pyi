from precompile.conformance.v1 import reading_pb2 as _reading_pb2
from precompile.conformance.v1 import script_pb2 as _script_pb2
from precompile.conformance.v1 import testee_pb2 as _testee_pb2
from precompile.conformance.v1 import writing_pb2 as _writing_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Level(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LEVEL_UNSPECIFIED: _ClassVar[Level]
    LEVEL_MUST: _ClassVar[Level]
    LEVEL_SHOULD: _ClassVar[Level]
LEVEL_UNSPECIFIED: Level
LEVEL_MUST: Level
LEVEL_SHOULD: Level

class Case(_message.Message):
    __slots__ = ("id", "shows", "requirements", "level", "classes", "capabilities", "base", "defect", "request", "expected", "alternatives", "recipe")
    ID_FIELD_NUMBER: _ClassVar[int]
    SHOWS_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    DEFECT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    ALTERNATIVES_FIELD_NUMBER: _ClassVar[int]
    RECIPE_FIELD_NUMBER: _ClassVar[int]
    id: str
    shows: str
    requirements: _containers.RepeatedScalarFieldContainer[str]
    level: Level
    classes: _containers.RepeatedScalarFieldContainer[_testee_pb2.ConformanceClass]
    capabilities: _containers.RepeatedScalarFieldContainer[_testee_pb2.Capability]
    base: str
    defect: str
    request: _testee_pb2.Request
    expected: Expected
    alternatives: _containers.RepeatedCompositeFieldContainer[Alternative]
    recipe: str
    def __init__(self, id: _Optional[str] = ..., shows: _Optional[str] = ..., requirements: _Optional[_Iterable[str]] = ..., level: _Optional[_Union[Level, str]] = ..., classes: _Optional[_Iterable[_Union[_testee_pb2.ConformanceClass, str]]] = ..., capabilities: _Optional[_Iterable[_Union[_testee_pb2.Capability, str]]] = ..., base: _Optional[str] = ..., defect: _Optional[str] = ..., request: _Optional[_Union[_testee_pb2.Request, _Mapping]] = ..., expected: _Optional[_Union[Expected, _Mapping]] = ..., alternatives: _Optional[_Iterable[_Union[Alternative, _Mapping]]] = ..., recipe: _Optional[str] = ...) -> None: ...

class Expected(_message.Message):
    __slots__ = ("bundle", "rejection", "extracted", "written", "script", "misuse")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    EXTRACTED_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    MISUSE_FIELD_NUMBER: _ClassVar[int]
    bundle: _reading_pb2.BundleDump
    rejection: _reading_pb2.Rejection
    extracted: _reading_pb2.Extracted
    written: WrittenBundle
    script: _script_pb2.ScriptResponse
    misuse: _writing_pb2.Misuse
    def __init__(self, bundle: _Optional[_Union[_reading_pb2.BundleDump, _Mapping]] = ..., rejection: _Optional[_Union[_reading_pb2.Rejection, _Mapping]] = ..., extracted: _Optional[_Union[_reading_pb2.Extracted, _Mapping]] = ..., written: _Optional[_Union[WrittenBundle, _Mapping]] = ..., script: _Optional[_Union[_script_pb2.ScriptResponse, _Mapping]] = ..., misuse: _Optional[_Union[_writing_pb2.Misuse, _Mapping]] = ...) -> None: ...

class WrittenBundle(_message.Message):
    __slots__ = ("holds", "keeps", "is_concatenation", "most_bytes", "equal_content_once", "trust", "keeps_payloads")
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    KEEPS_FIELD_NUMBER: _ClassVar[int]
    IS_CONCATENATION_FIELD_NUMBER: _ClassVar[int]
    MOST_BYTES_FIELD_NUMBER: _ClassVar[int]
    EQUAL_CONTENT_ONCE_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    KEEPS_PAYLOADS_FIELD_NUMBER: _ClassVar[int]
    holds: _reading_pb2.BundleDump
    keeps: int
    is_concatenation: bool
    most_bytes: int
    equal_content_once: bool
    trust: _reading_pb2.TrustPolicy
    keeps_payloads: bool
    def __init__(self, holds: _Optional[_Union[_reading_pb2.BundleDump, _Mapping]] = ..., keeps: _Optional[int] = ..., is_concatenation: bool = ..., most_bytes: _Optional[int] = ..., equal_content_once: bool = ..., trust: _Optional[_Union[_reading_pb2.TrustPolicy, _Mapping]] = ..., keeps_payloads: bool = ...) -> None: ...

class Alternative(_message.Message):
    __slots__ = ("expected", "reason")
    EXPECTED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    expected: Expected
    reason: str
    def __init__(self, expected: _Optional[_Union[Expected, _Mapping]] = ..., reason: _Optional[str] = ...) -> None: ...
