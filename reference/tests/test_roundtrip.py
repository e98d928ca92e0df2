"""What is read back equals a plain dict, whatever was recorded, appended, removed or joined."""

import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from precompile.v1 import bundle_pb2
from precompile_context import Bundle, Environment, PrecompileContext
from precompile_context.bundle import packing
from precompile_context.trust import UNSIGNED
from tests import samples
from tests.samples import Noted, Values, context, fields_of, loaded, noise, values

Operation = tuple[Any, ...]

records = st.tuples(st.just("record"), st.just("test.blob"), samples.keys, samples.contents) | (
    st.tuples(
        st.just("record"), st.just("test.noted"), samples.keys, samples.contents, samples.fields
    )
)
removals = st.tuples(st.just("remove"), st.sampled_from(["test.blob", "test.noted"]), samples.keys)
operations = st.lists(
    records | records | removals | st.just(("serialize",)) | st.just(("reload",)), max_size=25
)


@dataclass
class Model:
    """What the operations mean, with a dict alone."""

    held: Values = field(default_factory=dict)

    def record(self, type_name: str, key: str, content: bytes, fields: dict[str, Any]) -> None:
        compared = fields_of(Noted(key, content, **fields)) if type_name == "test.noted" else ()
        self.held[type_name, key] = (content, compared)

    def remove(self, type_name: str, key: str) -> None:
        self.held.pop((type_name, key), None)


def run(steps: list[Operation]) -> tuple[PrecompileContext, Model]:
    """The operations, done to a context and to the model, saved at the end."""
    subject, model = context(), Model()
    for name, *arguments in [*steps, ("serialize",)]:
        if name == "record":
            type_name, key, content, *rest = arguments
            fields = rest[0] if rest else {}
            subject.record_artifact(type_name, key, content, **fields)
            model.record(type_name, key, content, fields)
        elif name == "remove":
            subject.remove(*arguments)
            model.remove(*arguments)
        else:
            serialized = subject.serialize()
            if name == "reload" and serialized is not None:
                subject = loaded(serialized[0])
    return subject, model


@pytest.mark.slow
@pytest.mark.runtimes
@settings(max_examples=150, deadline=None)
@given(operations)
def test_what_is_read_back_equals_the_model(steps: list[Operation]) -> None:
    subject, model = run(steps)
    assert list(values(subject).items()) == list(model.held.items())
    serialized = subject.serialize()
    if serialized is None:
        assert not model.held
        return
    data, info = serialized
    assert list(values(loaded(data)).items()) == list(model.held.items())
    assert [(t, key) for t, keys in info.artifacts.items() for key in keys] == sorted(
        model.held, key=lambda name: [t for t, _ in model.held].index(name[0])
    )
    opened = Bundle.open(data, policy=UNSIGNED)
    opened.verify()
    parsed = bundle_pb2.Bundle.FromString(data)
    assert len(parsed.footer) == len(opened.segments)
    stored = opened.current()
    assert {name: opened.read(artifact) for name, artifact in stored.items()} == {
        name: content for name, (content, _) in model.held.items()
    }


@pytest.mark.slow
@pytest.mark.runtimes
@settings(max_examples=75, deadline=None)
@given(operations)
def test_the_same_calls_give_the_same_bytes(steps: list[Operation]) -> None:
    (one, _), (two, _) = run(steps), run(steps)
    assert one.serialize() == two.serialize()
    assert one.serialize() == one.serialize()


@settings(max_examples=75, deadline=None)
@given(operations, records)
def test_an_append_keeps_every_byte_of_before(steps: list[Operation], more: Operation) -> None:
    subject, _ = run(steps)
    before = subject.serialize()
    _, type_name, key, content, *rest = more
    subject.record_artifact(type_name, key, content, **(rest[0] if rest else {}))
    after = subject.serialize()
    assert after is not None
    if before is not None:
        assert after[0].startswith(before[0])
        warm = loaded(before[0])
        warm.record_artifact(type_name, key, content, **(rest[0] if rest else {}))
        assert warm.serialize() == after


@pytest.mark.slow
@pytest.mark.runtimes
@settings(max_examples=150, deadline=None)
@given(operations, operations)
@example(
    [("record", "test.noted", "b", b"", {})],
    [("record", "test.noted", "b", b"", {}), ("serialize",), ("remove", "test.noted", "b")],
)
def test_concatenation_is_a_union(first: list[Operation], second: list[Operation]) -> None:
    (one, one_model), (two, two_model) = run(first), run(second)
    parts = [s[0] for s in (one.serialize(), two.serialize()) if s is not None]
    data = b"".join(parts)
    if not data:
        return
    merged = one_model.held | two_model.held
    assert list(values(loaded(data)).items()) == list(merged.items())
    # Loading one behind the other is the same union, and serializes to the same bytes; but a
    # bundle that goes on from the one that is held is that one, grown. [PCB-CTX-028]
    both = context()
    for part in parts:
        both.load(part)
    grown = len(parts) == 2 and parts[1].startswith(parts[0])
    expected = two_model.held if grown else merged
    assert values(both) == expected
    again = both.serialize()
    assert again is not None
    assert values(loaded(again[0])) == expected


@settings(max_examples=50, deadline=None)
@given(operations, st.integers(0, 2**32))
def test_a_torn_append_loses_nothing_of_before(steps: list[Operation], cut: int) -> None:
    subject, model = run(steps)
    before = subject.serialize()
    if before is None:
        return
    subject.record_artifact("test.blob", "the last", noise(7, 300))
    after = subject.serialize()
    assert after is not None
    length = len(before[0]) + cut % (len(after[0]) - len(before[0]))
    fresh = context()
    report = fresh.load(after[0][:length])
    assert report.ignored == length - len(before[0])
    assert values(fresh) == model.held


