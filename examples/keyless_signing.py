"""Keyless signing as Sigstore does it, in small: a `Signer` and a `Verifier` of one's own.

Nobody keeps a key. Whoever builds proves who they are to an authority, which certifies a
key that lives for ten minutes; a log notes when what was signed. A year later the
certificate has expired, and the log still says that it had not when it was used.
A verifier believes one identity, the authority and the log. With the library `sigstore`
its two calls stand in the place of `Authority` and `Log` here; see docs/security.md.

    python examples/keyless_signing.py release.precompile
"""

import hashlib
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from precompile_context import (
    CacheArtifact,
    PrecompileContext,
    PrecompileError,
    SigningKey,
    TrustPolicy,
    VerifyingKey,
)

LIFETIME = 600.0  # seconds
Clock = Callable[[], float]


class Authority:
    """Certifies, for a short time, that a key is of an identity. Here it believes its caller."""

    def __init__(self, clock: Clock) -> None:
        self._key, self._clock = SigningKey.generate(), clock
        self.public = self._key.verifying_key

    def certificate(self, identity: str, key: VerifyingKey) -> dict[str, Any]:
        """The certificate: what it says, and the authority's signature over it."""
        return _signed(self._key, identity=identity, key=key.raw.hex(), since=self._clock())


class Log:
    """Notes what was signed, and when."""

    def __init__(self, clock: Clock) -> None:
        self._key, self._clock = SigningKey.generate(), clock
        self.public = self._key.verifying_key

    def entry(self, signature: bytes) -> dict[str, Any]:
        """The proof of an entry: what it says, and the log's signature over it."""
        return _signed(self._key, of=hashlib.sha256(signature).hexdigest(), at=self._clock())


class KeylessSigner:
    """Signs each time with a new key, of which nothing is kept but its certificate."""

    def __init__(self, identity: str, authority: Authority, log: Log) -> None:
        self._identity, self._authority, self._log = identity, authority, log
        self.keyid = f"keyless:{identity}"

    def sign(self, message: bytes) -> bytes:
        """The certificate, the signature and the log's entry, as JSON."""
        key = SigningKey.generate()
        signature = key.sign(message)
        return json.dumps(
            {
                "certificate": self._authority.certificate(self._identity, key.verifying_key),
                "signature": signature.hex(),
                "entry": self._log.entry(signature),
            }
        ).encode()


class KeylessVerifier:
    """Believes one identity, as far as the authority and the log say that it signed."""

    def __init__(self, identity: str, authority: VerifyingKey, log: VerifyingKey) -> None:
        self._identity, self._authority, self._log = identity, authority, log
        self.keyid = f"keyless:{identity}"

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Whether all of it fits; False for whatever else the bytes may be."""
        try:
            given = json.loads(signature)
            certificate = _verified(self._authority, given["certificate"])
            entry = _verified(self._log, given["entry"])
            raw = bytes.fromhex(given["signature"])
            return (
                certificate["identity"] == self._identity
                and entry["of"] == hashlib.sha256(raw).hexdigest()
                and 0 <= entry["at"] - certificate["since"] <= LIFETIME
                and VerifyingKey(bytes.fromhex(certificate["key"])).verify(raw, message)
            )
        except Exception:  # anything at all may stand in a signature's place
            return False


def _signed(by: SigningKey, **says: Any) -> dict[str, Any]:
    text = json.dumps(says)
    return {"says": text, "sig": by.sign(text.encode()).hex()}


def _verified(key: VerifyingKey, given: dict[str, str]) -> dict[str, Any]:
    """What it says.

    Raises:
        ValueError: it is not signed by the key.
    """
    if not key.verify(bytes.fromhex(given["sig"]), given["says"].encode()):
        raise ValueError("not signed")
    says: dict[str, Any] = json.loads(given["says"])
    return says


@dataclass(frozen=True)
class Kernel(CacheArtifact):
    """Something to be signed."""

    TYPE: ClassVar[str] = "keyless.kernel"

    def populate_cache(self) -> None:
        """Say that it is applied."""
        print("applied", self.key)


def main() -> None:
    """Release as one identity; apply where that one is believed, and nowhere else."""
    authority, log = Authority(time.time), Log(time.time)
    release = KeylessVerifier("release@example.com", authority.public, log.public)
    someone = KeylessVerifier("someone@example.com", authority.public, log.public)
    signer = KeylessSigner("release@example.com", authority, log)
    path = Path(sys.argv[1])
    path.unlink(missing_ok=True)  # the authority of an earlier run is no more
    context = PrecompileContext(policy=TrustPolicy([release]), signer=signer)
    context.register(Kernel)
    context.record(Kernel("matmul-64", b"\x7fELF..."))
    context.save_to(path)
    for verifier in (release, someone):
        reader = PrecompileContext(policy=TrustPolicy([verifier]))
        reader.register(Kernel)
        try:
            reader.load(path)
        except PrecompileError as error:
            print("refused", error.code.name)
        else:
            reader.populate()


if __name__ == "__main__":
    main()
