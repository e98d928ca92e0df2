"""Torch's own ways of keeping what it compiled, on our format."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from precompile_context import Environment
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch import stock
from precompile_context.trust import SigningKey, TrustPolicy
from tests.forking import Interpreters
from tests.programs import QUICK
from tests.toys import write_segment

pytestmark = pytest.mark.torch

EXAMPLE = Path(__file__).parents[2] / "examples/standalone_compile.py"

PROGRAM = """
import json, sys, torch
from pathlib import Path
from precompile_context.adapters.pytorch import load_cache_artifacts, save_cache_artifacts
from torch._dynamo.utils import counters

path = Path(sys.argv[1])
loaded = load_cache_artifacts(path.read_bytes()) if path.exists() else None

@torch.compile
def step(x, y):
    return (torch.sin(x) @ y).relu().sum()

x, y = torch.ones(8, 16, requires_grad=True), torch.ones(16, 4)
step(x, y).backward()
data, info = save_cache_artifacts()
path.write_bytes(data)
print(json.dumps({
    "result": x.grad.sum().item().hex(),
    "loaded": loaded and [loaded.inductor_artifacts, loaded.aot_autograd_artifacts],
    "saved": [info.inductor_artifacts, info.aot_autograd_artifacts],
    "misses": counters["inductor"]["fxgraph_cache_miss"]
        + counters["aot_autograd"]["autograd_cache_miss"],
}))
"""


def run(interpreters: Interpreters, command: list[str], place: Path, **variables: str) -> str:
    """In empty caches."""
    place.mkdir()
    caches = {"TORCHINDUCTOR_CACHE_DIR": str(place / "cache"), "TMPDIR": str(place)}
    done = interpreters.run(command, env={**os.environ, **QUICK, **caches, **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_saved_is_loaded_without_a_compiler_and_saved_again(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    saved = tmp_path / "saved"
    command = ["-c", PROGRAM, str(saved)]
    cold: dict[str, Any] = json.loads(run(interpreters, command, tmp_path / "cold"))
    assert (cold["loaded"], cold["misses"] > 0) == (None, True)
    assert [len(keys) for keys in cold["saved"]] == [2, 1]
    warm = json.loads(run(interpreters, command, tmp_path / "warm", PATH=str(tmp_path / "empty")))
    assert (warm["misses"], warm["result"]) == (0, cold["result"])
    assert [sorted(keys) for keys in warm["loaded"]] == [sorted(keys) for keys in cold["saved"]]
    first = saved.read_bytes()
    again = json.loads(run(interpreters, command, tmp_path / "again", PATH=str(tmp_path / "empty")))
    assert (again["misses"], again["loaded"]) == (0, warm["loaded"])
    assert saved.read_bytes() == first  # nothing was new


def test_an_engine_that_compiles_its_pieces_finds_them_in_a_bundle(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    command = [str(EXAMPLE), str(tmp_path / "engine.precompile")]
    cold = run(interpreters, command, tmp_path / "cold")
    assert cold.startswith("compiled 2, loaded 0, result ")
    warm = run(interpreters, command, tmp_path / "warm", PATH=str(tmp_path / "empty"))
    assert warm == cold.replace("compiled 2, loaded 0", "compiled 0, loaded 2")


def test_nothing_to_save_is_none() -> None:
    from torch.compiler._cache import CacheArtifactManager

    with CacheArtifactManager.with_fresh_cache():
        assert pytorch.save_cache_artifacts() is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "NOT_A_BUNDLE"),
        (write_segment(), "UNSIGNED"),
    ],
)
def test_what_is_not_to_be_used_is_none_and_a_warning(
    data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert pytorch.load_cache_artifacts(data) is None
    assert f"nothing is loaded: {reason}" in caplog.text


def test_another_environment_is_none_and_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    from precompile_context.trust import UNSIGNED

    elsewhere = Environment.of(os__name="Toy").requirements()
    assert (
        pytorch.load_cache_artifacts(write_segment(requirements=elsewhere), trust=UNSIGNED) is None
    )
    assert "os.name: needs {Toy}" in caplog.text


def test_a_policy_that_refuses_the_signer_saves_nothing() -> None:
    from torch.compiler._cache import CacheArtifactManager

    CacheArtifactManager._ensure_cache_artifacts_registered()
    policy = TrustPolicy([SigningKey.generate().verifying_key])
    with CacheArtifactManager.with_fresh_cache():
        CacheArtifactManager.record_artifact("inductor", "f1", b"graph")
        with pytest.raises(OSError, match="policy"):
            pytorch.save_cache_artifacts(trust=policy)


def test_loaded_libraries_are_told_from_what_else_is_mapped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    maps = tmp_path / "maps"
    maps.write_text(
        f"7f00-7f01 r-xp 00000000 fe:00 1    {tmp_path}/ab/c one.main.so\n"
        f"7f01-7f02 r--p 00000000 fe:00 1    {tmp_path}/ab/c one.main.so\n"
        f"7f02-7f03 r--p 00000000 fe:00 2    {tmp_path}/ab/data.bin\n"
        "7f03-7f04 r--p 00000000 fe:00 3    /usr/lib/libc.so\n"
        "7f04-7f05 rw-p 00000000 00:00 0 \n"
        "7f05-7f06 rw-p 00000000 00:00 0    [heap]\n"
    )
    monkeypatch.setattr(stock, "_MAPPINGS", maps)
    assert list(stock._loaded_from(tmp_path)) == [tmp_path / "ab/c one.main.so"]
    monkeypatch.setattr(stock, "_MAPPINGS", tmp_path / "none")
    assert list(stock._loaded_from(tmp_path)) == []
