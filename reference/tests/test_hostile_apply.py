"""APPLY: what cannot be applied is skipped with its code, and stops nothing else."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import pytest

from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import record, sha256
from precompile_context import (
    CacheArtifact,
    Directory,
    DirectoryPrecompileCache,
    Environment,
    ErrorCode,
    MemoryPrecompileCache,
    PrecompileContext,
    PrecompileError,
    Registry,
)
from precompile_context.trust import UNSIGNED
from tests import samples
from tests.samples import context, values

GOOD = Artifact("good", b"good content")


def _outcomes(subject: PrecompileContext) -> dict[str, ErrorCode]:
    """Code by key of what populate did not apply; the good artifact it always did."""
    report = subject.populate(MemoryPrecompileCache())
    assert "good" in report.info.keys_of("test.blob")
    return {outcome.key: outcome.code for outcome in report.outcomes}


def _load(*artifacts: Artifact, blocks: list[Block] | None = None) -> PrecompileContext:
    subject = context()
    subject.load(bundle(Segment(artifacts=[*artifacts, GOOD], blocks=blocks)).data)
    return subject


def test_an_unknown_type_is_carried_and_skipped() -> None:
    subject = _load(Artifact("odd", b"content", type="nobody.knows", attributes={"a": 1}))
    assert _outcomes(subject) == {"odd": ErrorCode.UNKNOWN_ARTIFACT_TYPE}
    with pytest.raises(PrecompileError) as caught:
        subject.lookup("nobody.knows", "odd")
    assert caught.value.code is ErrorCode.UNKNOWN_ARTIFACT_TYPE
    subject.record_artifact("test.blob", "more", b"more")
    serialized = subject.serialize()
    assert serialized is not None
    again = context()
    again.load(serialized[0])
    assert [id_.key for id_ in again.current()] == ["odd", "good", "more"]
    assert again.current()[0].content_digest == sha256(b"content")


def test_an_unknown_kind_is_carried_and_skipped() -> None:
    subject = _load(Artifact("later", b"content", kind=9))
    assert _outcomes(subject) == {"later": ErrorCode.UNKNOWN_ARTIFACT_TYPE}


def test_a_type_under_another_kind_than_its_own_is_not_applied() -> None:
    """An input must not have a backend populate a cache, or an entry stand for a backend."""
    subject = _load(Artifact("as cache", b"c", type="test.code", kind=1))
    assert _outcomes(subject) == {"as cache": ErrorCode.UNKNOWN_ARTIFACT_TYPE}
    entry = Artifact(
        "entry", b"e", type="test.entry", kind=3, backends=[("test.blob", "good", b"")]
    )
    assert _outcomes(_load(entry)) == {"entry": ErrorCode.MISSING_BACKEND}


@pytest.mark.parametrize(
    ("block", "code"),
    [
        (Block(b"content", stored=b"CONTENT", entry={"digest": bytes(32)}), "DIGEST_MISMATCH"),
        (Block(b"content", 2, stored=b"no frame"), "DECOMPRESSION_FAILED"),
        (Block(b"content", 9), "UNSUPPORTED_FEATURE"),
        (Block(b"content", record=bytes(11)), "MALFORMED_BLOCK"),
        (Block(b"content", entry={"content_size": 8}), "SIZE_MISMATCH"),
    ],
)
def test_damaged_content_costs_the_artifacts_in_it_alone(block: Block, code: str) -> None:
    bad = Artifact("bad", b"content", place=(0, 0))
    subject = _load(bad, blocks=[block, Block(GOOD.content)])
    assert _outcomes(subject) == {"bad": ErrorCode[code]}
    with pytest.raises(PrecompileError) as caught:
        subject.lookup("test.blob", "bad")
    assert caught.value.code is ErrorCode[code]
    found = subject.lookup("test.blob", "good")
    assert found is not None
    assert found.content == GOOD.content


def test_an_entry_takes_its_backend_only_with_the_digest_that_it_names() -> None:
    named = sha256(b"what the entry was saved with")
    entry = Artifact("e", b"e", type="test.entry", kind=3, backends=[("test.code", "b", named)])
    backend = Artifact("b", b"another producer's", type="test.code", kind=2)
    assert _outcomes(_load(entry, backend)) == {"e": ErrorCode.MISSING_BACKEND}


def test_an_entry_with_a_damaged_backend_is_not_written() -> None:
    content = b"backend"
    names = [("test.code", "b", sha256(content))]
    entry = Artifact("e", b"e", type="test.entry", kind=3, backends=names)
    backend = Artifact("b", content, type="test.code", kind=2)
    damaged = Block(content, stored=b"BACKEND", entry={"digest": sha256(content)})
    subject = _load(entry, backend, blocks=[Block(b"e"), damaged, Block(GOOD.content)])
    cache = MemoryPrecompileCache()
    report = subject.populate(cache)
    assert {o.key: o.code for o in report.outcomes} == {"e": ErrorCode.DIGEST_MISMATCH}
    assert len(cache) == 0


@dataclass(frozen=True)
class _Later(CacheArtifact):
    """Has a field that the bundle holds with a type added later."""

    TYPE: ClassVar[str] = "test.later"
    seen: ClassVar[list[object]] = []
    field: str = "default"

    def populate_cache(self) -> None:
        self.seen.append(self.field)


def test_an_attribute_of_a_type_added_later_is_handed_to_nobody() -> None:
    artifact = Artifact("k", b"c", type="test.later")

    attribute = record(0x0A, b"field") + record(0x3A, b"a value of field 7")
    later = Segment(
        artifacts=[artifact],
        edit=lambda m: m.artifacts.details.add().MergeFromString(record(0x1A, attribute)),
    )
    known = Registry()
    known.register(_Later)
    subject = PrecompileContext(registry=known, policy=UNSIGNED)
    subject.load(bundle(later).data)
    assert subject.populate().outcomes == ()
    assert _Later.seen == ["default"]


@dataclass(frozen=True)
class _Needy(CacheArtifact):
    """Cannot be made without its field."""

    TYPE: ClassVar[str] = "test.needy"
    field: str

    def populate_cache(self) -> None:
        """Goes nowhere."""


def test_an_artifact_without_its_class_s_fields_is_not_applied() -> None:
    known = samples.registry()
    known.register(_Needy)
    subject = PrecompileContext(registry=known, policy=UNSIGNED)
    odd = Artifact("odd", b"c", type="test.needy", attributes={"another": 1})
    subject.load(bundle(Segment(artifacts=[odd, GOOD])).data)
    assert _outcomes(subject) == {"odd": ErrorCode.APPLY_FAILED}


def test_attributes_that_the_class_lacks_stay_behind() -> None:
    subject = _load(Artifact("k", b"c", type="test.noted", attributes={"later": 1, "number": 7}))
    assert _outcomes(subject) == {}
    found = subject.lookup("test.noted", "k")
    assert isinstance(found, samples.Noted)
    assert found.number == 7


def test_a_failed_load_leaves_the_state_as_before() -> None:
    subject = context(environment=Environment.of(host="here"))
    subject.record_artifact("test.blob", "mine", b"content")
    subject.serialize()
    subject.record_artifact("test.blob", "unsaved", b"content")
    before = values(subject)
    whole = bundle(Segment(artifacts=[GOOD]))
    foreign = bundle(Segment(artifacts=[GOOD], requirements=[("host", 1, ["elsewhere"])]))
    refused = bundle(Segment(artifacts=[GOOD]), Segment(edit=lambda m: m.blocks.add()))
    for data in (b"", b"\0", whole.data[:-1], foreign.data, refused.data):
        with pytest.raises(PrecompileError):
            subject.load(data)
        assert list(values(subject).items()) == list(before.items())
        assert subject.need_serialize()
    serialized = subject.serialize()
    assert serialized is not None
    again = context(environment=Environment.of(host="here"))
    again.load(serialized[0])
    assert values(again) == before


def test_an_entry_that_names_a_backend_twice_is_read_back(tmp_path: Path) -> None:
    subject = context()
    subject.record_artifact("test.code", "b", b"backend")
    subject.record_artifact("test.entry", "e", b"entry", backends=[("test.code", "b")] * 2)
    cache = DirectoryPrecompileCache(Directory(tmp_path), samples.REGISTRY, policy=UNSIGNED)
    assert subject.populate(cache).outcomes == ()
    stitched = cache.read("test.entry", "e")
    assert stitched is not None
    assert [backend.content for backend in stitched.backends] == [b"backend"] * 2


def test_a_damaged_entry_of_a_cache_is_a_miss(tmp_path: Path) -> None:
    subject = context()
    subject.record_artifact("test.code", "b", b"backend")
    subject.record_artifact("test.entry", "e", b"entry", backends=[("test.code", "b")])
    directory = Directory(tmp_path)
    faults = []
    cache = DirectoryPrecompileCache(
        directory,
        samples.REGISTRY,
        policy=UNSIGNED,
        on_fault=lambda *fault: faults.append(fault),
    )
    subject.populate(cache)
    (file,) = directory.path.iterdir()
    data = file.read_bytes()
    for at in range(0, len(data), 7):
        file.write_bytes(data[:at] + bytes([data[at] ^ 0x40]) + data[at + 1 :])
        faults.clear()
        assert cache.read("test.entry", "e") is None
        assert len(faults) == 1
