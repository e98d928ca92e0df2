"""`precompile keygen`, `sign`, and what `verify` and `inspect` say of signatures."""

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, BundleFile
from precompile_context.files import local_key, read_signing_key, read_verifying_key
from precompile_context.session.settings import Settings
from tests.certificates import Issued
from tests.signing import ALICE, BOB, MALLORY
from tests.test_cli import run
from tests.toys import save


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a user of its own: no key of theirs is there, and nobody is trusted."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


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
    assert len(done.err.splitlines()) == 2
    assert path.read_text() == "precious"


def test_keygen_never_replaces_a_public_key_whose_private_key_is_elsewhere(tmp_path: Path) -> None:
    public = tmp_path / "k.pub"
    public.write_text("precious")
    done = run("keygen", tmp_path / "k")
    assert (done.status, done.out) == (1, "")
    assert len(done.err.splitlines()) == 2
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
    assert done.json() == {"version": 1, "ok": True, "keyid": own.keyid, "signed": 2}


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
    assert done.err.startswith(f"precompile: {bundle}: UNSIGNED at byte ")
    BundleFile(bundle).sign(BOB)
    done = run("verify", bundle, "--trust", keys / "alice.pub")
    assert done.err.startswith(f"precompile: {bundle}: UNTRUSTED_SIGNER at byte ")
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


def test_a_key_file_that_is_not_there_is_two_lines(bundle: Path, tmp_path: Path) -> None:
    for command in (["verify", bundle, "--trust"], ["sign", bundle, "--key"]):
        done = run(*command, tmp_path / "none")
        assert done.status == 1
        assert len(done.err.splitlines()) == 2


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
        [{"keyid": ALICE.keyid, "name": None, "status": "trusted"}],
        [{"keyid": ALICE.keyid, "name": None, "status": "trusted"}],
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
    assert facts["segments"][0]["signatures"] == [
        {"keyid": own.keyid, "name": "you", "status": "trusted"}
    ]


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


def test_keygen_without_a_file_s_name_is_two_lines() -> None:
    done = run("keygen", "")
    assert (done.status, done.err.count("\n")) == (1, 2)


def test_trust_names_a_key_once_and_every_command_knows_it(bundle: Path, keys: Path) -> None:
    BundleFile(bundle).sign(ALICE)
    assert run("trust", "list").out.startswith("nobody but your own key")
    done = run("trust", "add", keys / "alice.pub", "--name", "ci")
    assert (done.status, done.out) == (0, f"ci  {ALICE.keyid}\n")
    assert run("verify", bundle, "--trust", "ci").status == 0
    assert run("verify", bundle, "--trust", ALICE.keyid[:8]).status == 0
    assert "signed by ci (" in run("inspect", bundle).out
    assert "signed by ci (" in run("verify", bundle).out
    facts = json.loads(run("inspect", bundle, "--json").out)
    assert facts["segments"][0]["signatures"][0]["name"] == "ci"
    assert run("merge", "-o", keys / "m", bundle).status == 0
    (known,) = run("trust", "list", "--json").json()["keys"]
    assert known == {"name": "ci", "keyid": ALICE.keyid, "subjects": []}
    assert run("trust", "remove", ALICE.keyid[:6]).status == 0
    assert run("merge", "-o", keys / "m", bundle).status == 1


def test_trust_takes_an_authority_with_its_patterns(bundle: Path, keys: Path) -> None:
    authority = Issued("authority")
    (keys / "ca.pem").write_bytes(authority.pem)
    (keys / "ci.pem").write_bytes(
        Issued("ci", authority, san="spiffe://a/ci/1").key_and_certificate()
    )
    assert run("trust", "add", keys / "ca.pem").status == 2
    assert run("trust", "add", keys / "ca.pem", "--subject", "spiffe://a/ci/*").status == 0
    assert run("sign", bundle, "--key", keys / "ci.pem").status == 0
    done = run("verify", bundle, "--trust", "ca")
    assert (done.status, done.err) == (0, "")
    assert "signed by ca (x509:" in run("inspect", bundle).out


def test_trust_refuses_what_it_is_given_in_words(keys: Path) -> None:
    (keys / "none.pub").write_text("nothing")
    for arguments, status, says in (
        (["add", keys / "none.pub"], 2, "no PEM of a public key"),
        (["add", keys / "alice.pem"], 2, "a private key"),
        (["add", keys / "missing.pub"], 1, "No such file"),
        (["add", keys / "alice.pub", "--name", "a/b"], 2, "a name is letters"),
        (["remove", "nobody"], 2, "names nobody"),
    ):
        done = run("trust", *arguments)
        assert (done.status, done.out) == (status, "")
        assert says in " ".join(done.err.split())
    assert run("trust", "list", "--json").json()["keys"] == []


def test_a_key_from_a_variable_signs_and_none_of_one_s_own_is_made(
    bundle: Path, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    BundleFile(bundle).sign(ALICE)
    monkeypatch.setenv("PRECOMPILE_KEY", "env:CI_KEY")
    assert run("merge", "-o", keys / "m", bundle).status == 2
    monkeypatch.setenv("CI_KEY", ALICE.to_pem().decode())
    assert run("merge", "-o", keys / "m", bundle).status == 0
    assert run("verify", keys / "m", "--trust", keys / "alice.pub").status == 0
    done = run("run", "--bundle", keys / "b", "-c", SHOW)
    assert Settings.read({"PRECOMPILE_RUN": done.out}).key == "env:CI_KEY"
    assert not (keys / "config").exists()


def test_run_takes_its_options_from_variables(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust = os.pathsep.join(str(keys / f"{name}.pub") for name in ("alice", "bob"))
    monkeypatch.setenv("PRECOMPILE_TRUST", trust)
    monkeypatch.setenv("PRECOMPILE_READ_ONLY", "1")
    monkeypatch.setenv("PRECOMPILE_REPORT", str(tmp_path / "report.json"))
    done = run("run", "--bundle", tmp_path / "b", "-c", SHOW)
    settings = Settings.read({"PRECOMPILE_RUN": done.out})
    assert settings.read_only
    assert settings.report == str(tmp_path / "report.json")
    assert settings.trust is not None
    assert len(settings.trust) == 2
    automatic = Settings.read({**os.environ, "PRECOMPILE_CACHE": "b", "PRECOMPILE_KEY": "k.pem"})
    assert (automatic.trust, automatic.report) == (settings.trust, settings.report)
    assert (automatic.read_only, automatic.precompile, automatic.key) == (True, True, "k.pem")
    monkeypatch.setenv("PRECOMPILE_READ_ONLY", "0")
    assert not Settings.read({**os.environ, "PRECOMPILE_CACHE": "b"}).read_only


def test_run_refuses_a_key_that_cannot_sign_before_the_program_runs(
    keys: Path, tmp_path: Path
) -> None:
    for key, status in (("alice.pub", 2), ("none.pem", 1)):
        done = run("run", "--bundle", tmp_path / "b", "--key", keys / key, "-c", "print('ran')")
        assert (done.status, done.out) == (status, "")
    done = run("run", "--unsigned", "--key", keys / "alice.pem", "-c", "print('ran')")
    assert (done.status, done.out) == (2, "")
