"""Whole scripts: what each step gives, and the snapshot after it."""

from collections.abc import Mapping

from precompile.conformance.v1 import reading_pb2, script_pb2
from precompile_conformance.model import operations
from precompile_conformance.model.operations import (
    Context,
    EditFailedError,
    MisusedError,
    add_to_info,
    attribute_bytes,
)
from precompile_conformance.model.values import Item, Segment, State, bundle_dump
from precompile_conformance.reader import Refused
from precompile_conformance.reader.read import Opened, open_all
from precompile_conformance.reader.table import Row, rows
from precompile_conformance.reader.trust import is_public_key

EXACT = 1


def run(request: script_pb2.ScriptRequest, files: Mapping[str, bytes]) -> script_pb2.ScriptResponse:
    """What a conforming context answers; `files` are the inputs by the names in the request."""
    script = _Script(files)
    response = script_pb2.ScriptResponse()
    for index, step in enumerate(request.steps):
        response.results.append(script.carry_out(index, step))
    return response


class _Script:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._contexts: dict[str, Context] = {}
        self._bundles: dict[int, list[Segment]] = {}
        self._saved: dict[str, tuple[int, list[Segment]]] = {}  # the last step that saved there

    def carry_out(self, index: int, step: script_pb2.Step) -> script_pb2.StepResult:
        self._index = index
        result = script_pb2.StepResult()
        which = step.WhichOneof("step")
        assert which is not None
        try:
            getattr(self, f"_{which}")(getattr(step, which), result)
        except MisusedError:
            result.misuse.SetInParent()
        except EditFailedError:
            result.raised.SetInParent()
        except Refused as fault:
            result.rejection.CopyFrom(fault.message())
            result.rejection.ClearField("detail")
        if result.WhichOneof("result") is None:
            result.done.SetInParent()
        state = self._context.state
        result.snapshot.current.extend(one.id() for one in state.current.values())
        result.snapshot.need_serialize = state.needs_save()
        return result

    def _use_context(self, step: script_pb2.UseContext, result: script_pb2.StepResult) -> None:
        if step.name not in self._contexts:
            if step.HasField("trust") and not _can_be(step.trust):
                raise MisusedError("trust")
            trust = step.trust if step.HasField("trust") else None
            if step.no_policy:
                trust = reading_pb2.TrustPolicy(threshold=1)
            self._contexts[step.name] = Context(step.host, _requirements(step), trust)
        self._context = self._contexts[step.name]

    def _register(self, step: script_pb2.Register, result: script_pb2.StepResult) -> None:
        operations.register(self._context, step)

    def _record(self, step: script_pb2.Record, result: script_pb2.StepResult) -> None:
        operations.record(self._context, step)

    def _remove(self, step: script_pb2.Remove, result: script_pb2.StepResult) -> None:
        result.removed.found = operations.remove(self._context, (step.type, step.key))
        result.removed.SetInParent()

    def _edit(self, step: script_pb2.Edit, result: script_pb2.StepResult) -> None:
        operations.edit(self._context, step)

    def _lookup(self, step: script_pb2.Lookup, result: script_pb2.StepResult) -> None:
        self._found(operations.lookup(self._context, (step.type, step.key)), result)

    def _find_backend(self, step: script_pb2.FindBackend, result: script_pb2.StepResult) -> None:
        self._found(operations.find_backend(self._context, step.key), result)

    def _found(self, value: script_pb2.ArtifactValue | None, result: script_pb2.StepResult) -> None:
        result.found.SetInParent()
        if value is not None:
            result.found.artifact.CopyFrom(value)

    def _serialize(self, step: script_pb2.Serialize, result: script_pb2.StepResult) -> None:
        before = self._context.state.segments
        segments = operations.serialize(self._context)
        result.serialized.SetInParent()
        if not segments:
            return
        self._bundles[self._index] = segments
        result.serialized.holds.CopyFrom(bundle_dump(segments))
        self._say_what_is_kept(before, segments, result)
        for type_name, key in self._context.state.current:
            add_to_info(result.serialized, type_name, key)
        result.serialized.info.SetInParent()

    def _say_what_is_kept(
        self, before: list[Segment], after: list[Segment], result: script_pb2.StepResult
    ) -> None:
        """An earlier step of the same state whose bundle this one equals or extends."""
        for index in reversed(self._bundles):
            if index == self._index:
                continue
            if self._bundles[index] == after:
                result.serialized.same_as_step = index
                return
            if self._bundles[index] == before and before:
                result.serialized.extends_step = index
                return

    def _load(self, step: script_pb2.Load, result: script_pb2.StepResult) -> None:
        ignored, at = 0, None
        if step.WhichOneof("source") == "path" and step.path not in self._saved:
            data = self._files[step.path]
            opened = self._opened(data)
            last = opened[-1].frame
            segments, at = _from_file(opened), last.manifest_offset
            ignored = len(data) - _end(opened)
        else:
            by_step = step.WhichOneof("source") == "step"
            segments = self._bundles[step.step] if by_step else self._saved[step.path][1]
            self._refuse_unsigned()
        matching, names = operations.load(self._context, segments, at)
        result.loaded.segments = len(segments)
        result.loaded.opaque = len(segments) - len(matching)
        result.loaded.ignored = ignored
        result.loaded.info.SetInParent()
        for type_name, key in names:
            add_to_info(result.loaded, type_name, key)

    def _opened(self, data: bytes) -> list[Opened]:
        asked = reading_pb2.ReadRequest(recover=True)
        if self._context.trust:
            asked.trust.CopyFrom(self._context.trust)
        return open_all(data, asked)

    def _refuse_unsigned(self) -> None:
        """What a script serialized or saved, nobody signed."""
        if self._context.trust:
            raise Refused("UNSIGNED", None)

    def _save(self, step: script_pb2.Save, result: script_pb2.StepResult) -> None:
        before, there = self._saved.get(step.path, (None, []))
        if before is not None:
            self._refuse_unsigned()
        elif data := self._files.get(step.path):
            opened = self._opened(data)
            there, result.saved.keeps = _from_file(opened), _end(opened)
        after = operations.save(self._context, there)
        self._saved[step.path] = self._index, after
        result.saved.holds.CopyFrom(bundle_dump(after))
        if before is not None and after == there:
            result.saved.same_as_step = before
        elif before is not None:
            result.saved.extends_step = before
        for type_name, key in self._context.state.current:
            add_to_info(result.saved, type_name, key)
        result.saved.info.SetInParent()

    def _populate(self, step: script_pb2.Populate, result: script_pb2.StepResult) -> None:
        result.populated.CopyFrom(operations.populate(self._context))
        result.populated.info.SetInParent()

    def _clear(self, step: script_pb2.Clear, result: script_pb2.StepResult) -> None:
        self._context.states[-1] = State()

    def _enter_fresh(self, step: script_pb2.EnterFresh, result: script_pb2.StepResult) -> None:
        self._context.states.append(State())

    def _leave_fresh(self, step: script_pb2.LeaveFresh, result: script_pb2.StepResult) -> None:
        self._context.states.pop()


