"""`precompile keygen`, `sign`, and what `verify` and `inspect` say of signatures."""

import stat
import subprocess
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, BundleFile
from precompile_context.adapters.pytorch.settings import Settings
from precompile_context.files import local_key, read_signing_key, read_verifying_key
from tests.signing import ALICE, BOB, MALLORY
from tests.test_cli import run
from tests.toys import save


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Two segments, unsigned."""
    file = BundleFile(tmp_path / "a.precompile")
    save(file, one=b"1")
    save(file, two=b"2")
    return file.path


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory with alice.pem, alice.pub, and so on."""
    for name, key in (("alice", ALICE), ("bob", BOB)):
        (tmp_path / f"{name}.pem").write_bytes(key.to_pem())
        (tmp_path / f"{name}.pub").write_bytes(key.verifying_key.to_pem())
    return tmp_path


def test_keygen_makes_a_pair_that_openssl_reads(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    done = run("keygen", path)
    assert (done.status, done.err) == (0, "")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = read_signing_key(path)
    assert f"keyid {key.keyid}" in done.out
    assert read_verifying_key(tmp_path / "k.pem.pub").keyid == key.keyid
    public = subprocess.run(["openssl", "pkey", "-in", path, "-pubout"], capture_output=True)
    assert public.stdout == (tmp_path / "k.pem.pub").read_bytes()


def test_keygen_encrypts_with_a_passphrase_and_sign_asks_for_it(
    tmp_path: Path, bundle: Path
) -> None:
    secret, key = tmp_path / "secret", tmp_path / "k.pem"
    secret.write_text("correct horse\nbattery\n")
    assert run("keygen", key, "--passphrase-file", secret).status == 0
    assert b"ENCRYPTED" in key.read_bytes()
    done = run("sign", bundle, "--key", key)
    assert done.status == 2
    assert "passphrase" in done.err
    assert run("sign", bundle, "--key", key, "--passphrase-file", secret).status == 0
    assert run("verify", bundle, "--trust", f"{key}.pub").status == 0


def test_keygen_never_replaces_a_key(tmp_path: Path) -> None:
    path = tmp_path / "k"
    path.write_text("precious")
    done = run("keygen", path)
    assert done.status == 1
    assert len(done.err.splitlines()) == 1
    assert path.read_text() == "precious"


def test_keygen_never_replaces_a_public_key_whose_private_key_is_elsewhere(tmp_path: Path) -> None:
    public = tmp_path / "k.pub"
    public.write_text("precious")
    done = run("keygen", tmp_path / "k")
    assert (done.status, done.out) == (1, "")
    assert len(done.err.splitlines()) == 1
    assert str(public) in done.err
    assert public.read_text() == "precious"
    assert not (tmp_path / "k").exists()


def test_keygen_without_a_file_shows_one_s_own_key() -> None:
    first, again = run("keygen", "--json").json(), run("keygen", "--json").json()
    own = local_key(make=False)
    assert own is not None
    assert first == again
    assert first["keyid"] == own.keyid
    assert read_verifying_key(first["public"]).keyid == own.keyid


def test_sign_adds_a_signature_to_every_segment_once(bundle: Path, keys: Path) -> None:
    digest = run("verify", "--json", bundle).json()["digest"]
    assert "2 segments signed" in run("sign", bundle, "--key", keys / "alice.pem").out
    assert run("sign", "--json", bundle, "--key", keys / "alice.pem").json()["signed"] == 0
    assert run("verify", bundle, "--trust", keys / "alice.pub", "--expect", digest).status == 0


def test_sign_without_a_key_signs_with_one_s_own(bundle: Path) -> None:
    done = run("sign", "--json", bundle)
    own = local_key(make=False)
    assert own is not None
    assert done.json() == {"ok": True, "keyid": own.keyid, "signed": 2}


def test_sign_with_one_s_own_key_takes_no_passphrase(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("correct horse\n")
    before = bundle.read_bytes()
    done = run("sign", bundle, "--passphrase-file", tmp_path / "secret")
    assert (done.status, done.out) == (2, "")
    assert "--key" in done.err
    assert bundle.read_bytes() == before


def test_verify_refuses_what_the_trusted_key_did_not_sign(bundle: Path, keys: Path) -> None:
    done = run("verify", bundle, "--trust", keys / "alice.pub")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("precompile: UNSIGNED at byte ")
    BundleFile(bundle).sign(BOB)
    done = run("verify", bundle, "--trust", keys / "alice.pub")
    assert done.err.startswith("precompile: UNTRUSTED_SIGNER at byte ")
    assert BOB.keyid in done.err
    as_json = run("verify", "--json", bundle, "--trust", keys / "alice.pub")
    assert (as_json.status, as_json.json()["code"]) == (1, "UNTRUSTED_SIGNER")
    assert as_json.json()["stage"] == "TRUST"


def test_verify_asks_for_as_many_keys_as_it_is_told(bundle: Path, keys: Path) -> None:
    two = ["--trust", keys / "alice.pub", "--trust", keys / "bob.pub", "--threshold", 2]
    BundleFile(bundle).sign(ALICE)
    assert run("verify", bundle, *two).status == 1
    BundleFile(bundle).sign(BOB)
    done = run("verify", bundle, *two)
    assert done.status == 0
    assert "every segment is signed as you asked" in done.out


@pytest.mark.parametrize(
    "options",
    [
        ["--threshold", "2"],
        ["--threshold", "0"],
        ["--trust", "alice.pem"],
        ["--trust", "a.precompile"],
    ],
)
def test_a_policy_that_cannot_be_is_wrong_usage(
    options: list[str], bundle: Path, keys: Path
) -> None:
    options = [str(keys / o) if "." in o else o for o in options]
    done = run("verify", bundle, *options)
    assert (done.status, done.out) == (2, "")


def test_a_key_file_that_is_not_there_is_one_line(bundle: Path, tmp_path: Path) -> None:
    for command in (["verify", bundle, "--trust"], ["sign", bundle, "--key"]):
        done = run(*command, tmp_path / "none")
        assert done.status == 1
        assert len(done.err.splitlines()) == 1


def test_verify_without_trust_says_who_signed_and_that_nobody_was_asked_for(
    bundle: Path, keys: Path
) -> None:
    assert "segments 0 to 1: unsigned" in run("verify", bundle).out
    BundleFile(bundle).sign(MALLORY)
    done = run("verify", bundle)
    assert done.status == 0
    assert "unknown" in done.out
    assert "no signature was asked for" in done.out


def test_inspect_shows_the_signers_of_each_segment(bundle: Path, keys: Path) -> None:
    BundleFile(bundle).sign(ALICE)
    save_to = BundleFile(bundle)
    save(save_to, three=b"3")
    BundleFile(bundle).path.touch()
    facts = run("inspect", "--json", bundle, "--trust", keys / "alice.pub").json()
    assert [segment["signatures"] for segment in facts["segments"]] == [
        [{"keyid": ALICE.keyid, "status": "trusted"}],
        [{"keyid": ALICE.keyid, "status": "trusted"}],
        [],
    ]
    unknown = run("inspect", "--json", bundle, "--trust", keys / "bob.pub").json()
    assert unknown["segments"][0]["signatures"][0]["status"] == "unknown"
    lines = run("inspect", "--full", bundle).out.splitlines()
    assert f"  signed by {ALICE.keyid}, unknown" in lines
    assert "  unsigned" in lines


def test_inspect_knows_one_s_own_key(bundle: Path) -> None:
    own = local_key()
    assert own is not None
    BundleFile(bundle).sign(own)
    facts = run("inspect", "--json", bundle).json()
    assert facts["segments"][0]["signatures"] == [{"keyid": own.keyid, "status": "trusted"}]


def test_extract_asks_for_no_signature(bundle: Path) -> None:
    BundleFile(bundle).sign(MALLORY)
    done = run("extract", bundle, "test.blob", "one", "-o", "-")
    assert (done.status, done.out) == (0, "1")


SHOW = "import os; print(os.environ['PRECOMPILE_RUN'])"


def test_run_hands_the_trusted_keys_on_whatever_becomes_of_their_files(
    keys: Path, tmp_path: Path
) -> None:
    options = ["--bundle", tmp_path / "b", "--trust", keys / "alice.pub"]
    done = run("run", *options, "--trust", keys / "bob.pub", "-c", SHOW)
    settings = Settings.read({"PRECOMPILE_RUN": done.out})
    trusted = settings.trusted()
    assert isinstance(trusted, list)
    assert [key.keyid for key in trusted] == [ALICE.keyid, BOB.keyid]


def test_run_unsigned_believes_everyone(tmp_path: Path) -> None:
    done = run("run", "--bundle", tmp_path / "b", "--unsigned", "-c", SHOW)
    assert Settings.read({"PRECOMPILE_RUN": done.out}).trusted() is UNSIGNED


def test_run_trusts_nobody_else_by_default(tmp_path: Path) -> None:
    done = run("run", "--bundle", tmp_path / "b", "-c", SHOW)
    assert Settings.read({"PRECOMPILE_RUN": done.out}).trusted() == []


def test_run_refuses_wrong_keys_before_the_program_runs(keys: Path, tmp_path: Path) -> None:
    for options, status in (
        (["--unsigned", "--trust", keys / "alice.pub"], 2),
        (["--trust", keys / "alice.pem"], 2),
        (["--trust", keys / "none.pub"], 1),
    ):
        done = run("run", "--bundle", tmp_path / "b", *options, "-c", "print('ran')")
        assert (done.status, done.out) == (status, "")


def test_keygen_tells_of_a_passphrase_that_is_too_long_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"x" * 5000)
    done = run("keygen", tmp_path / "k.pem", "--passphrase-file", tmp_path / "secret")
    assert done.status == 2
    assert "1023" in done.err
    assert not (tmp_path / "k.pem").exists()


def test_keygen_without_a_file_s_name_is_one_line() -> None:
    done = run("keygen", "")
    assert (done.status, done.err.count("\n")) == (1, 1)
