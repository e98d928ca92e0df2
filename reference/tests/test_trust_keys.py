"""Ed25519 keys: their PEM files, openssl's view of them, and signatures that are refused."""

import base64
import subprocess
import sys
from pathlib import Path

import pytest

from precompile_context.errors import MisuseError
from precompile_context.trust import SigningKey, VerifyingKey, plain_pem
from tests.signing import ALICE, BOB

# RFC 8032, 7.1: TEST 3.
SECRET = "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7"
PUBLIC = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
SIGNATURE = (
    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"
)
# The order of the group.
L = 2**252 + 27742317777372353535851937790883648493
MESSAGE = b"a message"


def openssl(*arguments: object, text: bytes = b"") -> bytes:
    """What the openssl program prints."""
    done = subprocess.run(
        ["openssl", *map(str, arguments)], input=text, capture_output=True, check=True
    )
    return done.stdout


def raw_key(secret: str) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret)))


def test_signatures_are_those_of_rfc_8032() -> None:
    key = raw_key(SECRET)
    assert key.verifying_key.raw.hex() == PUBLIC
    assert key.sign(bytes.fromhex("af82")).hex() == SIGNATURE
    assert VerifyingKey(bytes.fromhex(PUBLIC)).verify(
        bytes.fromhex(SIGNATURE), bytes.fromhex("af82")
    )


def test_keyid_is_the_lower_case_hex_digest_of_the_raw_public_key() -> None:
    digest = openssl("dgst", "-sha256", "-r", text=bytes.fromhex(PUBLIC))
    assert VerifyingKey(bytes.fromhex(PUBLIC)).keyid == digest.decode().split()[0]


def test_a_second_signature_cannot_be_made_of_a_first_one() -> None:
    """S + L is the same number to a verifier that does not insist on S < L."""
    sig = ALICE.sign(MESSAGE)
    assert ALICE.verifying_key.verify(sig, MESSAGE)
    number = int.from_bytes(sig[32:], "little") + L
    forged = sig[:32] + number.to_bytes(32, "little")
    assert not ALICE.verifying_key.verify(forged, MESSAGE)


@pytest.mark.parametrize("size", [0, 1, 63, 65, 128])
def test_a_signature_of_another_length_is_none(size: int) -> None:
    assert not ALICE.verifying_key.verify((ALICE.sign(MESSAGE) * 2)[:size], MESSAGE)


def test_a_key_of_small_order_lets_everyone_sign() -> None:
    """docs/security.md says so: a public key is taken from its owner."""
    identity = bytes([1]) + bytes(31)
    key = VerifyingKey(identity)
    signature = identity + bytes(32)  # R = [S]B - [k]A, made with no secret
    assert key.verify(signature, b"anything")
    assert key.verify(signature, b"anything else")


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_public_key_is_32_bytes(size: int) -> None:
    with pytest.raises(MisuseError):
        VerifyingKey(bytes(size))


P = 2**255 - 19
NO_POINTS = {
    "y of p": P,
    "y of p + 1": P + 1,
    "y of p + 18, the largest": P + 18,
    "y of p and the sign": P | 1 << 255,
    "y off the curve": 2,
    "y off the curve and the sign": 2 | 1 << 255,
    "another y off the curve": 38,
    "x of 0 and the sign": 1 | 1 << 255,
    "x of 0 at the other end and the sign": P - 1 | 1 << 255,
    "all bits": 2**256 - 1,
}


@pytest.mark.parametrize("name", NO_POINTS)
def test_what_is_no_point_of_the_curve_is_no_key(name: str) -> None:
    """Whoever trusts it has mistaken something else for a key; nothing verifies with it."""
    raw = NO_POINTS[name].to_bytes(32, "little")
    with pytest.raises(MisuseError):
        VerifyingKey(raw)
    pem = bytes.fromhex("302a300506032b6570032100") + raw
    armor = b"-----BEGIN PUBLIC KEY-----\n" + base64.b64encode(pem) + b"\n-----END PUBLIC KEY-----"
    with pytest.raises(MisuseError):
        VerifyingKey.from_pem(armor)


