"""Certificates of a test's own authority."""

from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from precompile_context import CertificateSigner


class Issued:
    """A key and its certificate, by which others can be issued where it is an authority's."""

    def __init__(
        self,
        name: str,
        by: "Issued | None" = None,
        *,
        san: str = "",
        begins: int = -1,
        days: int = 9,
    ) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        issuer = by or self
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by else subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=begins))
            .not_valid_after(now + timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=not san, path_length=None), critical=True)
            .add_extension(_subject_key(self.key), critical=False)
            .add_extension(_authority_key(issuer.key), critical=False)
        )
        if san:
            names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(san)])
            builder = builder.add_extension(names, critical=False)
        else:
            usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
            builder = builder.add_extension(usage, critical=True)
        self.certificate: x509.Certificate = builder.sign(issuer.key, SHA256())
        self.pem = self.certificate.public_bytes(Encoding.PEM)

    def signer(self, *between: "Issued") -> CertificateSigner:
        """Signs with this key, through these authorities."""
        return CertificateSigner(
            self.key, [self.certificate, *(one.certificate for one in between)]
        )

    def key_and_certificate(self) -> bytes:
        """Both as one PEM text."""
        private = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return private + self.pem


def _subject_key(key: ec.EllipticCurvePrivateKey) -> x509.SubjectKeyIdentifier:
    return x509.SubjectKeyIdentifier.from_public_key(key.public_key())


def _authority_key(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())
