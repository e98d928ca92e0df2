"""Signing a file, and folding one, without giving a signature to what did not have it."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from precompile.v1.bundle_pb2 import Envelope, Signature
from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context import (
    UNSIGNED,
    BundleFile,
    ErrorCode,
    PrecompileError,
    SigningKey,
    TrustPolicy,
)
from precompile_context.bundle import Bundle, Limits
from precompile_context.bundle.fold import MANY_SEGMENTS
from precompile_context.trust import Signer, dsse
from tests.signing import ALICE, BOB, MALLORY, signature, signed, trusts
from tests.toys import BLOB, file_contents, flip, refused, serialized, toy_context

SEGMENTS = (
    Segment(artifacts=[Artifact("one", b"first content")]),
    Segment(artifacts=[Artifact("two", b"second content")]),
)
PLAIN = bundle(*SEGMENTS).data


def test_signing_a_file_gives_the_bytes_of_one_that_was_signed_when_it_was_written(
    file: BundleFile,
) -> None:
    plain, own = toy_context(), toy_context(signer=ALICE)
    for context in (plain, own):
        for key in ("a", "b"):
            context.record_artifact(BLOB, key, key.encode() * 100)
            context.serialize()
    file.path.write_bytes(serialized(plain))
    assert file.sign(ALICE) == 2
    assert file.path.read_bytes() == serialized(own)


def test_signing_changes_no_payload_and_no_digest(file: BundleFile) -> None:
    file.path.write_bytes(PLAIN)
    before = Bundle.open(PLAIN, policy=UNSIGNED)
    contents = file_contents(file)
    assert file.sign(ALICE) == 2
    after = file.open(policy=trusts(ALICE), recover=False)
    assert after.digest == before.digest
    assert [s.payload_digest for s in after.segments] == [s.payload_digest for s in before.segments]
    assert file_contents(file) == contents


def test_several_keys_sign_one_file(file: BundleFile) -> None:
    file.path.write_bytes(PLAIN)
    assert (file.sign(ALICE), file.sign(BOB), file.sign(ALICE)) == (2, 2, 0)
    file.open(policy=trusts(ALICE, BOB, threshold=2))
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        file.open(policy=trusts(ALICE, MALLORY, threshold=2))


def test_only_segments_without_the_signature_are_signed(file: BundleFile) -> None:
    file.path.write_bytes(signed(SEGMENTS[0], by=[ALICE]).data + bundle(SEGMENTS[1]).data)
    assert file.sign(ALICE) == 1
    file.open(policy=trusts(ALICE))


def test_a_file_that_carries_all_signatures_is_not_replaced(file: BundleFile) -> None:
    file.path.write_bytes(signed(*SEGMENTS).data)
    before = file.path.stat()
    assert file.sign(ALICE) == 0
    assert os.path.samestat(before, file.path.stat())


def test_signing_replaces_the_file_as_a_whole_and_keeps_its_mode(file: BundleFile) -> None:
    file.path.write_bytes(PLAIN)
    file.path.chmod(0o640)
    reader = file.open(policy=UNSIGNED)
    file.sign(ALICE)
    assert reader.read(reader.current()["test.blob", "one"]) == b"first content"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640
    assert [p.name for p in file.path.parent.iterdir()] == [file.path.name]


NOTE = b"\x7a\x04note"  # a field that nobody knows


def _with(*signatures: Signature, tail: bytes = b"") -> bytes:
    """A bundle of one segment with these signatures, and `tail` behind them in its envelope."""
    envelope = Envelope(signatures=signatures).SerializeToString() + tail
    return bundle(replace(SEGMENTS[0], envelope_tail=envelope)).data


def _signatures(file: BundleFile) -> list[Signature]:
    (segment,) = (opened := file.open(policy=UNSIGNED)).segments
    return list(opened.envelope(segment).signatures)


OWN = signature(ALICE, bundle(SEGMENTS[0]).segments[0].payload)
BOBS = signature(BOB, bundle(SEGMENTS[0]).segments[0].payload)
WRONG = Signature(sig=bytes(64), keyid=ALICE.keyid)
NAMELESS = Signature(sig=OWN.sig)
STRANGE = Signature(sig=b"none", keyid="another's")
# What stands there, and what stands there once ALICE has signed.
SIGNED = {
    "none": ([], [OWN]),
    "another's": ([BOBS], [BOBS, OWN]),
    "others' in their order": ([STRANGE, BOBS, STRANGE], [STRANGE, BOBS, STRANGE, OWN]),
    "a wrong one": ([WRONG], [OWN]),
    "a wrong one among others": ([STRANGE, WRONG, BOBS], [STRANGE, BOBS, OWN]),
    "a wrong one and the right one": ([WRONG, BOBS, OWN], [BOBS, OWN]),
    "the right one twice": ([OWN, BOBS, OWN], [BOBS, OWN]),
    "an empty one": ([Signature(keyid=ALICE.keyid), BOBS], [BOBS, OWN]),
    "the right one without a name": ([NAMELESS], [NAMELESS, OWN]),
    "its name in capitals": (
        [Signature(sig=OWN.sig, keyid=ALICE.keyid.upper())],
        [Signature(sig=OWN.sig, keyid=ALICE.keyid.upper()), OWN],
    ),
}


@pytest.mark.parametrize("case", SIGNED)
def test_signing_keeps_others_signatures_and_puts_its_own_last(case: str, file: BundleFile) -> None:
    before, after = SIGNED[case]
    file.path.write_bytes(_with(*before))
    assert file.sign(ALICE) == 1
    assert _signatures(file) == after
    file.open(policy=trusts(ALICE))
    data = file.path.read_bytes()
    assert file.sign(ALICE) == 0
    assert file.path.read_bytes() == data


@pytest.mark.parametrize("signatures", [[OWN], [OWN, BOBS], [STRANGE, OWN, BOBS]])
def test_signing_changes_nothing_where_its_signature_is_the_only_one_of_its_name(
    signatures: list[Signature], file: BundleFile
) -> None:
    file.path.write_bytes(data := _with(*signatures, tail=NOTE))
    assert file.sign(ALICE) == 0
    assert file.path.read_bytes() == data


def test_signing_keeps_the_unknown_fields_of_envelope_and_signatures(file: BundleFile) -> None:
    """Of those signatures that stay; one that is replaced takes its own along."""
    noted = [Signature.FromString(each.SerializeToString() + NOTE) for each in (BOBS, WRONG)]
    file.path.write_bytes(_with(*noted, tail=NOTE))
    assert file.sign(ALICE) == 1
    assert _signatures(file) == [noted[0], OWN]
    (segment,) = (opened := file.open(policy=UNSIGNED)).segments
    envelope = opened.envelope(segment)
    assert envelope.SerializeToString().count(NOTE) == 2
    envelope.ClearField("signatures")
    assert envelope.SerializeToString().endswith(NOTE)


DAMAGED = {
    "torn": (PLAIN + bytes(10), ErrorCode.TRUNCATED),
    "empty": (b"", ErrorCode.NOT_A_BUNDLE),
    "flipped_in_a_block": (flip(PLAIN, 27), ErrorCode.DIGEST_MISMATCH),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_not_sound_is_not_signed(name: str, file: BundleFile) -> None:
    data, code = DAMAGED[name]
    file.path.write_bytes(data)
    with refused(code):
        file.sign(ALICE)
    assert file.path.read_bytes() == data


def test_no_signature_is_added_that_readers_would_not_take(tmp_path: Path) -> None:
    file = BundleFile(tmp_path / "b", limits=Limits(signatures=2))
    file.path.write_bytes(signed(*SEGMENTS, by=[ALICE, BOB]).data)
    before = file.path.read_bytes()
    with refused(ErrorCode.LIMIT_EXCEEDED):
        file.sign(MALLORY)
    assert file.path.read_bytes() == before


class Believing(TrustPolicy):
    """Opens whatever is there, and knows its keys: what a fold refuses, the fold itself refuses."""

    def check(self, envelope: dsse.Envelope, segment: int, offset: int) -> None:
        """Accept."""


BELIEVING = Believing([ALICE.verifying_key])


class Claimant:
    """Signs with one key in the name of another."""

    keyid = ALICE.keyid

    def sign(self, message: bytes) -> bytes:
        return MALLORY.sign(message)


def tail(*keys: Signer | None) -> bytes:
    """A chain with one segment by each key, unsigned for None."""
    data = b""
    for number, key in enumerate(keys):
        context = toy_context(signer=key)
        if data:
            context.load(data)
        context.record_artifact(BLOB, f"k{number}", b"%d" % number * 50)
        data = serialized(context)
    return data


FOLDS: dict[str, tuple[list[SigningKey | None], TrustPolicy, SigningKey | None, bool]] = {
    "own": ([ALICE, ALICE], trusts(ALICE), ALICE, True),
    "own_among_trusted": ([BOB, ALICE, ALICE], trusts(ALICE, BOB), ALICE, False),
    "another_trusted_key_s": ([BOB, BOB], trusts(ALICE, BOB), ALICE, False),
    "mixed": ([ALICE, None], UNSIGNED, None, False),
    "unsigned": ([None, None], UNSIGNED, None, True),
    "unsigned_with_a_signer": ([None, None], UNSIGNED, ALICE, False),
    "signed_without_a_signer": ([ALICE, ALICE], trusts(ALICE), None, False),
    "own_but_nobody_can_tell": ([ALICE, ALICE], UNSIGNED, ALICE, False),
}


@pytest.mark.parametrize("name", FOLDS)
def test_a_fold_gives_no_signature_and_takes_none(name: str, file: BundleFile) -> None:
    keys, policy, signer, folds = FOLDS[name]
    file.path.write_bytes(tail(*keys))
    before, contents = file.path.read_bytes(), file_contents(file)
    assert file.fold(b"", policy=policy, signer=signer) is folds
    assert (file.path.read_bytes() != before) is folds
    assert file_contents(file) == contents
    file.open(policy=policy)


def test_own_segments_behind_another_s_are_folded_and_that_one_stays(file: BundleFile) -> None:
    file.path.write_bytes(tail(BOB, ALICE, ALICE))
    policy = trusts(ALICE, BOB)
    base = file.open(policy=policy).segments[0]
    kept = file.path.read_bytes()[: base.size]
    assert file.fold(base.payload_digest, policy=policy, signer=ALICE)
    assert file.path.read_bytes()[: base.size] == kept
    folded = file.open(policy=policy)
    assert [policy.signers(folded.envelope(s)) for s in folded.segments] == [
        {BOB.keyid},
        {ALICE.keyid},
    ]
    assert len(file_contents(file)) == 3


@pytest.mark.parametrize("foreign", [None, MALLORY], ids=["unsigned", "a_stranger_s"])
def test_a_foreign_segment_is_never_folded_into_a_signed_one(
    foreign: SigningKey | None, file: BundleFile
) -> None:
    file.path.write_bytes(tail(ALICE, foreign, ALICE))
    before = file.path.read_bytes()
    with pytest.raises(PrecompileError, match=r"UNSIGNED|UNTRUSTED_SIGNER"):
        file.fold(b"", policy=trusts(ALICE), signer=ALICE)
    assert not file.fold(b"", policy=BELIEVING, signer=ALICE)
    assert file.path.read_bytes() == before


def test_compacting_folds_own_segments_alone(file: BundleFile) -> None:
    """One of another key stays as it is, with all before it."""
    context = toy_context(policy=trusts(ALICE, BOB), signer=ALICE)
    context.record_artifact(BLOB, "first", b"first")
    context.save_to(file)
    bobs = toy_context(policy=trusts(ALICE, BOB), signer=BOB)
    bobs.record_artifact(BLOB, "bob's", b"bob's")
    bobs.save_to(file)
    before = file.path.read_bytes()
    for number in range(MANY_SEGMENTS):
        context.record_artifact(BLOB, f"k{number}", b"%d" % number)
        context.save_to(file)
    assert file.compact(policy=trusts(ALICE, BOB), signer=ALICE)
    assert file.path.read_bytes().startswith(before)
    folded = file.open(policy=trusts(ALICE, BOB))
    assert len(folded.segments) == 3
    assert len(folded.current()) == MANY_SEGMENTS + 2


def test_a_segment_that_only_claims_to_be_own_is_not_folded(file: BundleFile) -> None:
    file.path.write_bytes(tail(Claimant(), Claimant()))
    before = file.path.read_bytes()
    assert not file.fold(b"", policy=BELIEVING, signer=ALICE)
    assert file.path.read_bytes() == before


def test_own_segments_are_folded_under_a_policy_that_opens_everything(file: BundleFile) -> None:
    file.path.write_bytes(tail(ALICE, ALICE))
    assert file.fold(b"", policy=BELIEVING, signer=ALICE)
    file.open(policy=trusts(ALICE))
