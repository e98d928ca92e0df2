"""What a context loads, appends to and signs, under its policy."""

from pathlib import Path

import pytest

from precompile_conformance.build import Artifact, Segment
from precompile_context import (
    UNSIGNED,
    BundleFile,
    DirectoryPrecompileCache,
    ErrorCode,
    Limits,
    MemoryPrecompileCache,
    PrecompileContext,
    PrecompileError,
    SigningKey,
    StitchedEntry,
)
from precompile_context.bundle import Bundle
from precompile_context.files import Directory
from precompile_context.trust import NOBODY
from tests.signing import ALICE, BOB, MALLORY, signed, trusts
from tests.toys import BLOB, Blob, Graph, Step, names, refused, serialized, toy_context


def by(key: SigningKey | None, **contents: bytes) -> bytes:
    """A bundle of blobs, one segment, signed by `key` or unsigned."""
    context = toy_context(signer=key)
    for name, content in contents.items():
        context.record_artifact(BLOB, name, content)
    return serialized(context)


def believes(*keys: SigningKey) -> PrecompileContext:
    """An empty context that loads what one of these keys signed."""
    return toy_context(policy=trusts(*keys))


def keyids(data: bytes) -> list[list[str]]:
    """For each segment the keyids of its signatures."""
    bundle = Bundle.open(data, policy=UNSIGNED)
    return [[s.keyid for s in bundle.envelope(segment).signatures] for segment in bundle.segments]


def test_load_refuses_everything_without_a_policy() -> None:
    context = PrecompileContext()
    for data, code in (
        (by(None, a=b"1"), ErrorCode.UNSIGNED),
        (by(ALICE, a=b"1"), ErrorCode.UNTRUSTED_SIGNER),
    ):
        with refused(code) as caught:
            context.load(data)
        assert "policy=TrustPolicy([key.verifying_key])" in caught.value.detail
    assert context.current() == ()


def test_load_takes_what_a_trusted_key_signed() -> None:
    context = believes(ALICE)
    context.load(by(ALICE, a=b"1"))
    context.populate()
    assert ("a", b"1") in Blob.populated


@pytest.mark.parametrize("key", [None, MALLORY], ids=["unsigned", "a_stranger"])
def test_nothing_of_a_bundle_is_loaded_when_one_segment_is_foreign(key: SigningKey | None) -> None:
    own = by(ALICE, a=b"1")
    for data in (own + by(key, b=b"2"), by(key, b=b"2") + own, own + by(key, b=b"2") + own):
        context = believes(ALICE)
        with pytest.raises(PrecompileError) as caught:
            context.load(data)
        assert caught.value.code.stage.name == "TRUST"
        assert context.current() == ()


def test_a_foreign_segment_is_refused_by_name() -> None:
    own = by(ALICE, a=b"1")
    with refused(ErrorCode.UNTRUSTED_SIGNER) as caught:
        believes(ALICE).load(own + by(MALLORY, b=b"2"))
    assert "segment 1" in caught.value.detail
    assert MALLORY.keyid in caught.value.detail
    offset = Bundle.open(own + by(MALLORY, b=b"2"), policy=UNSIGNED).segments[1].manifest_offset
    assert caught.value.offset == offset


def test_no_manifest_is_decoded_before_every_segment_is_trusted() -> None:
    """The first segment's manifest is garbage; the second one's signer is found first."""
    garbage = Segment(payload=b"\xff\xff", artifacts=())
    fine = Segment(artifacts=[Artifact("a", b"1")], chained=False)
    data = signed(garbage, fine, by=[ALICE]).data
    with refused(ErrorCode.MALFORMED_MANIFEST):
        Bundle.open(data, policy=trusts(ALICE))
    mixed = signed(garbage, by=[ALICE]).data + by(MALLORY, a=b"1")
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        Bundle.open(mixed, policy=trusts(ALICE))


def test_a_bundle_that_was_opened_under_another_policy_is_checked_again() -> None:
    opened = Bundle.open(by(MALLORY, a=b"1"), policy=UNSIGNED)
    for context in (believes(ALICE), PrecompileContext()):
        with refused(ErrorCode.UNTRUSTED_SIGNER):
            context.load(opened)
    context = believes(MALLORY)
    context.load(opened)
    assert names(context) == [(BLOB, "a")]


def test_a_source_that_changed_under_an_open_bundle_is_refused() -> None:
    data = bytearray(by(MALLORY, a=b"1"))
    opened = Bundle.open(data, policy=UNSIGNED)
    other = by(ALICE, a=b"2")
    assert len(other) == len(data)
    data[:] = other
    with refused(ErrorCode.MALFORMED_FRAME):
        believes(ALICE).load(opened)


