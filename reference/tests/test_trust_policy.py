"""Whether a segment is trusted: by its signatures, their keyids, and how many keys must sign."""

from collections.abc import Sequence
from typing import Any

import pytest

from precompile.v1.bundle_pb2 import Signature
from precompile_context import Bundle, PrecompileContext
from precompile_context.errors import ErrorCode, MisuseError, PrecompileError
from precompile_context.trust import NOBODY, UNSIGNED, SigningKey, TrustPolicy, dsse
from tests.signing import ALICE, BOB, CAROL, MALLORY, envelope, signature, trusts

PAYLOAD = b"a manifest's bytes"
BAD = b"\x01" * 64


def good(key: SigningKey, keyid: str | None = None) -> Signature:
    return signature(key, PAYLOAD, keyid)


SIG = good(ALICE).sig


def bad(key: SigningKey, sig: bytes = BAD) -> Signature:
    return Signature(sig=sig, keyid=key.keyid)


def code(policy: TrustPolicy, *signatures: Signature) -> ErrorCode | None:
    """What the segment is refused for, by name and place; None where it is trusted."""
    try:
        policy.check(envelope(PAYLOAD, *signatures), 3, 77)
    except PrecompileError as error:
        named = error.offset == 77 and error.detail.startswith("segment 3 ")
        return error.code if named else ErrorCode.APPLY_FAILED
    return None


CASES: dict[str, tuple[TrustPolicy, Sequence[Signature], ErrorCode | None]] = {
    "no_signature": (trusts(ALICE), [], ErrorCode.UNSIGNED),
    "by_the_trusted_key": (trusts(ALICE), [good(ALICE)], None),
    "by_one_of_two_trusted_keys": (trusts(ALICE, BOB), [good(BOB)], None),
    "by_a_stranger": (trusts(ALICE), [good(MALLORY)], ErrorCode.UNTRUSTED_SIGNER),
    "a_stranger_beside_a_trusted_key": (trusts(ALICE), [good(MALLORY), good(ALICE)], None),
    "another_payload": (trusts(ALICE), [signature(ALICE, b"other")], ErrorCode.BAD_SIGNATURE),
    "another_bit": (
        trusts(ALICE),
        [bad(ALICE, bytes([SIG[0] ^ 1]) + SIG[1:])],
        ErrorCode.BAD_SIGNATURE,
    ),
    "an_empty_signature": (trusts(ALICE), [bad(ALICE, b"")], ErrorCode.BAD_SIGNATURE),
    "a_short_signature": (
        trusts(ALICE),
        [bad(ALICE, SIG[:63])],
        ErrorCode.BAD_SIGNATURE,
    ),
    "a_long_signature": (
        trusts(ALICE),
        [bad(ALICE, SIG + b"\0")],
        ErrorCode.BAD_SIGNATURE,
    ),
    "bad_after_good": (trusts(ALICE), [good(ALICE), bad(ALICE)], None),
    "bad_before_good": (trusts(ALICE), [bad(ALICE), good(ALICE)], None),
    "bad_of_another_trusted_key": (trusts(ALICE, BOB), [bad(BOB), good(ALICE)], None),
    "without_keyid": (trusts(ALICE, BOB), [good(BOB, "")], None),
    "without_keyid_by_a_stranger": (trusts(ALICE), [good(MALLORY, "")], ErrorCode.UNTRUSTED_SIGNER),
    "under_another_trusted_keyid": (
        trusts(ALICE, BOB),
        [good(BOB, ALICE.keyid)],
        ErrorCode.BAD_SIGNATURE,
    ),
    "by_a_stranger_under_a_trusted_keyid": (
        trusts(ALICE),
        [good(MALLORY, ALICE.keyid)],
        ErrorCode.BAD_SIGNATURE,
    ),
    "under_a_stranger_s_keyid": (
        trusts(ALICE),
        [good(ALICE, MALLORY.keyid)],
        ErrorCode.UNTRUSTED_SIGNER,
    ),
    "upper_case_keyid": (
        trusts(ALICE),
        [good(ALICE, ALICE.keyid.upper())],
        ErrorCode.UNTRUSTED_SIGNER,
    ),
    "two_of_two": (trusts(ALICE, BOB, threshold=2), [good(BOB), good(ALICE)], None),
    "one_of_two": (trusts(ALICE, BOB, threshold=2), [good(BOB)], ErrorCode.UNTRUSTED_SIGNER),
    "one_twice_is_one": (
        trusts(ALICE, BOB, threshold=2),
        [good(BOB), good(BOB), good(BOB, "")],
        ErrorCode.UNTRUSTED_SIGNER,
    ),
    "one_and_a_stranger": (
        trusts(ALICE, BOB, threshold=2),
        [good(BOB), good(MALLORY)],
        ErrorCode.UNTRUSTED_SIGNER,
    ),
    "one_good_one_bad": (
        trusts(ALICE, BOB, threshold=2),
        [good(BOB), bad(ALICE)],
        ErrorCode.BAD_SIGNATURE,
    ),
    "one_good_and_bad_of_the_same": (
        trusts(ALICE, BOB, threshold=2),
        [good(BOB), bad(BOB)],
        ErrorCode.BAD_SIGNATURE,
    ),
    "two_of_three": (trusts(ALICE, BOB, CAROL, threshold=2), [good(CAROL), good(ALICE, "")], None),
    "unsigned_policy_and_no_signature": (UNSIGNED, [], None),
    "unsigned_policy_and_a_bad_one": (UNSIGNED, [bad(ALICE)], None),
    "no_policy_and_no_signature": (NOBODY, [], ErrorCode.UNSIGNED),
    "no_policy_and_a_signature": (NOBODY, [good(ALICE)], ErrorCode.UNTRUSTED_SIGNER),
    "no_policy_and_no_keyid": (NOBODY, [good(ALICE, "")], ErrorCode.UNTRUSTED_SIGNER),
}


