"""docs/security.md: each test that it names is there, each attack stands in it, signers sign."""

import ast
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from precompile_context import ErrorCode, SigningKey, TrustPolicy
from precompile_context.trust import dsse
from tests.pages import read
from tests.signing import ALICE, MALLORY, envelope, trusts
from tests.toys import refused

TESTS = Path(__file__).parent
PAGE = TESTS.parents[1] / "docs" / "security.md"
TEXT = PAGE.read_text(encoding="utf-8")
TABLE = TEXT[TEXT.index("## Attackers") :]
ROWS = [line for line in TABLE.splitlines() if line.startswith("|")][2:]
NAMED = re.findall(r"`(test_\w+\.py)::(test_\w+)`", TABLE)
EXAMPLES = [block.text for block in read(PAGE).blocks if block.kind == "python"]
ATTACKS = (
    *("path keys of every kind", "pickle in every place", "bombs", "count and length lies"),
    *("swapped blocks", "swapped manifests", "reordered and removed segments"),
    *("replayed old bundle", "signature from another bundle", "key confusion"),
    *("symlinked cache directory", "world-writable cache directory", "foreign segment"),
)


@pytest.mark.parametrize(("file", "name"), sorted(set(NAMED)))
def test_each_test_that_the_table_names_exists(file: str, name: str) -> None:
    tree = ast.parse((TESTS / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS, ids=range(len(ROWS)))
def test_each_row_names_a_defence_and_a_test(row: str) -> None:
    _, _, able, stopped, shown, _ = row.split("|")
    assert able.strip()
    assert stopped.strip()
    assert re.fullmatch(r"(`test_\w+\.py::test_\w+` ?)+", shown.strip())


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_attack_that_must_be_refused_stands_in_the_table(attack: str) -> None:
    assert any(f"**{attack}**" in row for row in ROWS)


def test_every_attack_by_name_is_in_the_table() -> None:
    """A test of test_attacks.py that the table forgot would be found by nobody."""
    tree = ast.parse((TESTS / "test_attacks.py").read_text(encoding="utf-8"))
    tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    missing = {n for n in tests if n.startswith("test_")} - {name for _, name in NAMED}
    assert missing == {"test_the_watch_notices_an_unpickled_exploit"}  # a test of the tests


def example(start: str) -> str:
    """The example that holds this text."""
    (found,) = [text for text in EXAMPLES if start in text]
    return found


def test_a_key_service_s_signature_is_one_like_any_other() -> None:
    class Client:
        def sign(self, name: str, message: bytes) -> bytes:
            assert name == "release"
            return ALICE.sign(message)

    names: dict[str, Any] = {}
    exec("from precompile_context import VerifyingKey\n" + example("class KmsSigner"), names)
    signer = names["KmsSigner"](Client(), "release", ALICE.verifying_key.to_pem())
    signed = envelope(b"payload")
    dsse.sign(signed, signer)
    trusts(ALICE).check(signed, 0, 0)


class FakeError(Exception):
    """In place of sigstore's."""


class FakeBundle:
    """As sigstore's: what stands in `sig`; here the signature alone, in hex."""

    def __init__(self, sig: bytes) -> None:
        self.sig = sig

    def to_json(self) -> str:
        return self.sig.hex()

    @classmethod
    def from_json(cls, raw: bytes) -> "FakeBundle":
        try:
            return cls(bytes.fromhex(raw.decode()))
        except ValueError as error:
            raise FakeError from error


class FakeSigstore:
    """Signer and verifier of one identity, by the calls that sigstore's have."""

    def __init__(self, key: SigningKey) -> None:
        self._key = key

    def sign_artifact(self, message: bytes) -> FakeBundle:
        return FakeBundle(self._key.sign(message))

    def verify_artifact(self, message: bytes, bundle: FakeBundle, policy: str) -> None:
        assert policy == "identity"
        if not self._key.verifying_key.verify(bundle.sig, message):
            raise FakeError


def test_an_identity_s_signature_is_verified_by_its_own_verifier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    errors, models = ModuleType("sigstore.errors"), ModuleType("sigstore.models")
    vars(errors)["Error"] = FakeError
    vars(models)["Bundle"] = FakeBundle
    monkeypatch.setitem(sys.modules, "sigstore", ModuleType("sigstore"))
    monkeypatch.setitem(sys.modules, "sigstore.errors", errors)
    monkeypatch.setitem(sys.modules, "sigstore.models", models)
    names: dict[str, Any] = {}
    exec(example("class SigstoreSigner"), names)
    verifier = names["SigstoreVerifier"](FakeSigstore(ALICE), "identity")
    for key, code in ((ALICE, None), (MALLORY, ErrorCode.BAD_SIGNATURE)):
        signed = envelope(b"payload")
        dsse.sign(signed, names["SigstoreSigner"](FakeSigstore(key)))
        dsse.sign(signed, ALICE)
        trusts(ALICE).check(signed, 0, 0)  # who lacks the verifier goes by the other signature
        if code is None:
            TrustPolicy([verifier]).check(signed, 0, 0)
        else:
            with refused(code):
                TrustPolicy([verifier]).check(signed, 0, 0)
    assert not verifier.verify(b"\xff", b"payload")
