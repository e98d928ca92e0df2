from precompile.conformance.v1 import reading_pb2 as _reading_pb2
from precompile.conformance.v1 import script_pb2 as _script_pb2
from precompile.conformance.v1 import writing_pb2 as _writing_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConformanceClass(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONFORMANCE_CLASS_UNSPECIFIED: _ClassVar[ConformanceClass]
    CONFORMANCE_CLASS_READER: _ClassVar[ConformanceClass]
    CONFORMANCE_CLASS_WRITER: _ClassVar[ConformanceClass]
    CONFORMANCE_CLASS_CONTEXT: _ClassVar[ConformanceClass]
    CONFORMANCE_CLASS_VERIFIER: _ClassVar[ConformanceClass]

class Capability(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CAPABILITY_UNSPECIFIED: _ClassVar[Capability]
    CAPABILITY_ZSTD: _ClassVar[Capability]
    CAPABILITY_SIGNATURES: _ClassVar[Capability]
    CAPABILITY_RECOVERY: _ClassVar[Capability]
    CAPABILITY_LIMITS: _ClassVar[Capability]
    CAPABILITY_SIGNING: _ClassVar[Capability]
CONFORMANCE_CLASS_UNSPECIFIED: ConformanceClass
CONFORMANCE_CLASS_READER: ConformanceClass
CONFORMANCE_CLASS_WRITER: ConformanceClass
CONFORMANCE_CLASS_CONTEXT: ConformanceClass
CONFORMANCE_CLASS_VERIFIER: ConformanceClass
CAPABILITY_UNSPECIFIED: Capability
CAPABILITY_ZSTD: Capability
CAPABILITY_SIGNATURES: Capability
CAPABILITY_RECOVERY: Capability
CAPABILITY_LIMITS: Capability
CAPABILITY_SIGNING: Capability

class Request(_message.Message):
    __slots__ = ("id", "hello", "read", "extract", "write", "append", "concatenate", "script", "sign")
    ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    READ_FIELD_NUMBER: _ClassVar[int]
    EXTRACT_FIELD_NUMBER: _ClassVar[int]
    WRITE_FIELD_NUMBER: _ClassVar[int]
    APPEND_FIELD_NUMBER: _ClassVar[int]
    CONCATENATE_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    SIGN_FIELD_NUMBER: _ClassVar[int]
    id: int
    hello: HelloRequest
    read: _reading_pb2.ReadRequest
    extract: _reading_pb2.ExtractRequest
    write: _writing_pb2.WriteRequest
    append: _writing_pb2.AppendRequest
    concatenate: _writing_pb2.ConcatenateRequest
    script: _script_pb2.ScriptRequest
    sign: _writing_pb2.SignRequest
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[HelloRequest, _Mapping]] = ..., read: _Optional[_Union[_reading_pb2.ReadRequest, _Mapping]] = ..., extract: _Optional[_Union[_reading_pb2.ExtractRequest, _Mapping]] = ..., write: _Optional[_Union[_writing_pb2.WriteRequest, _Mapping]] = ..., append: _Optional[_Union[_writing_pb2.AppendRequest, _Mapping]] = ..., concatenate: _Optional[_Union[_writing_pb2.ConcatenateRequest, _Mapping]] = ..., script: _Optional[_Union[_script_pb2.ScriptRequest, _Mapping]] = ..., sign: _Optional[_Union[_writing_pb2.SignRequest, _Mapping]] = ...) -> None: ...

class Response(_message.Message):
    __slots__ = ("id", "hello", "bundle", "rejection", "extracted", "written", "appended", "script", "unsupported", "misuse", "signed")
    ID_FIELD_NUMBER: _ClassVar[int]
    HELLO_FIELD_NUMBER: _ClassVar[int]
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    EXTRACTED_FIELD_NUMBER: _ClassVar[int]
    WRITTEN_FIELD_NUMBER: _ClassVar[int]
    APPENDED_FIELD_NUMBER: _ClassVar[int]
    SCRIPT_FIELD_NUMBER: _ClassVar[int]
    UNSUPPORTED_FIELD_NUMBER: _ClassVar[int]
    MISUSE_FIELD_NUMBER: _ClassVar[int]
    SIGNED_FIELD_NUMBER: _ClassVar[int]
    id: int
    hello: HelloResponse
    bundle: _reading_pb2.BundleDump
    rejection: _reading_pb2.Rejection
    extracted: _reading_pb2.Extracted
    written: _writing_pb2.Written
    appended: _writing_pb2.Appended
    script: _script_pb2.ScriptResponse
    unsupported: Unsupported
    misuse: _writing_pb2.Misuse
    signed: _writing_pb2.Signed
    def __init__(self, id: _Optional[int] = ..., hello: _Optional[_Union[HelloResponse, _Mapping]] = ..., bundle: _Optional[_Union[_reading_pb2.BundleDump, _Mapping]] = ..., rejection: _Optional[_Union[_reading_pb2.Rejection, _Mapping]] = ..., extracted: _Optional[_Union[_reading_pb2.Extracted, _Mapping]] = ..., written: _Optional[_Union[_writing_pb2.Written, _Mapping]] = ..., appended: _Optional[_Union[_writing_pb2.Appended, _Mapping]] = ..., script: _Optional[_Union[_script_pb2.ScriptResponse, _Mapping]] = ..., unsupported: _Optional[_Union[Unsupported, _Mapping]] = ..., misuse: _Optional[_Union[_writing_pb2.Misuse, _Mapping]] = ..., signed: _Optional[_Union[_writing_pb2.Signed, _Mapping]] = ...) -> None: ...

class HelloRequest(_message.Message):
    __slots__ = ("protocol",)
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    protocol: int
    def __init__(self, protocol: _Optional[int] = ...) -> None: ...

class HelloResponse(_message.Message):
    __slots__ = ("name", "version", "spec_versions", "classes", "capabilities", "protocol")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SPEC_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    CLASSES_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    spec_versions: _containers.RepeatedScalarFieldContainer[str]
    classes: _containers.RepeatedScalarFieldContainer[ConformanceClass]
    capabilities: _containers.RepeatedScalarFieldContainer[Capability]
    protocol: int
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., spec_versions: _Optional[_Iterable[str]] = ..., classes: _Optional[_Iterable[_Union[ConformanceClass, str]]] = ..., capabilities: _Optional[_Iterable[_Union[Capability, str]]] = ..., protocol: _Optional[int] = ...) -> None: ...

class Unsupported(_message.Message):
    __slots__ = ("detail",)
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    detail: str
    def __init__(self, detail: _Optional[str] = ...) -> None: ...
