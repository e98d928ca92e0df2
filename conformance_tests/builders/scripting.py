"""Scripts of context operations, with what matters of each step's outcome stated by hand.

The full expected results are the model's; a builder's statement that disagrees with the
model stops the build.
"""

from collections.abc import Iterable, Mapping
from typing import Unpack

from builders.case import CONTEXT, Built, DisputedError, Options, case, code
from precompile.conformance.v1 import reading_pb2, script_pb2
from precompile.v1 import artifact_pb2, environment_pb2
from precompile_conformance import model
from precompile_conformance.build import Value

BLOB, NOTED, GRAPH, KERNEL, STEP = (
    "test.blob", "test.noted", "test.graph", "test.kernel", "test.step",
)  # fmt: skip
CACHE, BACKEND, ENTRY = 1, 2, 3
REFUSED = b"refused"  # content that the test types fail on
FIELDS: dict[str, Value] = {"flag": False, "number": 4, "ratio": 0.5, "raw": b"", "text": "main"}
TYPES: dict[str, tuple[int, dict[str, Value]]] = {
    BLOB: (CACHE, {}),
    NOTED: (CACHE, FIELDS),
    GRAPH: (BACKEND, {}),
    KERNEL: (BACKEND, {"symbol": "main"}),
    STEP: (ENTRY, {"guard": ""}),
}


def attributes(values: Mapping[str, Value]) -> list[artifact_pb2.Attribute]:
    """Attribute messages, sorted by name."""
    kinds = {bytes: "bytes", str: "string", int: "int", float: "double", bool: "bool"}
    made = []
    for name, value in sorted(values.items()):
        message = artifact_pb2.Attribute(name=name)
        setattr(message, f"{kinds[type(value)]}_value", value)
        made.append(message)
    return made


def host(facts: Mapping[str, Iterable[str]]) -> reading_pb2.Host:
    """A host of these facts."""
    return reading_pb2.Host(
        facts=[reading_pb2.Fact(name=name, values=values) for name, values in facts.items()]
    )


