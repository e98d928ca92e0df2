"""Who signs and who is believed: two protocols, and Ed25519 (RFC 8032) keys that fulfil them."""

import hashlib
from typing import TYPE_CHECKING, Protocol

from precompile_context.errors import MisuseError
from precompile_context.trust import plain_pem
from precompile_context.trust.points import is_point

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
    )

# What OpenSSL takes for a PEM file's.
MOST_PASSPHRASE_BYTES = 1023


class Signer(Protocol):
    """Signs segments: a key in memory, or whatever can sign for one, a KMS say."""

    @property
    def keyid(self) -> str:
        """Names the key to readers: for Ed25519 the lower-case hex SHA-256 of its public bytes."""

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`. What it raises, a save raises."""


class Verifier(Protocol):
    """A key that is believed, or whatever can tell whether a signature is one of an identity."""

    @property
    def keyid(self) -> str:
        """The keyid of the signatures that this verifies."""

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature`, any bytes at all, is this key's over `message`."""


def check_signer(signer: object) -> None:
    """Raise MisuseError where that is neither a signer nor None."""
    if signer is None or (
        callable(getattr(signer, "sign", None)) and isinstance(getattr(signer, "keyid", None), str)
    ):
        return
    text = "a signer is a SigningKey, or has a keyid and sign(message)"
    raise MisuseError(f"{text}; this is a {type(signer).__name__}{_way_out(signer)}")


def _way_out(given: object) -> str:
    if isinstance(given, VerifyingKey):
        return ", the public half, which cannot sign"
    if isinstance(given, bytes):
        return ": SigningKey.from_pem reads a PEM text"
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        return ": SigningKey.from_pem(Path(...).read_bytes()) reads a file"
    return ""


class VerifyingKey:
    """An Ed25519 public key."""

    def __init__(self, raw: bytes) -> None:
        """`raw` is the key's 32 bytes.

        Raises:
            MisuseError: it is no such key.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        if not isinstance(raw, bytes):
            text = "a key is its 32 bytes; VerifyingKey.from_pem reads a PEM text"
            raise MisuseError(f"{text}, as bytes, not {type(raw).__name__}")
        try:
            self._key: Ed25519PublicKey = Ed25519PublicKey.from_public_bytes(raw)
        except ValueError as error:
            raise MisuseError(f"no Ed25519 public key: {error}") from None
        # [PCB-SIGN-012]
        if not is_point(raw):
            raise MisuseError("no Ed25519 public key: its 32 bytes are those of no point")
        self.raw = raw
        self.keyid = hashlib.sha256(raw).hexdigest()

    def __repr__(self) -> str:
        return f"<VerifyingKey {self.keyid[:12]}…>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyingKey) and other.raw == self.raw

    def __hash__(self) -> int:
        return hash(self.raw)

    @classmethod
    def from_pem(cls, pem: bytes) -> "VerifyingKey":
        """The key in a PEM text, SubjectPublicKeyInfo as `openssl pkey -pubout` writes it.

        Raises:
            MisuseError: it holds no Ed25519 public key.
        """
        _check_one(pem)
        raw = plain_pem.public_key(pem)
        return cls(_public_bytes(pem) if raw is None else raw)

    def to_pem(self) -> bytes:
        """The key as a SubjectPublicKeyInfo PEM."""
        return plain_pem.public_pem(self.raw)

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether `signature` is this key's over `message`; False too for one of another length.

        The library refuses S >= L and an R of another encoding: no second
        signature can be made of a first one.
        """
        from cryptography.exceptions import InvalidSignature

        # [PCB-SIGN-007]
        try:
            self._key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


class SigningKey:
    """An Ed25519 private key."""

    def __init__(self, key: "Ed25519PrivateKey") -> None:
        self._key = key
        self.verifying_key = VerifyingKey(key.public_key().public_bytes_raw())
        self.keyid = self.verifying_key.keyid

    def __repr__(self) -> str:
        return f"<SigningKey {self.keyid[:12]}…>"

    @classmethod
    def generate(cls) -> "SigningKey":
        """A new key, of the operating system's random numbers."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None = None) -> "SigningKey":
        """The key in a PEM text, PKCS#8 as `openssl genpkey` writes it, encrypted or not.

        Raises:
            MisuseError: it holds no Ed25519 private key, or the passphrase does not fit.
        """
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        _check_one(pem)
        raw = plain_pem.private_key(pem)
        if raw is not None:
            return cls(Ed25519PrivateKey.from_private_bytes(raw))
        return cls(_private_key(pem, passphrase))

    def to_pem(self, passphrase: bytes | None = None) -> bytes:
        """The key as a PKCS#8 PEM, encrypted where there is a passphrase.

        Raises:
            MisuseError: the passphrase is empty, or longer than MOST_PASSPHRASE_BYTES.
        """
        from cryptography.hazmat.primitives.serialization import (
            BestAvailableEncryption,
            Encoding,
            NoEncryption,
            PrivateFormat,
        )

        if passphrase == b"":
            raise MisuseError("an empty passphrase would protect nothing")
        if passphrase is not None and len(passphrase) > MOST_PASSPHRASE_BYTES:
            raise MisuseError(f"a passphrase has at most {MOST_PASSPHRASE_BYTES} bytes")
        encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    def sign(self, message: bytes) -> bytes:
        """The signature over `message`: 64 bytes, the same each time."""
        return self._key.sign(message)


def _check_one(pem: bytes) -> None:
    """Of two keys only the first would be taken: whoever named the file meant both, or neither."""
    if not isinstance(pem, bytes):
        hint = "Path(...).read_bytes()" if hasattr(pem, "__fspath__") else "text.encode()"
        raise MisuseError(f"a PEM text is bytes, not {type(pem).__name__}: {hint}")
    if pem.count(b"-----BEGIN ") > 1:
        raise MisuseError("it holds more than one key; a file for each is needed")


def _public_bytes(pem: bytes) -> bytes:
    """Of an Ed25519 public key in any form that the library reads."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        what = "a private key" if b"PRIVATE KEY" in pem else "no PEM of a public key"
        raise MisuseError(f"{what}; `openssl pkey -pubout` writes a public one") from None
    if not isinstance(key, Ed25519PublicKey):
        raise MisuseError("a public key of another algorithm than Ed25519")
    return key.public_bytes_raw()


def _private_key(pem: bytes, passphrase: bytes | None) -> "Ed25519PrivateKey":
    """An Ed25519 private key in any form that the library reads."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    encrypted = b"ENCRYPTED" in pem
    try:
        # A passphrase for a key that has none is an error of the library's: leave it out.
        key = load_pem_private_key(pem, passphrase if encrypted else None)
    except TypeError:
        raise MisuseError("the private key is encrypted and no passphrase is given") from None
    except (ValueError, UnsupportedAlgorithm):
        what = "the passphrase is wrong, or " if encrypted else ""
        raise MisuseError(f"{what}it is no PEM of a private key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise MisuseError("a private key of another algorithm than Ed25519")
    return key