def _can_be(policy: reading_pb2.TrustPolicy) -> bool:
    """Whether a policy is one."""
    keys = set(policy.trusted_keys)
    return 1 <= policy.threshold <= len(keys) and all(map(is_public_key, keys))


def _requirements(
    step: script_pb2.UseContext,
) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """What segments require: as told, or every fact of the host, exactly; sorted."""
    if step.HasField("requirements"):
        told = [(r.name, int(r.match), r.values) for r in step.requirements.requirements]
    else:
        told = [(fact.name, EXACT, fact.values) for fact in step.host.facts]
    return tuple(
        (name, match, tuple(sorted(set(values), key=str.encode)))
        for name, match, values in sorted(told, key=lambda one: one[0].encode())
    )


def _end(opened: list[Opened]) -> int:
    return opened[-1].frame.offset + opened[-1].frame.size


def _from_file(opened: list[Opened]) -> list[Segment]:
    segments: list[Segment] = []
    for one in opened:
        segments.append(
            Segment(
                tuple((r.name, int(r.match), tuple(r.values)) for r in one.manifest.requirements),
                tuple(_item(row, one) for row in rows(one.manifest.artifacts)),
                tuple((removed.type, removed.key) for removed in one.manifest.removed),
                None if one.begins_chain else segments[-1],
                one.frame.payload_digest,
                next(one.contents.faults(), None),
            )
        )
    return segments


def _item(row: Row, opened: Opened) -> Item:
    content: bytes | Refused
    try:
        content = opened.contents.artifact(row)
    except Refused as fault:
        content = fault
    return Item(
        row.type,
        row.key,
        row.kind,
        row.content_digest,
        content,
        row.content_size,
        tuple((b.type, b.key, b.content_digest) for b in row.backends),
        tuple(map(attribute_bytes, row.attributes)),
        is_loaded=True,
    )
