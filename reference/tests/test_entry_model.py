"""Entries and their backends against a model: what is stitched, and with which content."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from precompile_context import ErrorCode, MemoryPrecompileCache
from tests.samples import context, loaded

pytestmark = pytest.mark.slow

CODE, ENTRY = "test.code", "test.entry"
KEYS = st.sampled_from(["a", "b", "c"])
CONTENTS = st.sampled_from([b"0", b"1", b"2"])


@dataclass
class Bound:
    """One entry; `digests` names each backend's content when saved, None: whatever is current."""

    content: bytes
    digests: dict[str, bytes | None]
    loaded: bool = False  # as it was saved: what was missing then stays missing


@dataclass
class Model:
    """Backends by key, entries by key."""

    backends: dict[str, bytes] = field(default_factory=dict)
    entries: dict[str, Bound] = field(default_factory=dict)
    saved: dict[str, tuple[bytes, dict[str, bytes | None]]] = field(default_factory=dict)

    def named(self, entry: Bound) -> dict[str, bytes | None]:
        """The content that an entry names of each backend; None where there is none to name."""
        return {
            key: content if content is not None or entry.loaded else self.backends.get(key)
            for key, content in entry.digests.items()
        }

    def stitched(self, entry: Bound) -> bool:
        named = self.named(entry)
        return all(v is not None and v == self.backends.get(key) for key, v in named.items())

    def save(self) -> None:
        for entry in self.entries.values():
            entry.digests = self.named(entry)
        self.saved = {key: (e.content, dict(e.digests)) for key, e in self.entries.items()}

    def unsaved(self, entry: Bound) -> bool:
        return (entry.content, self.named(entry)) not in self.saved.values()


class EntryMachine(RuleBasedStateMachine):
    """Each rule does one operation to both; populate shows whether they agree."""

    def __init__(self) -> None:
        super().__init__()
        self.context = context()
        self.model = Model()

    @rule(key=KEYS, content=CONTENTS)
    def record_backend(self, key: str, content: bytes) -> None:
        self.context.record_artifact(CODE, key, content)
        self.model.backends[key] = content

    @rule(key=KEYS, content=CONTENTS, backends=st.lists(KEYS, unique=True, max_size=2))
    def record_entry(self, key: str, content: bytes, backends: list[str]) -> None:
        names = [(CODE, backend) for backend in backends]
        self.context.record_artifact(ENTRY, key, content, backends=names)
        # Equal to the current one or not: it goes with the backends that are current when it is
        # saved next, so that it may be recorded before them or after them.
        self.model.entries[key] = Bound(content, dict.fromkeys(backends))

    @precondition(lambda self: self.model.backends)
    @rule(data=st.data(), content=CONTENTS)
    def edit_backend(self, data: st.DataObject, content: bytes) -> None:
        key = data.draw(st.sampled_from(sorted(self.model.backends)))
        before = self.model.backends[key]
        follow = [e for e in self.model.entries.values() if self.model.named(e).get(key) == before]
        self.context.edit_artifact(key, lambda _: content)
        self.model.backends[key] = content
        for entry in follow:
            if entry.digests[key] is not None:
                entry.digests[key] = content
        if any(map(self.model.unsaved, follow)):
            assert self.context.need_serialize()

    @rule(type_name=st.sampled_from([CODE, ENTRY]), key=KEYS)
    def remove(self, type_name: str, key: str) -> None:
        held = self.model.backends if type_name == CODE else self.model.entries
        assert self.context.remove(type_name, key) == (held.pop(key, None) is not None)

    @rule()
    def serialize(self) -> None:
        self.context.serialize()
        assert not self.context.need_serialize()
        self.model.save()

    @rule()
    def go_on_in_another_process(self) -> None:
        serialized = self.context.serialize()
        self.model.save()
        self.context = context() if serialized is None else loaded(serialized[0])
        assert not self.context.need_serialize()
        for entry in self.model.entries.values():
            entry.loaded = True

    @invariant()
    def stitches_what_the_model_stitches(self) -> None:
        cache = MemoryPrecompileCache()
        report = self.context.populate(cache)
        stitched = {k for k, entry in self.model.entries.items() if self.model.stitched(entry)}
        assert set(report.info.keys_of(ENTRY)) == stitched
        assert len(cache) == len(stitched)
        missing = {(o.type, o.key): o.code for o in report.outcomes}
        assert missing == {
            (ENTRY, k): ErrorCode.MISSING_BACKEND for k in self.model.entries.keys() - stitched
        }
        for key in stitched:
            written = cache.read(ENTRY, key)
            assert written is not None
            assert written.entry.content == self.model.entries[key].content
            assert {b.key: b.content for b in written.backends} == self.model.named(
                self.model.entries[key]
            )


TestEntries = EntryMachine.TestCase
TestEntries.settings = settings(max_examples=150, stateful_step_count=25, deadline=None)