@pytest.mark.parametrize("number", [0, 1, P - 1, 3, 3 | 1 << 255, 1 << 255])
def test_a_point_of_the_curve_is_a_key(number: int) -> None:
    """Those of small order (y of 0, 1 and -1) are points too."""
    raw = number.to_bytes(32, "little")
    assert VerifyingKey(raw).raw == raw


@pytest.mark.parametrize("passphrase", [None, b"correct horse", "pässword".encode()])
def test_a_key_comes_back_from_its_pem(passphrase: bytes | None) -> None:
    again = SigningKey.from_pem(ALICE.to_pem(passphrase), passphrase)
    assert again.sign(MESSAGE) == ALICE.sign(MESSAGE)
    assert VerifyingKey.from_pem(ALICE.verifying_key.to_pem()).raw == ALICE.verifying_key.raw


def test_a_passphrase_that_is_not_needed_does_no_harm() -> None:
    assert SigningKey.from_pem(ALICE.to_pem(), b"superfluous").keyid == ALICE.keyid


@pytest.mark.parametrize("passphrase", [None, b"", b"wrong"])
def test_an_encrypted_key_needs_its_passphrase(passphrase: bytes | None) -> None:
    with pytest.raises(MisuseError, match="passphrase"):
        SigningKey.from_pem(ALICE.to_pem(b"right"), passphrase)


def test_an_empty_passphrase_is_misuse() -> None:
    with pytest.raises(MisuseError):
        ALICE.to_pem(b"")


NO_KEYS = {
    "empty": b"",
    "garbage": b"\xff" * 100,
    "no_pem": b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    "cut": ALICE.to_pem()[:60],
    "not_base64": b"-----BEGIN PRIVATE KEY-----\n!!!!\n-----END PRIVATE KEY-----\n",
}


@pytest.mark.parametrize("name", NO_KEYS)
def test_what_holds_no_key_is_misuse(name: str) -> None:
    for read in (SigningKey.from_pem, VerifyingKey.from_pem):
        with pytest.raises(MisuseError):
            read(NO_KEYS[name])


def test_a_private_key_in_place_of_a_public_one_is_told() -> None:
    with pytest.raises(MisuseError, match="private key"):
        VerifyingKey.from_pem(ALICE.to_pem())
    with pytest.raises(MisuseError):
        SigningKey.from_pem(ALICE.verifying_key.to_pem())


@pytest.mark.parametrize("algorithm", ["RSA", "X25519", "ED448"])
def test_a_key_of_another_algorithm_is_misuse(algorithm: str) -> None:
    private = openssl("genpkey", "-algorithm", algorithm)
    with pytest.raises(MisuseError, match="Ed25519"):
        SigningKey.from_pem(private)
    with pytest.raises(MisuseError, match="Ed25519"):
        VerifyingKey.from_pem(openssl("pkey", "-pubout", text=private))


@pytest.mark.parametrize("encryption", [(), ("-aes-256-cbc", "-pass", "pass:secret")])
def test_a_key_of_openssl_s_signs_and_openssl_verifies(
    encryption: tuple[str, ...], tmp_path: Path
) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(openssl("genpkey", "-algorithm", "ed25519", *encryption))
    key = SigningKey.from_pem(pem.read_bytes(), b"secret" if encryption else None)
    (tmp_path / "message").write_bytes(MESSAGE)
    (tmp_path / "sig").write_bytes(key.sign(MESSAGE))
    public = tmp_path / "key.pub"
    public.write_bytes(openssl("pkey", "-in", pem, "-passin", "pass:secret", "-pubout"))
    assert VerifyingKey.from_pem(public.read_bytes()).keyid == key.keyid
    verified = openssl(
        *("pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", public),
        *("-in", tmp_path / "message", "-sigfile", tmp_path / "sig"),
    )
    assert b"Verified Successfully" in verified