MIB = 1 << 20
SIZES = {
    "empty": 0,
    "a byte": 1,
    "just below a block": packing.BLOCK_CONTENT - 1,
    "a block": packing.BLOCK_CONTENT,
    "just above a block": packing.BLOCK_CONTENT + 1,
    "two blocks and a bit": 2 * packing.BLOCK_CONTENT + 12345,
}


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("compressible", [True, False])
def test_content_of_any_size_is_read_back(size: str, compressible: bool) -> None:
    content = bytes(SIZES[size]) if compressible else noise(1, SIZES[size])
    subject = context()
    for key in ("before", "large", "behind"):
        subject.record_artifact("test.blob", key, content if key == "large" else key.encode())
    serialized = subject.serialize()
    assert serialized is not None
    opened = Bundle.open(serialized[0], policy=UNSIGNED)
    opened.verify()
    stored = opened.current()["test.blob", "large"]
    assert opened.read(stored) == content
    assert bytes(opened.view(stored)) == content
    assert b"".join(opened.stream(stored)) == content
    assert opened.read(opened.current()["test.blob", "behind"]) == b"behind"


def test_content_that_does_not_compress_spans_uncompressed_blocks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(packing, "RAW_BLOCK_CONTENT", MIB)
    content = noise(2, 3 * MIB + 5)
    subject = context()
    subject.record_artifact("test.blob", "large", content)
    serialized = subject.serialize()
    assert serialized is not None
    opened = Bundle.open(serialized[0], policy=UNSIGNED)
    stored = opened.current()["test.blob", "large"]
    blocks = opened.segments[0].manifest.blocks
    assert [entry.content_size for entry in blocks] == [MIB, MIB, MIB, 5]
    assert {entry.compression for entry in blocks} == {1}
    assert (stored.block, stored.offset) == (0, 0)
    assert opened.read(stored) == content


def test_small_blocks_hold_any_artifacts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 64 bytes: artifacts that share one, fill one and span many, in several segments."""
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 64)
    monkeypatch.setattr(packing, "PROBE_SIZE", 100)
    monkeypatch.setattr(packing, "RAW_BLOCK_CONTENT", 128)
    subject, expected = context(), {}
    for index in range(120):
        content = noise(index % 7, index * 3) if index % 2 else bytes([index]) * (index * 2)
        subject.record_artifact("test.blob", str(index), content)
        expected["test.blob", str(index)] = content
        if index % 40 == 39:
            serialized = subject.serialize()
    assert serialized is not None
    opened = Bundle.open(serialized[0], policy=UNSIGNED)
    opened.verify()
    assert {name: opened.read(a) for name, a in opened.current().items()} == expected


def test_equal_content_is_stored_once_within_a_chain() -> None:
    content = noise(3, 200_000)
    subject = context()
    subject.record_artifact("test.blob", "one", content)
    first = subject.serialize()
    assert first is not None
    warm = loaded(first[0])
    for again in (subject, warm):
        again.record_artifact("test.blob", "two", content)
        again.record_artifact("test.noted", "three", content, number=3)
        second = again.serialize()
        assert second is not None
        assert len(second[0]) < len(first[0]) + 1000
        found = values(loaded(second[0]))
        assert [value for value, _ in found.values()] == [content] * 3


def test_damaged_content_of_a_loaded_bundle_is_not_referred_to() -> None:
    """A manifest may claim any digest: who records that content anew stores it anew."""
    content = noise(4, 2 * MIB)
    subject = context()
    subject.record_artifact("test.blob", "one", content)
    serialized = subject.serialize()
    assert serialized is not None
    data = bytearray(serialized[0])
    data[1000] ^= 1
    warm = loaded(bytes(data))
    warm.record_artifact("test.blob", "two", content)
    again = warm.serialize()
    assert again is not None
    two = loaded(again[0]).lookup("test.blob", "two")
    assert two is not None
    assert two.content == content


@pytest.mark.parametrize("processors", [2, 4, 64])
def test_the_bytes_do_not_depend_on_the_number_of_processors(
    monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    """Blocks are made side by side; where they and the external ones are listed must not tell."""

    monkeypatch.setattr(packing, "PROBE_SIZE", 1000)  # each content has a block of its own

    def build(count: int) -> bytes:
        monkeypatch.setattr(os, "cpu_count", lambda: count)
        subject = context()
        for index in range(0, 30, 3):
            subject.record_artifact("test.blob", str(index), noise(index, 200_000))
        subject.serialize()
        for index in range(30):  # every third content lies in the first segment
            subject.record_artifact("test.blob", f"again {index}", noise(index, 200_000))
        serialized = subject.serialize()
        assert serialized is not None
        return Bundle.open(serialized[0], policy=UNSIGNED).digest

    assert build(processors) == build(1)


def test_a_bundle_for_several_hosts_gives_each_its_own() -> None:
    data = b""
    for host in ("one", "two"):
        subject = context(environment=Environment.of(host=host))
        if data:
            with pytest.raises(Exception, match="host"):
                subject.load(data)
        subject.record_artifact("test.blob", "k", host.encode())
        serialized = subject.serialize()
        assert serialized is not None
        data += serialized[0]
    for host in ("one", "two"):
        subject = context(environment=Environment.of(host=host))
        report = subject.load(data)
        assert (report.segments, report.opaque) == (2, 1)
        assert values(subject) == {("test.blob", "k"): (host.encode(), ())}
        subject.record_artifact("test.blob", "new", b"new")
        again = subject.serialize()
        assert again is not None
        assert again[0].startswith(data)  # the other host's segment travels along
