"""X.509: a signer that carries its certificate along, and who believes those of an authority."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from precompile_context.errors import MisuseError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate

_PREFIX = "x509:"
# Before a pattern, in a line of its own above the authority's certificate.
SUBJECT = "subject: "
# No chain is as long, and no certificate as large.
_MOST_CERTIFICATES = 8
_MOST_BYTES = 64 << 10


class CertificateSigner:
    """Signs by ECDSA with SHA-256; the certificates stand before the signature in `sig`.

    There each certificate is its length, 4 bytes big-endian, and its DER, the signer's
    own first; a length of 0 and the signature follow.
    """

    def __init__(
        self, key: "EllipticCurvePrivateKey", certificates: Sequence["Certificate"]
    ) -> None:
        """`certificates` are the key's own and those between it and the authority.

        Raises:
            MisuseError: there is none, or it is of another key, or names no authority.
        """
        if not 1 <= len(certificates) <= _MOST_CERTIFICATES:
            raise MisuseError(f"a signer has 1 to {_MOST_CERTIFICATES} certificates")
        if certificates[0].public_key() != key.public_key():
            raise MisuseError("the first certificate is of another key")
        self._key = key
        self._chain = b"".join(map(_framed, certificates)) + bytes(4)
        self.keyid = _PREFIX + _authority_of(certificates[-1])

    def __repr__(self) -> str:
        return f"<CertificateSigner {self.keyid[:20]}…>"

    @classmethod
    def from_pem(cls, pem: bytes) -> "CertificateSigner":
        """The private key and the certificates in a PEM text, in this order.

        Raises:
            MisuseError: it does not hold them.
        """
        from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
        from cryptography.x509 import load_pem_x509_certificates

        try:
            certificates = load_pem_x509_certificates(pem)
            key = load_pem_private_key(pem, None)
        except (ValueError, TypeError) as error:
            text = f"no PEM of an unencrypted private key and its certificates: {error}"
            raise MisuseError(text) from None
        if not isinstance(key, EllipticCurvePrivateKey):
            raise MisuseError("a key with a certificate is one of ECDSA, P-256 say")
        return cls(key, certificates)

    def sign(self, message: bytes) -> bytes:
        """The certificates and the signature over `message`."""
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.hashes import SHA256

        return self._chain + self._key.sign(message, ECDSA(SHA256()))


class CertificateVerifier:
    """Believes whoever an authority gave a certificate for a name that fits one of some patterns.

    The chain is verified as clients' are in TLS, at the present time: a bundle whose
    signer's certificate has expired is signed again. Revocation is not asked for.
    """

    def __init__(self, authority: bytes, *patterns: str) -> None:
        """Args:
        authority: its certificate, PEM.
        patterns: which subject names are believed: DNS names, mail addresses and URIs
            among the certificate's alternative names, `*` for any characters.

        Raises:
            MisuseError: that is no certificate of an authority, or no pattern.
        """
        from cryptography.x509 import load_pem_x509_certificate

        for pattern in patterns or ("",):
            if not (isinstance(pattern, str) and pattern.strip() and pattern.isprintable()):
                raise MisuseError('patterns of subject names are texts, "*@example.com" say')
        if not isinstance(authority, bytes):
            raise MisuseError(f"a PEM text is bytes, not {type(authority).__name__}")
        try:
            self._authority = load_pem_x509_certificate(authority)
        except ValueError as error:
            raise MisuseError(f"no PEM of a certificate: {error}") from None
        self.patterns = patterns
        self.keyid = _PREFIX + _identifier_of(self._authority)

    def __repr__(self) -> str:
        return f"<CertificateVerifier {', '.join(self.patterns)} of {self.keyid[:20]}…>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CertificateVerifier) and other.to_pem() == self.to_pem()

    def __hash__(self) -> int:
        return hash(self.keyid)

    def to_pem(self) -> bytes:
        """A line for each pattern, and the authority's certificate."""
        from cryptography.hazmat.primitives.serialization import Encoding

        lines = "".join(f"{SUBJECT}{pattern}\n" for pattern in self.patterns)
        return lines.encode() + self._authority.public_bytes(Encoding.PEM)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether the certificates lead to the authority, the name fits, and the signature too."""
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
        from cryptography.hazmat.primitives.hashes import SHA256
        from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

        parsed = _parsed(signature)
        if parsed is None:
            return False
        (leaf, *between), own = parsed
        builder = PolicyBuilder().store(Store([self._authority]))
        try:
            verified = builder.build_client_verifier().verify(leaf, between)
            key = leaf.public_key()
        except (VerificationError, ValueError):
            return False
        names = [str(name.value) for name in verified.subjects or ()]
        if not any(fnmatchcase(name, each) for name in names for each in self.patterns):
            return False
        if not isinstance(key, EllipticCurvePublicKey):
            return False
        try:
            key.verify(own, message, ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True


def _framed(certificate: "Certificate") -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    der = certificate.public_bytes(Encoding.DER)
    return len(der).to_bytes(4, "big") + der


def _parsed(signature: bytes) -> "tuple[list[Certificate], bytes] | None":
    """The certificates and what stands behind them; None where the bytes are something else."""
    from cryptography.x509 import load_der_x509_certificate

    certificates: list[Certificate] = []
    at = 0
    while len(signature) <= _MOST_BYTES and len(certificates) <= _MOST_CERTIFICATES:
        size = int.from_bytes(signature[at : at + 4], "big")
        at += 4
        if at + size > len(signature):
            return None
        if not size:
            return (certificates, signature[at:]) if certificates else None
        try:
            certificates.append(load_der_x509_certificate(signature[at : at + size]))
        except ValueError:
            return None
        at += size
    return None


def _authority_of(certificate: "Certificate") -> str:
    """The identifier of the key that signed the certificate."""
    from cryptography.x509 import AuthorityKeyIdentifier, ExtensionNotFound

    try:
        found = certificate.extensions.get_extension_for_class(AuthorityKeyIdentifier)
    except (ExtensionNotFound, ValueError):
        found = None
    if found is None or not found.value.key_identifier:
        raise MisuseError("the certificate does not name its authority's key (authorityKeyId)")
    return found.value.key_identifier.hex()


def _identifier_of(authority: "Certificate") -> str:
    from cryptography.x509 import BasicConstraints, ExtensionNotFound, SubjectKeyIdentifier

    try:
        extensions = authority.extensions
        is_authority = extensions.get_extension_for_class(BasicConstraints).value.ca
        digest = extensions.get_extension_for_class(SubjectKeyIdentifier).value.digest
    except (ExtensionNotFound, ValueError):
        is_authority, digest = False, b""
    if not is_authority or not digest:
        raise MisuseError("the certificate is no authority's (CA:TRUE, with a subjectKeyId)")
    return digest.hex()
