"""Certificates: who is believed by what an authority says of them, and who is not."""

from pathlib import Path

import pytest

from precompile_context import (
    CertificateSigner,
    CertificateVerifier,
    ErrorCode,
    MisuseError,
    PrecompileError,
    Stage,
)
from precompile_context.trust import TrustPolicy, signer_of, verifier_of
from tests.certificates import Issued
from tests.signing import ALICE
from tests.toys import BLOB, names, refused, serialized, toy_context

CA = Issued("the team's authority")
BETWEEN = Issued("the department's", CA)
OTHER = Issued("another authority")
CI = "spiffe://example.com/ci/"
BELIEVED = CertificateVerifier(CA.pem, f"{CI}*")


def _bundle(signer: CertificateSigner) -> bytes:
    context = toy_context(signer=signer)
    context.record_artifact(BLOB, "a", b"1")
    return serialized(context)


def test_a_name_that_the_authority_vouches_for_is_believed_whatever_its_key() -> None:
    """Keys rotate, and nobody who loads is touched."""
    for number in range(2):
        context = toy_context(policy=TrustPolicy([BELIEVED]))
        context.load(_bundle(Issued("ci", CA, san=f"{CI}{number}").signer()))
        assert names(context) == [(BLOB, "a")]


def test_a_chain_over_another_authority_is_followed() -> None:
    signer = Issued("ci", BETWEEN, san=f"{CI}1").signer(BETWEEN)
    assert BELIEVED.keyid == signer.keyid
    assert BELIEVED.verify(signer.sign(b"m"), b"m")
    alone = Issued("ci", BETWEEN, san=f"{CI}1").signer()
    assert not BELIEVED.verify(alone.sign(b"m"), b"m")


@pytest.mark.parametrize(
    "signer",
    [
        Issued("ci", CA, san="spiffe://example.com/dev/1"),
        Issued("ci", CA, san="spiffe://example.com/cI/1"),
        Issued("ci", CA, san=f"{CI}1", begins=-3, days=-1),
        Issued("ci", CA, san=f"{CI}1", begins=1),
        Issued("ci", OTHER, san=f"{CI}1"),
    ],
    ids=["another name", "another case", "expired", "not yet valid", "another authority"],
)
def test_a_certificate_that_does_not_fit_is_not_believed(signer: Issued) -> None:
    data = _bundle(signer.signer())
    with pytest.raises(PrecompileError) as caught:
        toy_context(policy=TrustPolicy([BELIEVED])).load(data)
    assert caught.value.code.stage is Stage.TRUST
    assert not BELIEVED.verify(signer.signer().sign(b"m"), b"m")


def test_bytes_of_every_kind_in_a_signature_s_place_are_not_believed() -> None:
    good = Issued("ci", CA, san=f"{CI}1").signer().sign(b"m")
    assert BELIEVED.verify(good, b"m")
    assert not BELIEVED.verify(good, b"n")
    for bad in (b"", bytes(4), bytes(64), b"\xff" * 64, good[:-1], good[4:], good + b"x"):
        assert not BELIEVED.verify(bad, b"m")
    for at in range(0, len(good), 7):
        flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
        assert not BELIEVED.verify(flipped, b"m")
    assert not BELIEVED.verify(good[:-70] + bytes(1 << 17), b"m")


def test_keys_and_authorities_stand_beside_each_other() -> None:
    policy = TrustPolicy([ALICE.verifying_key, BELIEVED], threshold=2)
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        toy_context(policy=policy).load(_bundle(Issued("ci", CA, san=f"{CI}1").signer()))


def test_several_patterns_are_of_one_verifier_and_two_verifiers_are_misuse() -> None:
    both = CertificateVerifier(CA.pem, "spiffe://example.com/dev/*", f"{CI}*")
    assert both.verify(Issued("ci", CA, san=f"{CI}1").signer().sign(b"m"), b"m")
    with pytest.raises(MisuseError, match="only one of them would be asked"):
        TrustPolicy([both, BELIEVED])
    TrustPolicy([BELIEVED, CertificateVerifier(CA.pem, f"{CI}*")])


def test_a_verifier_and_a_signer_are_back_from_their_pem() -> None:
    again = verifier_of(BELIEVED.to_pem())
    assert again == BELIEVED
    signer = signer_of(Issued("ci", CA, san=f"{CI}1").key_and_certificate())
    assert again.verify(signer.sign(b"m"), b"m")


def test_what_is_no_certificate_is_misuse(tmp_path: Path) -> None:
    leaf, stranger = Issued("ci", CA, san=f"{CI}1"), Issued("x", CA, san=f"{CI}2")
    for make in (
        lambda: CertificateVerifier(CA.pem),
        lambda: CertificateVerifier(CA.pem, ""),
        lambda: CertificateVerifier(CA.pem, "a\nb"),
        lambda: CertificateVerifier(CA.pem, 5),  # type: ignore[arg-type]
        lambda: CertificateVerifier("PEM", "*"),  # type: ignore[arg-type]
        lambda: CertificateVerifier(b"PEM", "*"),
        lambda: CertificateVerifier(leaf.pem, "*"),
        lambda: verifier_of(CA.pem),
        lambda: CertificateSigner(leaf.key, []),
        lambda: CertificateSigner(leaf.key, [stranger.certificate]),
        lambda: signer_of(leaf.pem),
        lambda: signer_of(ALICE.to_pem() + leaf.pem),
    ):
        with pytest.raises(MisuseError):
            make()