class Script:
    """Steps in their order; `says` states the outcome of the last one."""

    def __init__(self, **files: bytes) -> None:
        """`files` are inputs by name, without the suffix; a context of five types is used."""
        self.request = script_pb2.ScriptRequest()
        self._files = {f"{name}.precompile": data for name, data in files.items()}
        self._said: dict[int, dict[str, object]] = {}
        self.use("one")

    @property
    def last(self) -> int:
        """The index of the last step."""
        return len(self.request.steps) - 1

    def use(self, name: str, facts: Mapping[str, Iterable[str]] | None = None, *,
            requirements: Iterable[tuple[str, int, Iterable[str]]] | None = None,
            trust: reading_pb2.TrustPolicy | None = None, no_policy: bool = False,
            types: Iterable[str] = TYPES) -> "Script":  # fmt: skip
        """Go on with a context; a new one gets the types."""
        is_new = all(step.use_context.name != name for step in self.request.steps)
        step = self.request.steps.add().use_context
        step.name = name
        step.no_policy = no_policy
        if trust is not None:
            step.trust.CopyFrom(trust)
        if facts is not None:
            step.host.CopyFrom(host(facts))
        if requirements is not None:
            step.requirements.SetInParent()
            for fact, match, values in requirements:
                step.requirements.requirements.append(
                    environment_pb2.Requirement(name=fact, match=match, values=values)  # type: ignore[arg-type]
                )
        for type_name in types if is_new else ():
            self.register(type_name, *TYPES[type_name])
        return self

    def register(self, type_name: str, kind: int, fields: Mapping[str, Value]) -> "Script":
        """Register a type that fails on REFUSED."""
        self.request.steps.add().register.CopyFrom(
            script_pb2.Register(
                type=type_name,
                kind=kind,  # type: ignore[arg-type]
                fields=attributes(fields),
                fails_on=REFUSED,
            )
        )
        return self

    def record(self, type_name: str, key: str, content: bytes = b"",
               backends: Iterable[tuple[str, str]] = (), **fields: Value) -> "Script":  # fmt: skip
        """Record an artifact."""
        step = self.request.steps.add().record
        step.CopyFrom(script_pb2.Record(type=type_name, key=key, content=content))
        for backend_type, backend_key in backends:
            step.backends.add(type=backend_type, key=backend_key)
        step.fields.extend(attributes(fields))
        return self

    def blob(self, key: str, content: bytes) -> "Script":
        """Record a blob."""
        return self.record(BLOB, key, content)

    def entry(self, key: str, *backends: str, content: bytes = b"entry") -> "Script":
        """Record an entry that names graphs."""
        return self.record(STEP, key, content, [(GRAPH, backend) for backend in backends])

    def remove(self, type_name: str, key: str) -> "Script":
        """Remove an artifact."""
        self.request.steps.add().remove.CopyFrom(script_pb2.Remove(type=type_name, key=key))
        return self

    def edit(self, key: str, content: bytes, *, fails: bool = False) -> "Script":
        """Edit a backend."""
        step = script_pb2.Edit(key=key, content=content, fails=fails)
        self.request.steps.add().edit.CopyFrom(step)
        return self

    def lookup(self, type_name: str, key: str) -> "Script":
        """Look an artifact up."""
        self.request.steps.add().lookup.CopyFrom(script_pb2.Lookup(type=type_name, key=key))
        return self

    def find(self, key: str) -> "Script":
        """Find a backend by its key."""
        self.request.steps.add().find_backend.key = key
        return self

    def serialize(self) -> "Script":
        """Serialize."""
        self.request.steps.add().serialize.SetInParent()
        return self

    def save(self, name: str = "saved") -> "Script":
        """Save to a file, by its name without the suffix."""
        self.request.steps.add().save.path = f"{name}.precompile"
        return self

    def load(self, source: str | int) -> "Script":
        """Load a file by its name, saved or an input, or the bundle of an earlier step."""
        step = self.request.steps.add().load
        if isinstance(source, str):
            step.path = f"{source}.precompile"
        else:
            step.step = source
        return self

    def populate(self) -> "Script":
        """Populate."""
        self.request.steps.add().populate.SetInParent()
        return self

    def clear(self) -> "Script":
        """Clear."""
        self.request.steps.add().clear.SetInParent()
        return self

    def enter(self) -> "Script":
        """Enter a block of fresh()."""
        self.request.steps.add().enter_fresh.SetInParent()
        return self

    def leave(self, *, by_error: bool = False) -> "Script":
        """Leave it."""
        self.request.steps.add().leave_fresh.by_error = by_error
        self.request.steps[-1].leave_fresh.SetInParent()
        return self

    def says(self, result: str = "", *, current: str | None = None, need: bool | None = None,
             refused: str = "", segments: int | None = None, applied: int | None = None,
             outcomes: str | None = None, stitched: str | None = None,
             found: bytes | str | None = "any") -> "Script":  # fmt: skip
        """State of the last step: its result, the keys that are current, whether to serialize,
        the code, the segments of a bundle, what populate applied and did not."""
        said: dict[str, object] = {"result": result, "current": current, "need": need,
                "refused": refused,
                "segments": segments, "applied": applied, "outcomes": outcomes,
                "stitched": stitched, "found": found}  # fmt: skip
        self._said[self.last] = said
        return self

    def built(self, id_: str, shows: str, rules: str, **options: Unpack[Options]) -> Built:
        """The case."""
        message = case(id_, shows, rules, classes=[CONTEXT], **options)
        message.request.script.CopyFrom(self.request)
        response = model.run(self.request, self._files)
        for index, said in self._said.items():
            for name, stated, found in _disputes(said, response.results[index]):
                raise DisputedError(f"{id_}, step {index}: {name} is {found!r}, not {stated!r}")
        message.expected.script.CopyFrom(response)
        return Built(message, self._files)


def _disputes(
    said: Mapping[str, object], result: script_pb2.StepResult
) -> Iterable[tuple[str, object, object]]:
    """Where the model is of another opinion."""
    which = result.WhichOneof("result")
    populated = result.populated
    found: dict[str, object] = {
        "result": which,
        "current": " ".join(one.key for one in result.snapshot.current),
        "need": result.snapshot.need_serialize,
        "segments": len(result.serialized.holds.segments or result.saved.holds.segments)
        or result.loaded.segments,
        "applied": sum(len(one.keys) for one in populated.info.types),
        "outcomes": " ".join(f"{one.key}:{_code(one.code)}" for one in populated.outcomes),
        "stitched": " ".join(
            "+".join([one.entry.key, *(b.key for b in one.backends)]) for one in populated.stitched
        ),
        "found": result.found.artifact.content if result.found.HasField("artifact") else None,
    }
    if said["refused"]:
        if result.rejection.code != code(str(said["refused"])):
            yield "rejection", said["refused"], result.rejection
        return
    for name, value in found.items():
        stated = said[name]
        if stated not in (None, "", "any") and stated != value:
            yield name, stated, value
    if said["found"] is None and found["found"] is not None:
        yield "found", None, found["found"]


def _code(number: int) -> str:
    from precompile.v1 import error_pb2

    return error_pb2.ErrorCode.Name(number).removeprefix("ERROR_CODE_")
