from precompile.conformance.v1 import reading_pb2 as _reading_pb2
from precompile.conformance.v1 import writing_pb2 as _writing_pb2
from precompile.v1 import artifact_pb2 as _artifact_pb2
from precompile.v1 import cache_info_pb2 as _cache_info_pb2
from precompile.v1 import environment_pb2 as _environment_pb2
from precompile.v1 import error_pb2 as _error_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ScriptRequest(_message.Message):
    __slots__ = ("steps",)
    STEPS_FIELD_NUMBER: _ClassVar[int]
    steps: _containers.RepeatedCompositeFieldContainer[Step]
    def __init__(self, steps: _Optional[_Iterable[_Union[Step, _Mapping]]] = ...) -> None: ...

class Step(_message.Message):
    __slots__ = ("use_context", "register", "record", "remove", "edit", "lookup", "find_backend", "serialize", "load", "populate", "clear", "enter_fresh", "leave_fresh", "save")
    USE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    RECORD_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    EDIT_FIELD_NUMBER: _ClassVar[int]
    LOOKUP_FIELD_NUMBER: _ClassVar[int]
    FIND_BACKEND_FIELD_NUMBER: _ClassVar[int]
    SERIALIZE_FIELD_NUMBER: _ClassVar[int]
    LOAD_FIELD_NUMBER: _ClassVar[int]
    POPULATE_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    ENTER_FRESH_FIELD_NUMBER: _ClassVar[int]
    LEAVE_FRESH_FIELD_NUMBER: _ClassVar[int]
    SAVE_FIELD_NUMBER: _ClassVar[int]
    use_context: UseContext
    register: Register
    record: Record
    remove: Remove
    edit: Edit
    lookup: Lookup
    find_backend: FindBackend
    serialize: Serialize
    load: Load
    populate: Populate
    clear: Clear
    enter_fresh: EnterFresh
    leave_fresh: LeaveFresh
    save: Save
    def __init__(self, use_context: _Optional[_Union[UseContext, _Mapping]] = ..., register: _Optional[_Union[Register, _Mapping]] = ..., record: _Optional[_Union[Record, _Mapping]] = ..., remove: _Optional[_Union[Remove, _Mapping]] = ..., edit: _Optional[_Union[Edit, _Mapping]] = ..., lookup: _Optional[_Union[Lookup, _Mapping]] = ..., find_backend: _Optional[_Union[FindBackend, _Mapping]] = ..., serialize: _Optional[_Union[Serialize, _Mapping]] = ..., load: _Optional[_Union[Load, _Mapping]] = ..., populate: _Optional[_Union[Populate, _Mapping]] = ..., clear: _Optional[_Union[Clear, _Mapping]] = ..., enter_fresh: _Optional[_Union[EnterFresh, _Mapping]] = ..., leave_fresh: _Optional[_Union[LeaveFresh, _Mapping]] = ..., save: _Optional[_Union[Save, _Mapping]] = ...) -> None: ...

class UseContext(_message.Message):
    __slots__ = ("name", "host", "requirements", "trust", "no_policy")
    NAME_FIELD_NUMBER: _ClassVar[int]
    HOST_FIELD_NUMBER: _ClassVar[int]
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    TRUST_FIELD_NUMBER: _ClassVar[int]
    NO_POLICY_FIELD_NUMBER: _ClassVar[int]
    name: str
    host: _reading_pb2.Host
    requirements: RequirementList
    trust: _reading_pb2.TrustPolicy
    no_policy: bool
    def __init__(self, name: _Optional[str] = ..., host: _Optional[_Union[_reading_pb2.Host, _Mapping]] = ..., requirements: _Optional[_Union[RequirementList, _Mapping]] = ..., trust: _Optional[_Union[_reading_pb2.TrustPolicy, _Mapping]] = ..., no_policy: bool = ...) -> None: ...

class RequirementList(_message.Message):
    __slots__ = ("requirements",)
    REQUIREMENTS_FIELD_NUMBER: _ClassVar[int]
    requirements: _containers.RepeatedCompositeFieldContainer[_environment_pb2.Requirement]
    def __init__(self, requirements: _Optional[_Iterable[_Union[_environment_pb2.Requirement, _Mapping]]] = ...) -> None: ...

class Register(_message.Message):
    __slots__ = ("type", "kind", "fields", "fails_on")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    FAILS_ON_FIELD_NUMBER: _ClassVar[int]
    type: str
    kind: _artifact_pb2.ArtifactKind
    fields: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Attribute]
    fails_on: bytes
    def __init__(self, type: _Optional[str] = ..., kind: _Optional[_Union[_artifact_pb2.ArtifactKind, str]] = ..., fields: _Optional[_Iterable[_Union[_artifact_pb2.Attribute, _Mapping]]] = ..., fails_on: _Optional[bytes] = ...) -> None: ...

