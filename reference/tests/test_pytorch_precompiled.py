"""Pairs of files that torch.compiler.precompile writes, in a bundle with what they need."""

import hashlib
import os
from pathlib import Path

import pytest

from precompile_context import (
    UNSIGNED,
    BundleFile,
    Environment,
    ErrorCode,
    MemoryPrecompileCache,
    MisuseError,
    PrecompileContext,
)
from precompile_context.adapters import pytorch
from precompile_context.adapters.pytorch import PrecompiledCache, PrecompiledCode, precompiled
from precompile_context.trust import SigningKey, TrustPolicy
from tests.forking import Interpreters
from tests.programs import QUICK, Programs, empty_caches, finished
from tests.test_cli import run as cli
from tests.torch_pairs import QUIET, needs_pairs
from tests.toys import refused

pytestmark = pytest.mark.torch

EXAMPLE = Path(__file__).parents[2] / "examples/precompiled_function.py"
HOST = Environment.of(torch__key="of this host")
CODE = b"def forward(x):\n    return x\n"
CACHE = b"envelope " + hashlib.sha256(CODE).hexdigest().encode()


def context(
    environment: Environment = HOST,
    policy: TrustPolicy = UNSIGNED,
    signer: SigningKey | None = None,
) -> PrecompileContext:
    return PrecompileContext(environment=environment, policy=policy, signer=signer)


def pair(place: Path, code: bytes = CODE, cache: bytes = CACHE) -> tuple[Path, Path]:
    """As torch writes one, with less in it."""
    paths = place / "code.py", place / "cache"
    for path, content in zip(paths, (code, cache), strict=True):
        path.write_bytes(content)
    return paths


def stitched(loaded: PrecompileContext) -> MemoryPrecompileCache:
    functions = MemoryPrecompileCache()
    loaded.populate(functions)
    return functions


def test_pair_comes_out_of_a_bundle_as_it_was(tmp_path: Path) -> None:
    bundle, paths = tmp_path / "b.precompile", pair(tmp_path)
    recorded = context()
    pytorch.record_precompiled(recorded, "step", *paths)
    recorded.save_to(bundle)
    there = context()
    there.load(bundle)
    entry = stitched(there).read(PrecompiledCode.TYPE, "step")
    assert entry is not None
    assert (entry.entry.content, entry.values) == (CODE, (CACHE,))
    for cls, content in ((PrecompiledCode, CODE), (PrecompiledCache, CACHE)):
        out = tmp_path / "out"
        assert cli("extract", bundle, cls.TYPE, "step", "-o", out).status == 0
        assert out.read_bytes() == content


def test_files_of_two_captures_are_refused(tmp_path: Path) -> None:
    paths = pair(tmp_path, code=CODE + b"# of another capture")
    recorded = context()
    with refused(ErrorCode.DIGEST_MISMATCH) as error:
        pytorch.record_precompiled(recorded, "step", *paths)
    assert "they are not of one capture" in error.value.detail
    assert not recorded.current()


def test_context_that_knows_no_torch_takes_no_pair(tmp_path: Path) -> None:
    with pytest.raises(MisuseError, match="host_environment"):
        pytorch.record_precompiled(context(Environment()), "step", *pair(tmp_path))


@pytest.mark.parametrize("missing", ["cache", "both"])
def test_code_without_its_cache_is_never_loaded(missing: str, tmp_path: Path) -> None:
    recorded = context()
    pytorch.record_precompiled(recorded, "step", *pair(tmp_path))
    recorded.remove(PrecompiledCache, "step")
    if missing == "both":
        recorded.remove(PrecompiledCode, "step")
    with pytest.raises(KeyError):
        pytorch.load_precompiled(stitched(recorded), "step")


def test_entry_that_names_no_cache_is_refused() -> None:
    recorded = context()
    recorded.register(PrecompiledCode)
    recorded.record(PrecompiledCode("step", CODE))
    with refused(ErrorCode.APPLY_FAILED):
        pytorch.load_precompiled(stitched(recorded), "step")


