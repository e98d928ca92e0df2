"""What a PEM text holds: a key, or a certificate with whom it stands for."""

from precompile_context.errors import MisuseError
from precompile_context.trust.certificates import SUBJECT, CertificateSigner, CertificateVerifier
from precompile_context.trust.keys import SigningKey, VerifyingKey

Believed = VerifyingKey | CertificateVerifier

_CERTIFICATE = b"-----BEGIN CERTIFICATE-----"


def verifier_of(pem: bytes) -> Believed:
    """Who is believed: an Ed25519 public key, or an authority below lines `subject: PATTERN`.

    Raises:
        MisuseError: it holds neither.
    """
    if not isinstance(pem, bytes) or _CERTIFICATE not in pem:
        return VerifyingKey.from_pem(pem)
    head, _, _ = pem.partition(_CERTIFICATE)
    lines = head.decode(errors="replace").splitlines()
    patterns = [line.removeprefix(SUBJECT) for line in lines if line.startswith(SUBJECT)]
    if not patterns:
        text = "a certificate of an authority, and whom to believe of those that it vouches for"
        raise MisuseError(f"{text} is not said: `precompile trust add FILE --subject PATTERN`")
    return CertificateVerifier(pem, *patterns)


def signer_of(pem: bytes, passphrase: bytes | None = None) -> SigningKey | CertificateSigner:
    """Who signs: an Ed25519 private key, or one of ECDSA with its certificates.

    Raises:
        MisuseError: it holds neither, or the passphrase does not fit.
    """
    if isinstance(pem, bytes) and _CERTIFICATE in pem:
        return CertificateSigner.from_pem(pem)
    return SigningKey.from_pem(pem, passphrase)
