"""What each operation does to a State. Misuse is MisusedError, a refusal Refused."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Concatenate, ParamSpec, TypeVar

from precompile.conformance.v1 import reading_pb2, script_pb2
from precompile.v1 import artifact_pb2
from precompile_conformance.model.values import (
    BACKEND,
    CACHE,
    ENTRY,
    Item,
    Name,
    Segment,
    State,
    current,
    item,
)
from precompile_conformance.reader import Refused
from precompile_conformance.reader.manifest import is_key, is_name
from precompile_conformance.reader.read import meets

P = ParamSpec("P")
T = TypeVar("T")


class MisusedError(Exception):
    """The caller's mistake."""


class EditFailedError(Exception):
    """The caller's function failed."""


@dataclass
class Type:
    """A registered type; fields are serialized Attribute messages by name."""

    kind: int
    fields: dict[str, bytes]
    fails_on: bytes


@dataclass
class Context:
    """A context: its types, its host, its states (the last one counts)."""

    host: reading_pb2.Host
    requirements: tuple[tuple[str, int, tuple[str, ...]], ...]
    trust: reading_pb2.TrustPolicy | None = None
    types: dict[str, Type] = field(default_factory=dict)
    states: list[State] = field(default_factory=lambda: [State()])

    @property
    def state(self) -> State:
        """The state that operations are about."""
        return self.states[-1]


def attribute_bytes(attribute: artifact_pb2.Attribute) -> bytes:
    """An attribute, comparable bit by bit."""
    return attribute.SerializeToString(deterministic=True)


def register(context: Context, step: script_pb2.Register) -> None:
    """Make a type known."""
    if not is_name(step.type) or step.type in context.types:
        raise MisusedError(step.type)
    fields = {one.name: attribute_bytes(one) for one in step.fields}
    context.types[step.type] = Type(step.kind, fields, step.fails_on)


def _noting(
    operation: Callable[Concatenate[Context, P], T],
) -> Callable[Concatenate[Context, P], T]:
    """The operation; what it changes of what is current is then changed for files."""

    @functools.wraps(operation)
    def noting(context: Context, /, *args: P.args, **kwargs: P.kwargs) -> T:
        before = context.state.all_bound()
        result = operation(context, *args, **kwargs)
        after = context.state.all_bound().items()
        context.state.changed |= {name for name, one in after if before.get(name) != one}
        return result

    return noting


@_noting
def record(context: Context, step: script_pb2.Record) -> None:
    """Make an artifact current."""
    type_ = context.types.get(step.type)
    given = {one.name: attribute_bytes(one) for one in step.fields}
    if type_ is None or not is_key(step.key) or not given.keys() <= type_.fields.keys():
        raise MisusedError(step.type)
    if step.backends and type_.kind != ENTRY:
        raise MisusedError("backends")
    for backend in step.backends:
        known = context.types.get(backend.type)
        if known is None or known.kind != BACKEND or not is_key(backend.key):
            raise MisusedError("backend")
    fields = type_.fields | given
    put(
        context.state,
        item(
            step.type, step.key, type_.kind, step.content,
            backends=tuple((b.type, b.key, b"") for b in step.backends),
            fields=tuple(fields[name] for name in sorted(fields)),
        ),
    )  # fmt: skip


def put(state: State, one: Item) -> None:
    """Make it current, unless the same artifact is; that then names its backends anew."""
    there = state.current.get(one.name)
    if there is None or state.bound(there) != state.bound(one) or one.backends:
        state.current[one.name] = one


@_noting
def remove(context: Context, name: Name) -> bool:
    """Take it away; whether it was there."""
    state = context.state
    if state.current.pop(name, None) is None:
        return False
    for book in (state.memory, state.files):
        if name in book.held:
            book.removed[name] = None
    return True


@_noting
def edit(context: Context, step: script_pb2.Edit) -> None:
    """Replace a backend's content; entries that named the old one name the new one."""
    state = context.state
    there = _backends(state, step.key)
    if len(there) != 1:
        raise MisusedError(step.key)
    old = there[0]
    if isinstance(old.content, Refused):
        raise old.content
    if step.fails:
        raise EditFailedError
    new = item(old.type, old.key, BACKEND, step.content, fields=old.fields)
    if new.digest == old.digest:
        return
    state.current[new.name] = new
    before, after = (*old.name, old.digest), (*new.name, new.digest)
    for name, one in state.current.items():
        if before in one.backends:
            named = tuple(after if backend == before else backend for backend in one.backends)
            state.current[name] = replace(one, backends=named)


def _backends(state: State, key: str) -> list[Item]:
    return [one for one in state.current.values() if one.key == key and one.kind == BACKEND]


def find_backend(context: Context, key: str) -> script_pb2.ArtifactValue | None:
    """The backend with this key."""
    there = _backends(context.state, key)
    if len(there) > 1:
        raise MisusedError(key)
    return value_of(context.types, there[0]) if there else None


def lookup(context: Context, name: Name) -> script_pb2.ArtifactValue | None:
    """The artifact of this name."""
    there = context.state.current.get(name)
    return None if there is None else value_of(context.types, there)