def test_torch_that_knows_no_pairs_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precompiled, "_MODULE", "torch.compiler.of_old")
    recorded = context()
    pytorch.record_precompiled(recorded, "step", *pair(tmp_path))
    with pytest.raises(pytorch.UnsupportedTorchError, match=r"it has no torch\.compiler\.of_old"):
        pytorch.load_precompiled(stitched(recorded), "step")


def test_pair_of_a_stranger_or_of_another_host_is_refused(tmp_path: Path) -> None:
    key = SigningKey.generate()
    mine = TrustPolicy([key.verifying_key])
    recorded = context(policy=mine, signer=key)
    pytorch.record_precompiled(recorded, "step", *pair(tmp_path))
    bundle = tmp_path / "b.precompile"
    recorded.save_to(bundle)
    others = TrustPolicy([SigningKey.generate().verifying_key])
    with refused(ErrorCode.UNTRUSTED_SIGNER):
        context(policy=others).load(bundle)
    with refused(ErrorCode.INCOMPATIBLE_ENVIRONMENT):
        context(Environment.of(torch__key="of another"), mine).load(bundle)
    context(policy=mine).load(bundle)


@needs_pairs
def test_captured_function_is_loaded_where_there_is_no_compiler(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    """No file of torch's is left, and no compiler."""
    command = [str(EXAMPLE), str(tmp_path / "step.precompile")]
    empty = str(tmp_path / "empty")
    cold, _ = finished(interpreters, command, tmp_path, empty_caches(tmp_path, **QUICK))
    environ = empty_caches(tmp_path, **QUICK, PATH=empty)
    warm = finished(interpreters, command, tmp_path, environ)
    assert cold.startswith("captured, result ")
    assert warm == (cold.replace("captured", "loaded"), "")


STARTED = f"""
import os, sys, torch
from precompile_context import UNSIGNED
from precompile_context.adapters import pytorch
{QUIET}

def square(x):
    return x @ x + 1

pair = {{"artifact_path": "code.py", "cache_path": "cache"}}
with pytorch.warm_start("b.precompile", trust=UNSIGNED) as report:
    if os.path.exists("cache"):
        result = torch.compiler.precompile.load(**pair)(torch.ones(4, 4))
    else:
        with torch.compiler.precompile.capture(square, **pair) as capture:
            result = capture(torch.ones(4, 4))
print(result.sum().item(), sum(type == "inductor_file" for type, _ in report.applied))
"""


@needs_pairs
def test_warm_start_serves_a_process_that_only_loads_a_pair(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    programs = Programs(tmp_path, interpreters)
    programs.write(program=STARTED)
    assert programs.plain().stdout == "80.0 0\n"
    warm = programs.plain(PATH=str(tmp_path / "empty"))
    assert (warm.stdout, warm.stderr) == ("80.0 1\n", "")


@needs_pairs
def test_run_serves_a_process_that_only_loads_a_pair_of_a_bundle(
    tmp_path: Path, interpreters: Interpreters
) -> None:
    """The bundle of the run is the one that the pair is in: neither is in the other's way."""
    programs = Programs(tmp_path, interpreters)
    bundle = tmp_path / "b.precompile"
    arguments = [str(EXAMPLE), str(bundle)]
    finished(interpreters, arguments, tmp_path, empty_caches(tmp_path, **QUICK))
    for cls, name in ((PrecompiledCode, "code.py"), (PrecompiledCache, "cache")):
        assert cli("extract", bundle, cls.TYPE, "step", "-o", tmp_path / name).status == 0
    before = BundleFile(bundle).open(policy=UNSIGNED).current()
    programs.write(
        program=f"import torch\n{QUIET}\n"
        "step = torch.compiler.precompile.load('code.py', 'cache')\n"
        "model, x = torch.nn.Linear(8, 8), torch.ones(8, 8)\n"
        "print(step(model, x).shape[0])"
    )
    options = ["--precompile", "--unsigned"]
    ran = programs.run(*options, PATH=os.fspath(tmp_path / "empty"))
    assert (ran.stdout, ran.stderr) == ("8\n", "")
    assert ran.report["kernels"]["built"] == 0
    assert ran.report["artifacts"]["refused"] == []
    assert before.keys() <= BundleFile(bundle).open(policy=UNSIGNED).current().keys()
