"""Whom a user trusts by name, and the ways to name a key."""

import os
from pathlib import Path

import pytest

from precompile_context import CertificateVerifier, ErrorCode, MisuseError
from precompile_context.adapters.pytorch.session import WarmStart
from precompile_context.files import (
    add_trusted,
    find_signer,
    find_verifier,
    local_key,
    remove_trusted,
    trusted,
    trusted_directory,
)
from precompile_context.session.trusting import believed, trusting
from precompile_context.trust import UNSIGNED, TrustPolicy
from tests.certificates import Issued
from tests.signing import ALICE, BOB, envelope
from tests.toys import refused

KEY = ALICE.verifying_key


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "config"


def test_nobody_is_trusted_and_nothing_made_where_nobody_was_added(config: Path) -> None:
    assert trusted() == {}
    assert not config.exists()


def test_who_was_added_is_trusted_by_runs_until_removed() -> None:
    add_trusted("ci", KEY)
    add_trusted("ci", KEY)
    assert trusted() == {"ci": KEY}
    assert trusting((), None, read_only=True).policy.accepts(ALICE)
    assert remove_trusted("ci") == KEY
    assert trusted() == {}
    assert not trusting((), None, read_only=True).policy.accepts(ALICE)


def test_a_run_without_any_key_is_not_told_what_to_write_in_python() -> None:
    with refused(ErrorCode.UNSIGNED) as caught:
        trusting((), None, read_only=True).policy.check(envelope(b"payload"), 0, 0)
    assert caught.value.detail == "segment 0 is not signed"


def test_a_policy_of_the_program_s_own_is_that_alone() -> None:
    add_trusted("ci", KEY)
    assert not trusting(TrustPolicy([BOB.verifying_key]), BOB, read_only=True).policy.accepts(ALICE)
    assert trusting(UNSIGNED, None, read_only=True).policy is UNSIGNED


def test_a_name_of_somebody_else_is_not_taken() -> None:
    add_trusted("ci", KEY)
    with pytest.raises(MisuseError, match="precompile trust remove ci"):
        add_trusted("ci", BOB.verifying_key)
    assert trusted() == {"ci": KEY}


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden", "a b", "a.pem", "x" * 65, "\x1b[31m"])
def test_what_is_no_name_is_misuse_and_writes_nothing(name: str, config: Path) -> None:
    with pytest.raises(MisuseError, match="a name is letters"):
        add_trusted(name, KEY)
    assert not config.exists()


def test_an_authority_is_kept_with_its_patterns() -> None:
    verifier = CertificateVerifier(Issued("authority").pem, "*@example.com", "spiffe://é/*")
    add_trusted("team", verifier)
    assert trusted() == {"team": verifier}


def test_a_directory_that_others_may_write_to_is_not_believed() -> None:
    add_trusted("ci", KEY)
    os.chmod(trusted_directory(), 0o777)
    with pytest.raises(PermissionError):
        trusted()
    found = trusting((), None, read_only=False)
    assert not found.policy.accepts(ALICE)
    assert found.fault is not None
    assert "keys that this user trusts are not read" in found.fault


def test_a_key_is_found_by_name_file_variable_and_beginning(tmp_path: Path) -> None:
    add_trusted("ci", KEY)
    (tmp_path / "bob.pub").write_bytes(BOB.verifying_key.to_pem())
    variables = {"BOB": BOB.verifying_key.to_pem().decode()}
    assert find_verifier("ci") == KEY
    assert find_verifier(KEY.keyid[:8]) == find_verifier(KEY.keyid[:8].upper()) == KEY
    assert find_verifier("bob.pub") == find_verifier("./bob.pub") == BOB.verifying_key
    assert find_verifier("env:BOB", variables) == BOB.verifying_key
    own = local_key()
    assert own is not None
    assert find_verifier(own.keyid[:12]) == own.verifying_key


def test_a_name_comes_before_a_file_that_anybody_may_have_put_there(tmp_path: Path) -> None:
    add_trusted("ci", KEY)
    (tmp_path / "ci").write_bytes(BOB.verifying_key.to_pem())
    assert find_verifier("ci") == KEY
    assert find_verifier("./ci") == BOB.verifying_key


def test_what_names_nobody_says_what_comes_near() -> None:
    add_trusted("release", KEY)
    for text, says in (
        ("releas", "did you mean release"),
        ("0" * 64, "precompile trust list"),
        (KEY.keyid[:3], "names nobody"),
        ("env:NOTHING", "NOTHING is not set"),
        ("env:", "without a name"),
        ("", "names nobody"),
    ):
        with pytest.raises(MisuseError, match=says):
            find_verifier(text)
    with pytest.raises(FileNotFoundError):
        find_verifier("none.pub")


class _Named:
    """A key of which only the keyid matters."""

    def __init__(self, keyid: str) -> None:
        self.keyid = keyid


def test_a_beginning_of_several_keyids_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = {"one": _Named("abcd12"), "other": _Named("abcd34")}
    monkeypatch.setattr("precompile_context.files.trusted_keys.trusted", lambda: alike)
    with pytest.raises(MisuseError, match="several keys: abcd12, abcd34"):
        find_verifier("abcd")
    assert find_verifier("abcd3").keyid == "abcd34"


def test_a_private_key_is_found_by_file_and_variable(tmp_path: Path) -> None:
    (tmp_path / "k.pem").write_bytes(ALICE.to_pem())
    assert find_signer("k.pem").keyid == ALICE.keyid
    assert find_signer("env:K", None, {"K": ALICE.to_pem().decode()}).keyid == ALICE.keyid
    with pytest.raises(MisuseError, match="env:K: it is no PEM"):
        find_signer("env:K", None, {"K": "not a key"})


def test_trust_takes_a_key_a_name_a_file_or_several(tmp_path: Path) -> None:
    add_trusted("ci", KEY)
    path = tmp_path / "bob.pub"
    path.write_bytes(BOB.verifying_key.to_pem())
    assert believed(KEY) == believed("ci") == [KEY]
    assert believed(path) == believed(str(path)) == [BOB.verifying_key]
    assert believed(["ci", path, KEY]) == [KEY, BOB.verifying_key, KEY]
    policy = TrustPolicy([KEY])
    assert believed(policy) is policy


@pytest.mark.parametrize(
    "wrong", [5, None, b"PEM", [5], [None], ALICE, "none.pub", ["nobody"], {"a": 1}]
)
def test_trust_of_a_wrong_type_is_misuse_before_anything_runs(wrong: object) -> None:
    for make in (lambda: believed(wrong), lambda: WarmStart("a.precompile", trust=wrong)):  # type: ignore[arg-type]
        with pytest.raises(MisuseError):
            make()


@pytest.mark.parametrize("wrong", [5, b"PEM", "none.pem", KEY, "env:NOTHING"])
def test_a_signer_of_a_wrong_type_is_misuse_before_anything_runs(wrong: object) -> None:
    with pytest.raises(MisuseError):
        WarmStart("a.precompile", signer=wrong)  # type: ignore[arg-type]
