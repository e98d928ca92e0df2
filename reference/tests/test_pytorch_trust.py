"""Whose bundles a warm start applies, in one process with torch, without compiling."""

import os
import pickle
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, BundleFile, PrecompileContext, SigningKey, TrustPolicy
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch import session
from precompile_context.bundle import Bundle
from precompile_context.files import local_key
from precompile_context.session import appending
from precompile_context.trust import Signer, Verifier
from tests import test_pytorch_session
from tests.signing import ALICE, BOB, MALLORY, trusts
from tests.test_pytorch_session import candidates, files, graph, lines, record

pytestmark = pytest.mark.torch
# Fixtures of those tests; pytest finds them by their names.
cache, bundle = test_pytorch_session.cache, test_pytorch_session.bundle
fresh_torch_records = test_pytorch_session.fresh_torch_records


class Exploit:
    """Unpickled, it leaves a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty config directory."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


def made_by(signer: Signer | None, path: Path, key: str = "f1", content: bytes = b"") -> None:
    """Append a graph of this host, signed by `signer`, to the file."""
    context = PrecompileContext(
        environment=pytorch.host_environment(), policy=UNSIGNED, signer=signer
    )
    with pytorch.capture(context):
        record("inductor", key, content or graph(None, 1.0))
    context.save_to(BundleFile(path))


def signers(path: Path, *keys: SigningKey) -> list[frozenset[str]]:
    """For each segment the keyids of those of the keys that signed it."""
    opened = Bundle.open(path.read_bytes(), policy=UNSIGNED)
    return [trusts(*keys).signers(opened.envelope(segment)) for segment in opened.segments]


def test_what_a_session_writes_is_signed_with_the_user_s_key_and_applied_by_the_next(
    cache: Path, bundle: Path, config: Path
) -> None:
    with pytorch.warm_start(bundle):
        record("inductor", "f1", graph(None, 1.0))
    own = local_key(make=False)
    assert own is not None
    assert signers(bundle, own) == [{own.keyid}]
    with pytorch.warm_start(bundle) as report:
        pass
    assert len(report.loaded) == 1


@pytest.mark.parametrize("signer", [None, MALLORY], ids=["unsigned", "a_stranger_s"])
def test_a_stranger_s_bundle_is_not_applied_not_extended_and_one_line_says_what_to_do(
    signer: SigningKey | None,
    cache: Path,
    bundle: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    made_by(signer, bundle, content=pickle.dumps(Exploit(tmp_path / "pwned")))
    before = bundle.read_bytes()
    with pytorch.warm_start(bundle) as report:
        record("inductor", "f2", graph(None, 1.0))
        assert not files(cache)
        assert candidates("f1") == []
    assert (report.matched, report.applied, report.loaded) == (False, [], {})
    assert bundle.read_bytes() == before
    assert not (tmp_path / "pwned").exists()
    (line,) = lines(caplog)
    assert "the program runs cold: UN" in line
    for way in ("--trust KEY.pub", "precompile sign", "--unsigned"):
        assert way in line
    assert MALLORY.keyid in line or signer is None


def test_a_foreign_segment_makes_all_of_one_s_own_bundle_cold(
    cache: Path, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytorch.warm_start(bundle):
        record("inductor", "f1", graph(None, 1.0))
    made_by(MALLORY, bundle, "f2")
    with pytorch.warm_start(bundle) as report:
        assert not files(cache)
    assert report.loaded == {}
    (line,) = lines(caplog)
    assert "segment 1" in line
    assert MALLORY.keyid in line


@pytest.mark.parametrize("trust", [[ALICE.verifying_key], "policy"], ids=["keys", "policy"])
def test_a_trusted_signer_s_bundle_is_applied_and_extended_by_one_s_own(
    trust: list[Verifier] | str, cache: Path, bundle: Path, config: Path
) -> None:
    made_by(ALICE, bundle)
    own = local_key()
    assert own is not None
    keys = trusts(ALICE, own) if isinstance(trust, str) else trust
    with pytorch.warm_start(bundle, trust=keys) as report:
        assert len(report.loaded) == 1
        record("inductor", "f2", graph(None, 1.0))
    assert signers(bundle, ALICE, own) == [{ALICE.keyid}, {own.keyid}]
    with pytorch.warm_start(bundle, trust=keys) as report:
        assert len(report.loaded) == 2


def test_a_signer_of_one_s_own_signs_and_is_trusted(
    cache: Path, bundle: Path, config: Path
) -> None:
    for count in (0, 1):
        with pytorch.warm_start(bundle, signer=BOB) as report:
            record("inductor", "f1", graph(None, 1.0))
        assert len(report.loaded) == count
    assert signers(bundle, BOB) == [{BOB.keyid}]
    assert not config.exists()  # no other key was needed


def test_unsigned_neither_checks_nor_signs_nor_makes_a_key(
    cache: Path, bundle: Path, config: Path
) -> None:
    made_by(MALLORY, bundle)
    with pytorch.warm_start(bundle, trust=UNSIGNED) as report:
        assert len(report.loaded) == 1
        record("inductor", "f2", graph(None, 1.0))
    assert signers(bundle, MALLORY) == [{MALLORY.keyid}, frozenset()]
    assert not config.exists()


def test_a_policy_that_refuses_what_would_be_appended_costs_the_saving_alone(
    cache: Path, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would make the file one that the next start refuses."""
    made_by(ALICE, bundle)
    before = bundle.read_bytes()
    with pytorch.warm_start(bundle, trust=trusts(ALICE)) as report:
        record("inductor", "f2", graph(None, 1.0))
    assert len(report.loaded) == 1
    assert bundle.read_bytes() == before
    (line,) = lines(caplog)
    assert "not saved: its own policy would refuse" in line