@pytest.mark.parametrize("name", CASES)
def test_policy_decides_by_signatures(name: str) -> None:
    policy, signatures, expected = CASES[name]
    assert code(policy, *signatures) == expected


def test_the_message_is_the_one_of_the_dsse_specification() -> None:
    """The vector of protocol.md in github.com/secure-systems-lab/dsse."""
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert dsse.message("http://example.com/HelloWorld", b"hello world") == expected


def test_the_type_s_length_counts_bytes() -> None:
    assert dsse.message("ä", b"") == b"DSSEv1 2 \xc3\xa4 0 "


def test_a_signature_of_another_payload_type_does_not_count() -> None:
    sig = ALICE.sign(dsse.message("application/vnd.in-toto+json", PAYLOAD))
    assert code(trusts(ALICE), Signature(sig=sig, keyid=ALICE.keyid)) is ErrorCode.BAD_SIGNATURE


@pytest.mark.parametrize("threshold", [0, -1, 3])
def test_a_threshold_is_one_to_the_number_of_keys(threshold: int) -> None:
    with pytest.raises(MisuseError):
        trusts(ALICE, BOB, threshold=threshold)


def test_a_key_given_twice_is_one_key() -> None:
    with pytest.raises(MisuseError):
        trusts(ALICE, ALICE, threshold=2)


def test_a_policy_needs_a_key() -> None:
    with pytest.raises(MisuseError):
        TrustPolicy([])


def test_a_refusal_names_the_segment_the_offset_and_the_key() -> None:
    with pytest.raises(PrecompileError) as caught:
        trusts(ALICE).check(envelope(PAYLOAD, good(MALLORY)), 2, 500)
    assert str(caught.value) == (
        f"UNTRUSTED_SIGNER at byte 500: segment 2 is signed by key {MALLORY.keyid}: no trusted key"
    )


def test_a_keyid_that_a_stranger_wrote_is_cut_and_spelled_out() -> None:
    hostile = Signature(sig=BAD, keyid="\x1b[2J\n\u202e" + "x" * 100_000)
    with pytest.raises(PrecompileError) as caught:
        trusts(ALICE).check(envelope(PAYLOAD, *[hostile] * 60), 0, 0)
    assert caught.value.detail.isprintable()
    assert caught.value.detail.isascii()
    assert len(caught.value.detail) < 400


def test_without_a_policy_the_refusal_says_what_to_do() -> None:
    with pytest.raises(PrecompileError) as caught:
        NOBODY.check(envelope(PAYLOAD), 0, 0)
    assert "policy=TrustPolicy([key.verifying_key])" in caught.value.detail
    assert "policy=UNSIGNED" in caught.value.detail


def test_signing_again_changes_nothing_and_mends_what_is_bad() -> None:
    signed = envelope(PAYLOAD, good(BOB))
    assert dsse.sign(signed, ALICE)
    before = signed.SerializeToString()
    assert not dsse.sign(signed, ALICE)
    assert signed.SerializeToString() == before
    damaged = envelope(PAYLOAD, bad(ALICE), good(BOB), good(ALICE))
    assert dsse.sign(damaged, ALICE)
    assert [s.keyid for s in damaged.signatures] == [BOB.keyid, ALICE.keyid]
    assert code(trusts(ALICE), *damaged.signatures) is None


class Hsm:
    """A signer that is no key of ours, and a verifier of another algorithm."""

    keyid = "kms://projects/p/keys/k"

    def sign(self, message: bytes) -> bytes:
        return b"signed:" + message

    def verify(self, signature: bytes, message: bytes) -> bool:
        return signature == b"signed:" + message


def test_any_two_methods_make_a_signer_and_a_verifier() -> None:
    signed = envelope(PAYLOAD)
    dsse.sign(signed, Hsm())
    policy = TrustPolicy([Hsm(), ALICE.verifying_key])
    policy.check(signed, 0, 0)
    assert policy.signers(signed) == {Hsm.keyid}
    assert policy.accepts(Hsm())
    assert code(trusts(ALICE), *signed.signatures) is ErrorCode.UNTRUSTED_SIGNER


@pytest.mark.parametrize("key", [ALICE, ALICE.to_pem(), "alice.pub"])
def test_a_policy_of_what_is_no_public_key_is_misuse(key: Any) -> None:
    with pytest.raises(MisuseError, match="verifying_key"):
        TrustPolicy([key])


@pytest.mark.parametrize("policy", [None, [ALICE.verifying_key]])
def test_what_is_no_policy_is_misuse_wherever_one_is_asked_for(policy: Any) -> None:
    with pytest.raises(MisuseError, match="UNSIGNED"):
        Bundle.open(b"", policy=policy)
    with pytest.raises(MisuseError, match="UNSIGNED"):
        PrecompileContext(policy=policy)