def value_of(types: Mapping[str, Type], one: Item) -> script_pb2.ArtifactValue:
    """The artifact as its type has it: its fields, those not saved with their defaults."""
    type_ = types.get(one.type)
    if type_ is None or type_.kind != one.kind:
        raise Refused("UNKNOWN_ARTIFACT_TYPE", None)
    if isinstance(one.content, Refused):
        raise one.content
    value = script_pb2.ArtifactValue(type=one.type, key=one.key, content=one.content)
    fields = dict(type_.fields)
    for data in one.fields:
        attribute = artifact_pb2.Attribute.FromString(data)
        if attribute.name in fields and attribute.WhichOneof("value"):
            fields[attribute.name] = data
    for name in sorted(fields):
        value.fields.append(artifact_pb2.Attribute.FromString(fields[name]))
    return value


def serialize(context: Context) -> list[Segment]:
    """The segments, with one more for what they do not hold."""
    state = context.state
    new, removed = state.unsaved(state.saved, state.memory)
    for one in new:
        if isinstance(one.content, Refused):
            raise one.content
    state.segments = _extended(context, state.segments, new, removed)
    for name in removed:
        state.saved.pop(name, None)
    state.saved |= {one.name: one for one in new}
    state.memory.written(state.current)
    state.current = state.all_bound()
    return state.segments


def save(context: Context, there: list[Segment]) -> list[Segment]:
    """The segments of a file that holds `there`, with one more for what it does not hold."""
    state = context.state

    def counts(one: Segment) -> bool:
        return one.requirements == context.requirements or meets(context.host, one.messages())

    new, removed = state.unsaved(current(there, counts), state.files)
    new = [one for one in new if not isinstance(one.content, Refused)]
    state.files.written(state.current)
    state.changed.clear()
    state.current = state.all_bound()
    return _extended(context, there, new, removed)


def _extended(
    context: Context, segments: list[Segment], new: list[Item], removed: list[Name]
) -> list[Segment]:
    if not new and not removed:
        return segments
    previous = segments[-1] if segments else None
    return [*segments, Segment(context.requirements, tuple(new), tuple(removed), previous)]


def load(
    context: Context, segments: list[Segment], at: int | None
) -> tuple[list[Segment], list[Name]]:
    """Take a bundle in; the segments that match, and the names that are current in it.

    `at` is where the last manifest lies.
    """

    def counts(one: Segment) -> bool:
        return meets(context.host, one.messages())

    matching = list(filter(counts, segments))
    if not matching:
        raise Refused("INCOMPATIBLE_ENVIRONMENT", at)
    state, held = context.state, context.state.segments
    brought = current(segments, counts)
    listed = {one.name for segment in matching for one in segment.items}
    continues = segments[: len(held)] == held
    if held[len(held) - len(segments) :] != segments:
        state.segments = list(segments) if continues else [*held, *segments]
    gone = listed & state.saved.keys() - brought.keys() if continues else set[Name]()
    _apply(context, brought, gone)
    state.changed -= brought.keys()
    for book in (state.memory, state.files):
        book.held |= listed
        for name in brought:
            book.removed.pop(name, None)
    return matching, list(brought)


@_noting
def _apply(context: Context, brought: Mapping[Name, Item], gone: set[Name]) -> None:
    """What a bundle holds supersedes; what it took away since it was held goes, if it is saved."""
    state = context.state
    bound = state.all_bound()
    for name in gone:
        if bound.get(name) == state.saved.pop(name):
            del state.current[name]
            state.changed.discard(name)
    for name, one in brought.items():
        state.current[name] = replace(one, is_loaded=True)
        state.saved[name] = one


def populate(context: Context) -> script_pb2.PopulateResult:
    """Apply what is current."""
    run = _Populate(context)
    for kinds in (lambda kind: kind == CACHE, lambda kind: kind not in (CACHE, BACKEND)):
        for one in run.current.values():
            if kinds(one.kind):
                run.attempt(one)
    return run.result(context.state)


class _Populate:
    def __init__(self, context: Context) -> None:
        self.current = {name: context.state.bound(o) for name, o in context.state.current.items()}
        self._types = context.types
        self._applied: set[Name] = set()
        self._result = script_pb2.PopulateResult()

    def attempt(self, one: Item) -> None:
        try:
            if one.kind == CACHE:
                self._apply(one)
                self._result.populated.append(one.id())
            elif one.kind == ENTRY:
                self._stitch(one)
            else:
                raise Refused("UNKNOWN_ARTIFACT_TYPE", None)
            self._applied.add(one.name)
        except Refused as fault:
            self._result.outcomes.add(type=one.type, key=one.key, code=fault.message().code)

    def _apply(self, one: Item) -> None:
        value = value_of(self._types, one)
        fails_on = self._types[one.type].fails_on
        if fails_on and value.content == fails_on:
            raise Refused("APPLY_FAILED", None)

    def _stitch(self, one: Item) -> None:
        backends = [self.current.get((t, k)) for t, k, _ in one.backends]
        for there, (_, _, digest) in zip(backends, one.backends, strict=True):
            if there is None or there.kind != BACKEND or there.digest != digest:
                raise Refused("MISSING_BACKEND", None)
        value_of(self._types, one)
        found = [there for there in backends if there]
        for there in found:
            self._apply(there)
        self._result.stitched.add(entry=one.id(), backends=[there.id() for there in found])
        self._applied |= {there.name for there in found}

    def result(self, state: State) -> script_pb2.PopulateResult:
        for type_name, key in (name for name in state.current if name in self._applied):
            add_to_info(self._result, type_name, key)
        return self._result


def add_to_info(result, type_name: str, key: str) -> None:  # type: ignore[no-untyped-def]
    """Add a name to the `info` of a result, keys by type."""
    for one in result.info.types:
        if one.type == type_name:
            one.keys.append(key)
            return
    result.info.types.add(type=type_name, keys=[key])
