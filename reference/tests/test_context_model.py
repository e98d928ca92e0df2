"""PrecompileContext against a model of a few dicts, in any order of its operations."""

from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from precompile_context import PrecompileContext
from tests import samples
from tests.samples import Noted, context, fields_of, loaded, values

pytestmark = pytest.mark.slow

Name = tuple[str, str]
BLOB, NOTED, CODE = "test.blob", "test.noted", "test.code"
KEYS = st.sampled_from(["a", "b", "c", "d"])
CONTENTS = st.binary(max_size=4) | samples.contents


class Model:
    """What a context is, and what a reader finds in what it serialized."""

    def __init__(self) -> None:
        self.held: samples.Values = {}
        self.saved: samples.Values = {}  # what the last serialize left, or a load since brought
        self.removed: set[Name] = set()  # since then
        self.chains: list[samples.Values] = []  # what is current in each
        self.loaded: object = None  # what the last chain was loaded from, while it is that alone
        self.dirty: set[Name] = set()  # what was done since to these may have to be saved

    def save(self) -> None:
        """A segment behind the last chain, which it continues."""
        removed = self.removed & set(self.saved)
        added = {
            name: value
            for name, value in self.held.items()
            if self.saved.get(name) != value or name in removed
        }
        if added or removed:
            self.chains = self.chains or [{}]
            for name in removed:
                self.chains[-1].pop(name, None)
            self.chains[-1] |= added
            self.loaded = None
        self.saved, self.removed, self.dirty = dict(self.held), set(), set()

    def current(self) -> samples.Values:
        """For a reader: the union of the chains."""
        merged: samples.Values = {}
        for chain in self.chains:
            merged |= chain
        return merged

    def load(self, source: object, bundle: samples.Values) -> None:
        """Another bundle: it is a chain of its own, unless the last one is it already."""
        if self.loaded != source:
            self.chains.append(dict(bundle))
        self.loaded = source
        self._adopt(bundle)

    def go_on(self, other: "Model") -> None:
        """Load what another process made of all that is here."""
        if self.chains != other.chains:
            self.chains, self.loaded = other.chains, None
        current = self.current()
        for name in set(self.saved) - set(current):
            if self.held.get(name) == self.saved.pop(name):
                del self.held[name]
                self.dirty.discard(name)
        self._adopt(current)

    def _adopt(self, bundle: samples.Values) -> None:
        self.held |= bundle
        self.saved |= bundle
        self.removed -= set(bundle)
        self.dirty -= set(bundle)

    def elsewhere(self) -> "Model":
        """Another process that loaded what was serialized here."""
        other = Model()
        other.chains = [dict(chain) for chain in self.chains]
        other.held = other.current()
        other.saved = dict(other.held)
        return other


