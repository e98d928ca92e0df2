"""Ed25519 keys in PEM, as RFC 8410 has them: the key's 32 bytes behind a head that never differs.

The library's own reader imports what it knows of all other keys, which takes longer than opening a
bundle, in every process that does. What is written in any other way is left to it.
"""

import base64

_PUBLIC, _PRIVATE = b"PUBLIC KEY", b"PRIVATE KEY"
_HEADS = {
    _PUBLIC: bytes.fromhex("302a300506032b6570032100"),
    _PRIVATE: bytes.fromhex("302e020100300506032b657004220420"),
}
_SIZE = 32


def public_key(pem: bytes) -> bytes | None:
    """The public key's bytes; None where it is for the library to read this, or to refuse it."""
    return _key(pem, _PUBLIC)


def private_key(pem: bytes) -> bytes | None:
    """The private key's bytes; None where it is for the library to read this, or to refuse it."""
    return _key(pem, _PRIVATE)


def public_pem(key: bytes) -> bytes:
    """The text of the public key with these bytes."""
    return _pem(key, _PUBLIC)


def _key(pem: bytes, label: bytes) -> bytes | None:
    try:
        key = base64.b64decode(pem.split(b"\n")[1])[-_SIZE:]
    except (IndexError, ValueError):
        return None
    return key if len(key) == _SIZE and pem == _pem(key, label) else None


def _pem(key: bytes, label: bytes) -> bytes:
    text = base64.b64encode(_HEADS[label] + key)
    return b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (label, text, label)