def test_reading_alone_makes_no_key(cache: Path, bundle: Path, config: Path) -> None:
    made_by(ALICE, bundle)
    with pytorch.warm_start(bundle, read_only=True, trust=[ALICE.verifying_key]) as report:
        assert len(report.loaded) == 1
    assert not config.exists()


def test_a_config_directory_that_cannot_be_written_costs_the_saving_alone(
    cache: Path, bundle: Path, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    made_by(ALICE, bundle)
    before = bundle.read_bytes()
    config.write_text("a file stands where the directory should be")
    with pytorch.warm_start(bundle, trust=[ALICE.verifying_key]) as report:
        record("inductor", "f2", graph(None, 1.0))
    assert len(report.loaded) == 1
    assert bundle.read_bytes() == before
    (line,) = lines(caplog)
    assert "not saved: no key of this user's own: " in line
    assert str(config) in line
    assert "set XDG_CONFIG_HOME" in line


def test_without_a_key_and_without_trust_the_program_runs_cold(
    cache: Path, bundle: Path, config: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config.write_text("as above")
    made_by(None, bundle)
    with pytorch.warm_start(bundle) as report:
        assert not files(cache)
    assert report.matched is False
    assert len(lines(caplog)) == 2


def test_a_world_writable_cache_directory_is_neither_filled_nor_recorded_from(
    cache: Path, bundle: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What another user put there would come to be signed with this user's key."""
    with pytorch.warm_start(bundle):
        record("inductor", "f1", graph(None, 1.0))
    before = bundle.read_bytes()
    for path in sorted(cache.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    cache.chmod(0o777)
    with pytorch.warm_start(bundle) as report:
        record("inductor", "f2", graph(None, 1.0))
    assert report.loaded == {}
    assert not files(cache)
    assert bundle.read_bytes() == before
    (line,) = lines(caplog)
    assert "everyone may write to the directory" in line
    assert str(cache) in line


def test_a_cache_directory_behind_another_user_s_link_is_refused(
    cache: Path, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tmp_path / "real"
    real.mkdir(mode=0o700)
    cache.symlink_to(real)
    with pytorch.warm_start(bundle) as report:  # one's own link is a way like any other
        assert report.reason is None
    if os.getuid():
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    else:
        os.lchown(cache, 12345, -1)
    with pytorch.warm_start(bundle) as report:
        pass
    assert report.reason is not None
    assert "another user's symbolic link" in report.reason


def test_a_run_s_own_segments_are_folded_and_signed_and_a_trusted_one_s_stay(
    cache: Path, bundle: Path, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_by(ALICE, bundle, "f0")
    kept = bundle.read_bytes()
    monkeypatch.setattr(appending, "MANY_SEGMENTS", 3)
    running = session.WarmStart(bundle, trust=[ALICE.verifying_key])
    running.start()
    for number in range(1, 6):
        record("inductor", f"f{number}", graph(None, number))
        running._session.parts[0].save()
    running.stop()
    own = local_key()
    assert own is not None
    assert bundle.read_bytes()[: len(kept)] == kept
    assert signers(bundle, ALICE, own) == [{ALICE.keyid}, {own.keyid}]
    assert len(Bundle.open(bundle.read_bytes(), policy=trusts(ALICE, own)).current()) == 6


def test_a_policy_takes_verifiers_of_any_kind(cache: Path, bundle: Path) -> None:
    class Kms:
        keyid = "kms://key/1"

        def sign(self, message: bytes) -> bytes:
            return ALICE.sign(message)

        def verify(self, signature: bytes, message: bytes) -> bool:
            return ALICE.verifying_key.verify(signature, message)

    for count in (0, 1):
        with pytorch.warm_start(bundle, trust=TrustPolicy([Kms()]), signer=Kms()) as report:
            record("inductor", "f1", graph(None, 1.0))
        assert len(report.loaded) == count
