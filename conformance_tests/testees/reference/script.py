"""Requests of the class Context: scripts of operations."""

import contextlib
from pathlib import Path

from precompile.conformance.v1 import script_pb2, writing_pb2
from precompile_context import (
    CacheArtifact,
    MemoryPrecompileCache,
    MisuseError,
    Outcome,
    PrecompileContext,
    PrecompileError,
    StitchedEntry,
)
from precompile_context.artifact import attributes_of
from precompile_context.files import BundleFile
from precompile_context.trust import UNSIGNED
from testees.reference.dump import artifact_id, attributes, cache_info, rejection, value_of
from testees.reference.reading import environment_of, policy_of
from testees.reference.toys import Calls, EditFailedError, make_class, named
from testees.reference.writing import requirements_of


class UnknownStepError(Exception):
    """A step of a later version of the protocol."""


class _LeftByError(Exception):
    """Leaves a block of fresh() as a caller's error does."""


class _Cache(MemoryPrecompileCache):
    """A PrecompileCache that writes down what it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.stitched: list[script_pb2.StitchedDump] = []

    def write(self, stitched: StitchedEntry) -> None:
        super().write(stitched)
        self.stitched.append(
            script_pb2.StitchedDump(
                entry=named(stitched.entry),
                backends=[named(backend) for backend in stitched.backends],
            )
        )


class _Subject:
    """A context and its blocks of fresh()."""

    def __init__(self, context: PrecompileContext) -> None:
        self.context = context
        self.blocks: list[contextlib.AbstractContextManager[None]] = []
        self.calls = Calls()


def run(request: script_pb2.ScriptRequest, response: script_pb2.ScriptResponse) -> None:
    """Carry out every step.

    Raises:
        UnknownStepError: one of them is of a later version; none was carried out.
    """
    if any(step.WhichOneof("step") is None for step in request.steps):
        raise UnknownStepError
    script = _Script()
    for step in request.steps:
        response.results.append(script.carry_out(step))


class _Script:
    def __init__(self) -> None:
        self._subjects: dict[str, _Subject] = {}
        self._bundles: dict[int, bytes] = {}
        self._index = -1

    def carry_out(self, step: script_pb2.Step) -> script_pb2.StepResult:
        self._index += 1
        result = script_pb2.StepResult()
        which = step.WhichOneof("step")
        assert which is not None
        try:
            getattr(self, f"_{which}")(getattr(step, which), result)
        except MisuseError as error:
            result.misuse.CopyFrom(writing_pb2.Misuse(detail=str(error)))
        except PrecompileError as error:
            result.rejection.CopyFrom(rejection(error))
        except EditFailedError:
            result.raised.SetInParent()
        if result.WhichOneof("result") is None:
            result.done.SetInParent()
        snapshot = result.snapshot
        if not self._subjects:  # the first UseContext was misuse
            snapshot.SetInParent()
            return result
        snapshot.current.extend(artifact_id(id_) for id_ in self._context.current())
        snapshot.need_serialize = self._context.need_serialize()
        return result

    @property
    def _context(self) -> PrecompileContext:
        return self._subject.context

    def _use_context(self, step: script_pb2.UseContext, result: script_pb2.StepResult) -> None:
        if step.name not in self._subjects:
            requirements = None
            if step.HasField("requirements"):
                requirements = requirements_of(step.requirements.requirements)
            environment = environment_of(step.host)
            if step.no_policy:
                context = PrecompileContext(environment=environment, requirements=requirements)
            else:
                policy = policy_of(step.trust) if step.HasField("trust") else UNSIGNED
                context = PrecompileContext(
                    environment=environment, requirements=requirements, policy=policy
                )
            self._subjects[step.name] = _Subject(context)
        self._subject = self._subjects[step.name]

    def _register(self, step: script_pb2.Register, result: script_pb2.StepResult) -> None:
        self._context.register(make_class(step, self._subject.calls))

    def _record(self, step: script_pb2.Record, result: script_pb2.StepResult) -> None:
        backends = [(backend.type, backend.key) for backend in step.backends]
        fields = {field.name: value_of(field) for field in step.fields}
        self._context.record_artifact(
            step.type, step.key, step.content, backends=backends, **fields
        )

    def _remove(self, step: script_pb2.Remove, result: script_pb2.StepResult) -> None:
        result.removed.found = self._context.remove(step.type, step.key)
        result.removed.SetInParent()

    def _edit(self, step: script_pb2.Edit, result: script_pb2.StepResult) -> None:
        def edit(content: bytes) -> bytes:
            if step.fails:
                raise EditFailedError
            return step.content

        self._context.edit_artifact(step.key, edit)

    def _lookup(self, step: script_pb2.Lookup, result: script_pb2.StepResult) -> None:
        self._found(self._context.lookup(step.type, step.key), result)

    def _find_backend(self, step: script_pb2.FindBackend, result: script_pb2.StepResult) -> None:
        self._found(self._context.serialize_artifact_by_key(step.key), result)

    def _found(self, artifact: CacheArtifact | None, result: script_pb2.StepResult) -> None:
        result.found.SetInParent()
        if artifact is not None:
            value = result.found.artifact
            value.type, value.key, value.content = artifact.TYPE, artifact.key, artifact.content
            value.fields.extend(attributes(attributes_of(artifact)))

    def _serialize(self, step: script_pb2.Serialize, result: script_pb2.StepResult) -> None:
        serialized = self._context.serialize()
        result.serialized.SetInParent()
        if serialized is not None:
            self._bundles[self._index], info = serialized
            result.serialized.bundle = serialized[0]
            result.serialized.info.CopyFrom(cache_info(info))

    def _save(self, step: script_pb2.Save, result: script_pb2.StepResult) -> None:
        report = self._context.save_to(BundleFile(step.path))
        result.saved.file = _bytes_of(step.path)
        result.saved.info.CopyFrom(cache_info(report.info))

    def _load(self, step: script_pb2.Load, result: script_pb2.StepResult) -> None:
        if step.WhichOneof("source") == "path":
            data = _bytes_of(step.path)
        else:
            data = self._bundles[step.step]
        report = self._context.load(data)
        result.loaded.CopyFrom(
            script_pb2.LoadResult(
                info=cache_info(report.info),
                segments=report.segments,
                opaque=report.opaque,
                ignored=report.ignored,
            )
        )

    def _populate(self, step: script_pb2.Populate, result: script_pb2.StepResult) -> None:
        cache = _Cache()
        self._subject.calls.populated.clear()
        report = self._context.populate(cache)
        populated = result.populated
        populated.info.CopyFrom(cache_info(report.info))
        populated.outcomes.extend(_outcome(outcome) for outcome in report.outcomes)
        populated.populated.extend(self._subject.calls.populated)
        populated.stitched.extend(cache.stitched)

    def _clear(self, step: script_pb2.Clear, result: script_pb2.StepResult) -> None:
        self._context.clear()

    def _enter_fresh(self, step: script_pb2.EnterFresh, result: script_pb2.StepResult) -> None:
        block = self._context.fresh()
        block.__enter__()
        self._subject.blocks.append(block)

    def _leave_fresh(self, step: script_pb2.LeaveFresh, result: script_pb2.StepResult) -> None:
        block = self._subject.blocks.pop()
        if not step.by_error:
            block.__exit__(None, None, None)
            return
        error = _LeftByError()
        with contextlib.suppress(_LeftByError):
            block.__exit__(_LeftByError, error, None)


def _bytes_of(path: str) -> bytes:
    """A file's bytes; none where no save made it."""
    return Path(path).read_bytes() if Path(path).exists() else b""


def _outcome(outcome: Outcome) -> script_pb2.OutcomeDump:
    return script_pb2.OutcomeDump(
        type=outcome.type,
        key=outcome.key,
        code=int(outcome.code),  # type: ignore[arg-type]
    )