@pytest.mark.parametrize("passphrase", [None, b"secret"])
def test_a_key_of_ours_signs_in_openssl_and_is_verified_here(
    passphrase: bytes | None, tmp_path: Path
) -> None:
    pem = tmp_path / "key.pem"
    pem.write_bytes(ALICE.to_pem(passphrase))
    (tmp_path / "message").write_bytes(MESSAGE)
    options = ["-passin", "pass:secret"] if passphrase else []
    sig = openssl(
        *("pkeyutl", "-sign", "-rawin", "-inkey", pem, *options, "-in", tmp_path / "message")
    )
    assert sig == ALICE.sign(MESSAGE)
    assert ALICE.verifying_key.verify(sig, MESSAGE)
    assert openssl("pkey", "-in", pem, *options, "-pubout") == ALICE.verifying_key.to_pem()


def test_a_file_of_two_keys_is_misuse() -> None:
    """Of two keys the first would be taken, and the other one silently left out."""
    with pytest.raises(MisuseError, match="more than one"):
        VerifyingKey.from_pem(ALICE.verifying_key.to_pem() + BOB.verifying_key.to_pem())
    with pytest.raises(MisuseError, match="more than one"):
        SigningKey.from_pem(ALICE.to_pem() + BOB.to_pem())


def test_a_passphrase_beyond_what_openssl_takes_is_misuse() -> None:
    assert SigningKey.from_pem(ALICE.to_pem(b"x" * 1023), b"x" * 1023).keyid == ALICE.keyid
    with pytest.raises(MisuseError, match="1023 bytes"):
        ALICE.to_pem(b"x" * 1024)


def test_a_pem_is_read_as_the_library_reads_it_with_any_letter_changed() -> None:
    """What is usual is read without the library's reader: nothing may be a key for that."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )
    from cryptography.hazmat.primitives.serialization import (
        load_pem_private_key,
        load_pem_public_key,
    )

    def by_library(pem: bytes) -> bytes | None:
        try:
            if b"PRIVATE" in pem:
                key = load_pem_private_key(pem, None)
                return key.private_bytes_raw() if isinstance(key, Ed25519PrivateKey) else None
            public = load_pem_public_key(pem)
            return public.public_bytes_raw() if isinstance(public, Ed25519PublicKey) else None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            return None

    read = 0
    for pem, plain in (
        (raw_key(SECRET).to_pem(), plain_pem.private_key),
        (raw_key(SECRET).verifying_key.to_pem(), plain_pem.public_key),
    ):
        assert plain(pem) == by_library(pem) is not None
        for at in range(len(pem)):
            for letter in b"A=/\n":
                changed = pem[:at] + bytes([letter]) + pem[at + 1 :]
                found = plain(changed)
                read += found is not None
                assert found in (None, by_library(changed)), changed
    assert read > 100


def test_a_key_as_openssl_writes_it_needs_no_reader_of_other_keys(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(openssl("genpkey", "-algorithm", "ed25519"))
    public = openssl("pkey", "-in", tmp_path / "key.pem", "-pubout")
    (tmp_path / "key.pub").write_bytes(public)
    code = (
        "import sys; from pathlib import Path;"
        "from precompile_context.trust import SigningKey, VerifyingKey;"
        "key, public = (Path(name).read_bytes() for name in sys.argv[1:]);"
        "assert SigningKey.from_pem(key).verifying_key == VerifyingKey.from_pem(public);"
        "assert VerifyingKey.from_pem(public).to_pem() == public;"
        "assert 'cryptography.hazmat.primitives.serialization' not in sys.modules"
    )
    names = (tmp_path / "key.pem", tmp_path / "key.pub")
    subprocess.run([sys.executable, "-c", code, *map(str, names)], check=True)