class ContextMachine(RuleBasedStateMachine):
    """Each rule does one operation to both; the invariants compare all that can be seen."""

    def __init__(self) -> None:
        super().__init__()
        self.context: PrecompileContext = context()
        self.model = Model()
        self.outer: list[tuple[AbstractContextManager[None], Model]] = []
        self.last: bytes | None = None

    @initialize()
    def nothing_to_save_at_first(self) -> None:
        assert not self.context.need_serialize()
        assert self.context.serialize() is None

    @rule(type_name=st.sampled_from([BLOB, CODE]), key=KEYS, content=CONTENTS)
    def record(self, type_name: str, key: str, content: bytes) -> None:
        self.context.record_artifact(type_name, key, content)
        self._recorded((type_name, key), (content, ()))

    @rule(key=KEYS, content=CONTENTS, fields=samples.fields)
    def record_with_fields(self, key: str, content: bytes, fields: dict[str, Any]) -> None:
        self.context.record_artifact(NOTED, key, content, **fields)
        self._recorded((NOTED, key), (content, fields_of(Noted(key, content, **fields))))

    def _recorded(self, name: Name, value: tuple[bytes, tuple[Any, ...]]) -> None:
        if self.model.held.get(name) != value:
            self.model.held[name] = value
            self.model.dirty.add(name)

    @rule(type_name=st.sampled_from([BLOB, NOTED, CODE]), key=KEYS)
    def remove(self, type_name: str, key: str) -> None:
        name = (type_name, key)
        there = self.model.held.pop(name, None) is not None
        assert self.context.remove(*name) == there
        if there:
            self.model.dirty.add(name)
            self.model.removed.add(name)

    @rule(key=KEYS, tail=st.binary(max_size=3))
    def edit(self, key: str, tail: bytes) -> None:
        if (CODE, key) in self.model.held:
            self.context.edit_artifact(key, lambda content: content + tail)
            self._recorded((CODE, key), (self.model.held[CODE, key][0] + tail, ()))
            artifact = self.context.serialize_artifact_by_key(key)
            assert artifact is not None
            assert artifact.content == self.model.held[CODE, key][0]
        else:
            assert self.context.serialize_artifact_by_key(key) is None

    @rule(type_name=st.sampled_from([BLOB, NOTED, CODE]), key=KEYS)
    def look_up(self, type_name: str, key: str) -> None:
        found = self.context.lookup(type_name, key)
        expected = self.model.held.get((type_name, key))
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            assert (found.TYPE, found.key, found.content) == (type_name, key, expected[0])

    @rule()
    def serialize(self) -> None:
        before = self.last
        needed = self.context.need_serialize()
        serialized = self.context.serialize()
        assert not self.context.need_serialize()
        if serialized is None:
            assert not self.model.held
            assert not self.model.chains
            return
        data, info = serialized
        assert {(t, k) for t, keys in info.artifacts.items() for k in keys} == set(self.model.held)
        if before is not None:
            assert data.startswith(before)
            assert needed or data == before
        assert self.context.serialize() == serialized
        self.model.save()
        assert list(values(loaded(data)).items()) == list(self.model.current().items())
        self.last = data

    @precondition(lambda self: self.last is not None)
    @rule()
    def go_on_in_another_process(self) -> None:
        """What was not serialized is lost, all else is there and saved."""
        assert self.last is not None
        if not self.outer:
            self.context = loaded(self.last)
            loaded_from = self.model.loaded
            self.model = self.model.elsewhere()
            self.model.loaded = loaded_from

    @precondition(lambda self: self.last is not None)
    @rule(key=KEYS, content=CONTENTS, removed=KEYS)
    def load_what_another_process_made_of_it(self, key: str, content: bytes, removed: str) -> None:
        """Nothing stays here as it was saved that the other one took away."""
        assert self.last is not None
        other, model = loaded(self.last), self.model.elsewhere()
        other.record_artifact(BLOB, key, content)
        model.held[BLOB, key] = (content, ())
        if other.remove(BLOB, removed):
            model.removed.add((BLOB, removed))
        model.held.pop((BLOB, removed), None)
        serialized = other.serialize()
        model.save()
        assert serialized is not None
        self.context.load(serialized[0])
        self.model.go_on(model)
        self.last = serialized[0]

    @rule(content=CONTENTS, removed=KEYS)
    def load_another_bundle(self, content: bytes, removed: str) -> None:
        """It supersedes what is recorded here, and takes nothing away; it is saved then."""
        other = context()
        other.record_artifact(BLOB, "a", content)
        other.record_artifact(BLOB, removed, b"soon removed")
        other.serialize()
        other.remove(BLOB, removed)
        serialized = other.serialize()
        assert serialized is not None
        report = self.context.load(serialized[0])
        brought: samples.Values = {} if removed == "a" else {(BLOB, "a"): (content, ())}
        assert {(BLOB, key) for key in report.info.keys_of(BLOB)} == set(brought)
        self.model.load((content, removed), brought)
        self.last = None  # its segments come behind what was serialized, unsaved ones after them

    @rule()
    def clear(self) -> None:
        if not self.outer:
            self.context.clear()
            self.model, self.last = Model(), None

    @rule()
    def enter_fresh(self) -> None:
        if len(self.outer) < 2:
            manager = self.context.fresh()
            manager.__enter__()
            self.outer.append((manager, self.model))
            self.model, self.last = Model(), None

    @precondition(lambda self: self.outer)
    @rule(fails=st.booleans())
    def leave_fresh(self, fails: bool) -> None:
        manager, self.model = self.outer.pop()
        self.last = None
        if fails:
            error = ValueError("raised in the block")
            assert not manager.__exit__(ValueError, error, None)
        else:
            manager.__exit__(None, None, None)

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert list(values(self.context).items()) == list(self.model.held.items())

    @invariant()
    def needs_serialize_where_something_is_unsaved(self) -> None:
        if self.model.held != self.model.saved:
            assert self.context.need_serialize()
        if not self.model.dirty:
            assert not self.context.need_serialize()

    def teardown(self) -> None:
        while self.outer:
            self.outer.pop()[0].__exit__(None, None, None)


TestContext = ContextMachine.TestCase
TestContext.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


def test_nothing_is_left_to_save_after_a_serialize() -> None:
    """A removal that was written is not pending again when its name comes and goes unsaved."""
    subject = context()
    for _ in range(2):
        subject.record_artifact(BLOB, "b", b"0")
        subject.serialize()
        subject.remove(BLOB, "b")
        subject.serialize()
    subject.record_artifact(BLOB, "b", b"0")
    subject.remove(BLOB, "b")
    subject.record_artifact(BLOB, "a", b"0")
    data = subject.serialize()
    assert not subject.need_serialize()
    assert subject.serialize() == data