class Record(_message.Message):
    __slots__ = ("type", "key", "content", "backends", "fields")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    content: bytes
    backends: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    fields: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Attribute]
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., content: _Optional[bytes] = ..., backends: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., fields: _Optional[_Iterable[_Union[_artifact_pb2.Attribute, _Mapping]]] = ...) -> None: ...

class Remove(_message.Message):
    __slots__ = ("type", "key")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class Edit(_message.Message):
    __slots__ = ("key", "content", "fails")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FAILS_FIELD_NUMBER: _ClassVar[int]
    key: str
    content: bytes
    fails: bool
    def __init__(self, key: _Optional[str] = ..., content: _Optional[bytes] = ..., fails: bool = ...) -> None: ...

class Lookup(_message.Message):
    __slots__ = ("type", "key")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ...) -> None: ...

class FindBackend(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class Serialize(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Save(_message.Message):
    __slots__ = ("path",)
    PATH_FIELD_NUMBER: _ClassVar[int]
    path: str
    def __init__(self, path: _Optional[str] = ...) -> None: ...

class Load(_message.Message):
    __slots__ = ("path", "step")
    PATH_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    path: str
    step: int
    def __init__(self, path: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class Populate(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Clear(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class EnterFresh(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class LeaveFresh(_message.Message):
    __slots__ = ("by_error",)
    BY_ERROR_FIELD_NUMBER: _ClassVar[int]
    by_error: bool
    def __init__(self, by_error: bool = ...) -> None: ...

class ScriptResponse(_message.Message):
    __slots__ = ("results",)
    RESULTS_FIELD_NUMBER: _ClassVar[int]
    results: _containers.RepeatedCompositeFieldContainer[StepResult]
    def __init__(self, results: _Optional[_Iterable[_Union[StepResult, _Mapping]]] = ...) -> None: ...

class StepResult(_message.Message):
    __slots__ = ("done", "misuse", "rejection", "raised", "removed", "found", "serialized", "loaded", "populated", "saved", "snapshot")
    DONE_FIELD_NUMBER: _ClassVar[int]
    MISUSE_FIELD_NUMBER: _ClassVar[int]
    REJECTION_FIELD_NUMBER: _ClassVar[int]
    RAISED_FIELD_NUMBER: _ClassVar[int]
    REMOVED_FIELD_NUMBER: _ClassVar[int]
    FOUND_FIELD_NUMBER: _ClassVar[int]
    SERIALIZED_FIELD_NUMBER: _ClassVar[int]
    LOADED_FIELD_NUMBER: _ClassVar[int]
    POPULATED_FIELD_NUMBER: _ClassVar[int]
    SAVED_FIELD_NUMBER: _ClassVar[int]
    SNAPSHOT_FIELD_NUMBER: _ClassVar[int]
    done: Done
    misuse: _writing_pb2.Misuse
    rejection: _reading_pb2.Rejection
    raised: Raised
    removed: RemoveResult
    found: FindResult
    serialized: SerializeResult
    loaded: LoadResult
    populated: PopulateResult
    saved: SaveResult
    snapshot: Snapshot
    def __init__(self, done: _Optional[_Union[Done, _Mapping]] = ..., misuse: _Optional[_Union[_writing_pb2.Misuse, _Mapping]] = ..., rejection: _Optional[_Union[_reading_pb2.Rejection, _Mapping]] = ..., raised: _Optional[_Union[Raised, _Mapping]] = ..., removed: _Optional[_Union[RemoveResult, _Mapping]] = ..., found: _Optional[_Union[FindResult, _Mapping]] = ..., serialized: _Optional[_Union[SerializeResult, _Mapping]] = ..., loaded: _Optional[_Union[LoadResult, _Mapping]] = ..., populated: _Optional[_Union[PopulateResult, _Mapping]] = ..., saved: _Optional[_Union[SaveResult, _Mapping]] = ..., snapshot: _Optional[_Union[Snapshot, _Mapping]] = ...) -> None: ...

class Done(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Raised(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Snapshot(_message.Message):
    __slots__ = ("current", "need_serialize")
    CURRENT_FIELD_NUMBER: _ClassVar[int]
    NEED_SERIALIZE_FIELD_NUMBER: _ClassVar[int]
    current: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    need_serialize: bool
    def __init__(self, current: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., need_serialize: bool = ...) -> None: ...

class RemoveResult(_message.Message):
    __slots__ = ("found",)
    FOUND_FIELD_NUMBER: _ClassVar[int]
    found: bool
    def __init__(self, found: bool = ...) -> None: ...

class FindResult(_message.Message):
    __slots__ = ("artifact",)
    ARTIFACT_FIELD_NUMBER: _ClassVar[int]
    artifact: ArtifactValue
    def __init__(self, artifact: _Optional[_Union[ArtifactValue, _Mapping]] = ...) -> None: ...

class ArtifactValue(_message.Message):
    __slots__ = ("type", "key", "content", "fields")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    FIELDS_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    content: bytes
    fields: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.Attribute]
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., content: _Optional[bytes] = ..., fields: _Optional[_Iterable[_Union[_artifact_pb2.Attribute, _Mapping]]] = ...) -> None: ...

class SerializeResult(_message.Message):
    __slots__ = ("bundle", "info", "holds", "same_as_step", "extends_step")
    BUNDLE_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    SAME_AS_STEP_FIELD_NUMBER: _ClassVar[int]
    EXTENDS_STEP_FIELD_NUMBER: _ClassVar[int]
    bundle: bytes
    info: _cache_info_pb2.CacheInfo
    holds: _reading_pb2.BundleDump
    same_as_step: int
    extends_step: int
    def __init__(self, bundle: _Optional[bytes] = ..., info: _Optional[_Union[_cache_info_pb2.CacheInfo, _Mapping]] = ..., holds: _Optional[_Union[_reading_pb2.BundleDump, _Mapping]] = ..., same_as_step: _Optional[int] = ..., extends_step: _Optional[int] = ...) -> None: ...

class SaveResult(_message.Message):
    __slots__ = ("file", "info", "holds", "keeps", "same_as_step", "extends_step")
    FILE_FIELD_NUMBER: _ClassVar[int]
    INFO_FIELD_NUMBER: _ClassVar[int]
    HOLDS_FIELD_NUMBER: _ClassVar[int]
    KEEPS_FIELD_NUMBER: _ClassVar[int]
    SAME_AS_STEP_FIELD_NUMBER: _ClassVar[int]
    EXTENDS_STEP_FIELD_NUMBER: _ClassVar[int]
    file: bytes
    info: _cache_info_pb2.CacheInfo
    holds: _reading_pb2.BundleDump
    keeps: int
    same_as_step: int
    extends_step: int
    def __init__(self, file: _Optional[bytes] = ..., info: _Optional[_Union[_cache_info_pb2.CacheInfo, _Mapping]] = ..., holds: _Optional[_Union[_reading_pb2.BundleDump, _Mapping]] = ..., keeps: _Optional[int] = ..., same_as_step: _Optional[int] = ..., extends_step: _Optional[int] = ...) -> None: ...

class LoadResult(_message.Message):
    __slots__ = ("info", "segments", "opaque", "ignored")
    INFO_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    OPAQUE_FIELD_NUMBER: _ClassVar[int]
    IGNORED_FIELD_NUMBER: _ClassVar[int]
    info: _cache_info_pb2.CacheInfo
    segments: int
    opaque: int
    ignored: int
    def __init__(self, info: _Optional[_Union[_cache_info_pb2.CacheInfo, _Mapping]] = ..., segments: _Optional[int] = ..., opaque: _Optional[int] = ..., ignored: _Optional[int] = ...) -> None: ...

class PopulateResult(_message.Message):
    __slots__ = ("info", "outcomes", "populated", "stitched")
    INFO_FIELD_NUMBER: _ClassVar[int]
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    POPULATED_FIELD_NUMBER: _ClassVar[int]
    STITCHED_FIELD_NUMBER: _ClassVar[int]
    info: _cache_info_pb2.CacheInfo
    outcomes: _containers.RepeatedCompositeFieldContainer[OutcomeDump]
    populated: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    stitched: _containers.RepeatedCompositeFieldContainer[StitchedDump]
    def __init__(self, info: _Optional[_Union[_cache_info_pb2.CacheInfo, _Mapping]] = ..., outcomes: _Optional[_Iterable[_Union[OutcomeDump, _Mapping]]] = ..., populated: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ..., stitched: _Optional[_Iterable[_Union[StitchedDump, _Mapping]]] = ...) -> None: ...

class OutcomeDump(_message.Message):
    __slots__ = ("type", "key", "code")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    type: str
    key: str
    code: _error_pb2.ErrorCode
    def __init__(self, type: _Optional[str] = ..., key: _Optional[str] = ..., code: _Optional[_Union[_error_pb2.ErrorCode, str]] = ...) -> None: ...

class StitchedDump(_message.Message):
    __slots__ = ("entry", "backends")
    ENTRY_FIELD_NUMBER: _ClassVar[int]
    BACKENDS_FIELD_NUMBER: _ClassVar[int]
    entry: _artifact_pb2.ArtifactId
    backends: _containers.RepeatedCompositeFieldContainer[_artifact_pb2.ArtifactId]
    def __init__(self, entry: _Optional[_Union[_artifact_pb2.ArtifactId, _Mapping]] = ..., backends: _Optional[_Iterable[_Union[_artifact_pb2.ArtifactId, _Mapping]]] = ...) -> None: ...