def test_a_file_is_loaded_under_the_context_s_policy(file: BundleFile) -> None:
    file.path.write_bytes(by(ALICE, a=b"1"))
    context = believes(ALICE)
    context.load(file)
    assert names(context) == [(BLOB, "a")]
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        believes(BOB).load(file)


def test_what_a_context_writes_is_signed_segment_by_segment() -> None:
    context = toy_context(policy=trusts(ALICE, BOB), signer=BOB)
    context.load(by(ALICE, a=b"1"))
    context.record_artifact(BLOB, "b", b"2")
    data = serialized(context)
    assert keyids(data) == [[ALICE.keyid], [BOB.keyid]]
    believes(ALICE, BOB).load(data)
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        believes(BOB).load(data)  # each segment needs a trusted key


def test_a_save_signs_and_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    for name in ("a", "b"):
        context = toy_context(signer=ALICE)
        context.record_artifact(BLOB, "k", b"content")
        context.save_to(BundleFile(tmp_path / name))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    believes(ALICE).load(BundleFile(tmp_path / "a"))


@pytest.mark.parametrize("there", [None, MALLORY], ids=["unsigned", "a_stranger_s"])
def test_nothing_is_appended_to_a_bundle_that_is_not_trusted(
    file: BundleFile, there: SigningKey | None
) -> None:
    """Nor is its content pointed at: a signed segment would vouch for a stranger's block."""
    file.path.write_bytes(by(there, a=b"1"))
    before = file.path.read_bytes()
    context = toy_context(policy=trusts(ALICE), signer=ALICE)
    context.record_artifact(BLOB, "b", b"1")
    with pytest.raises(PrecompileError) as caught:
        context.save_to(file)
    assert caught.value.code.stage.name == "TRUST"
    assert file.path.read_bytes() == before
    assert context.need_serialize()


def test_a_context_without_a_policy_begins_a_file_and_appends_to_none(file: BundleFile) -> None:
    context = toy_context(policy=NOBODY)
    context.record_artifact(BLOB, "a", b"1")
    context.save_to(file)
    context.record_artifact(BLOB, "b", b"2")
    with refused(ErrorCode.UNSIGNED):
        context.save_to(file)


def test_more_signatures_than_the_limit_are_refused_before_trust() -> None:
    segment = Segment(artifacts=[Artifact("a", b"1")])
    fits, over = signed(segment, by=[ALICE] * 64), signed(segment, by=[ALICE] * 65)
    Bundle.open(fits.data, policy=trusts(ALICE))
    for policy in (trusts(ALICE), trusts(BOB), UNSIGNED):
        with refused(ErrorCode.LIMIT_EXCEEDED) as caught:
            Bundle.open(over.data, policy=policy)
        assert caught.value.offset == over.segments[0].manifest_offset
    Bundle.open(over.data, policy=trusts(ALICE), limits=Limits(signatures=65))


def test_a_cached_entry_of_a_stranger_is_a_miss_and_not_deserialized(tmp_path: Path) -> None:
    directory, registry = Directory(tmp_path / "cache"), toy_context().registry
    entry = StitchedEntry(Step("s", b"step"), (Graph("g", b"graph"),), ("graph",))
    strangers = DirectoryPrecompileCache(directory, registry, policy=UNSIGNED, signer=MALLORY)
    faults: list[object] = []
    own = DirectoryPrecompileCache(
        directory,
        registry,
        policy=trusts(ALICE),
        signer=ALICE,
        on_fault=lambda type_name, key, fault: faults.append(getattr(fault, "code", fault)),
    )
    strangers.write(entry)
    assert own.read(Step.TYPE, "s") is None
    assert faults == [ErrorCode.UNTRUSTED_SIGNER]
    own.write(entry)
    assert own.read(Step.TYPE, "s") == entry


def test_what_was_loaded_is_applied_and_what_was_refused_is_not() -> None:
    Blob.populated.clear()
    context = toy_context(policy=trusts(ALICE))
    context.load(by(ALICE, a=b"1"))
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        context.load(by(MALLORY, a=b"2", b=b"3"))
    context.populate(MemoryPrecompileCache())
    assert Blob.populated == [("a", b"1")]


def test_a_save_that_cannot_be_signed_changes_nothing(file: BundleFile) -> None:
    class Unreachable:
        keyid = "kms"

        def sign(self, message: bytes) -> bytes:
            raise OSError("the key service does not answer")

    file.path.write_bytes(by(None, a=b"1"))
    before = file.path.read_bytes()
    context = toy_context(signer=Unreachable())
    context.record_artifact(BLOB, "b", b"2")
    with pytest.raises(OSError, match="does not answer"):
        context.save_to(file)
    assert file.path.read_bytes() == before
    assert context.need_serialize()
