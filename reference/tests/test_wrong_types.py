"""Every public call with what it does not take: a MisuseError, and nothing raw."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from precompile_context import (
    UNSIGNED,
    ArtifactId,
    Bundle,
    BundleFile,
    CacheInfo,
    Directory,
    DirectoryPrecompileCache,
    Environment,
    Limits,
    Match,
    MisuseError,
    PrecompileContext,
    PrecompileError,
    Producer,
    Registry,
    Requirement,
    SigningKey,
    TrustPolicy,
    VerifyingKey,
)
from precompile_context.files.merging import merge_files
from tests.signing import ALICE
from tests.toys import BLOB, HERE, Blob, blobs

PUBLIC = ALICE.verifying_key
WRONG: tuple[object, ...] = (
    *(None, True, -1, 5, 1 << 70, 1.5, float("nan"), "", "text", "a\0b", "\ud800", b"", b"bytes"),
    *(object(), int, lambda: 1, [], [None], ["x"], [["a"]], (1, 2), {}, {"a": 5}, {5}),
    *(Path("none"), ALICE, PUBLIC),
)
# Each call, and arguments that are right.
CALLS: dict[str, tuple[Callable[[], Callable[..., Any]], dict[str, Any]]] = {
    "PrecompileContext": (
        lambda: PrecompileContext,
        {"environment": HERE, "policy": UNSIGNED, "signer": ALICE, "registry": None},
    ),
    "register": (lambda: PrecompileContext(policy=UNSIGNED).register, {"cls": Blob}),
    "record": (lambda: blobs().record, {"artifact": Blob("k", b"1"), "backends": ()}),
    "record_artifact": (
        lambda: blobs().record_artifact,
        {"type": BLOB, "key": "k", "content": b"1", "backends": ()},
    ),
    "record_artifacts": (
        lambda: blobs().record_artifacts,
        {"type": BLOB, "artifacts": [("k", b"1")]},
    ),
    "lookup": (lambda: blobs(one=b"1").lookup, {"type": Blob, "key": "one"}),
    "remove": (lambda: blobs(one=b"1").remove, {"type": BLOB, "key": "one"}),
    "renew": (lambda: blobs(one=b"1").renew, {"type": BLOB, "key": "one"}),
    "load": (lambda: blobs().load, {"source": "bundle"}),
    "save_to": (lambda: blobs(one=b"1").save_to, {"sink": "new", "keep_existing": False}),
    "populate": (lambda: blobs(one=b"1").populate, {"cache": None}),
    "BundleFile": (
        lambda: BundleFile,
        {"path": "new", "limits": Limits(), "lock_seconds": 1.0},
    ),
    "BundleFile.open": (lambda: BundleFile("bundle").open, {"policy": UNSIGNED}),
    "BundleFile.sign": (lambda: BundleFile("bundle").sign, {"signer": ALICE}),
    "Bundle.open": (lambda: Bundle.open, {"source": b"", "policy": UNSIGNED}),
    "merge_files": (
        lambda: merge_files,
        {"output": "new", "inputs": ["bundle"], "policy": UNSIGNED, "signer": None},
    ),
    "TrustPolicy": (lambda: TrustPolicy, {"keys": [PUBLIC], "threshold": 1}),
    "SigningKey": (lambda: SigningKey.from_pem, {"pem": ALICE.to_pem(), "passphrase": None}),
    "VerifyingKey": (lambda: VerifyingKey.from_pem, {"pem": PUBLIC.to_pem()}),
    "Environment": (lambda: Environment, {"facts": {"cpu": ["a"]}}),
    "Environment.of": (lambda: Environment.of, {"cpu": "a"}),
    "Requirement": (
        lambda: Requirement,
        {"name": "cpu", "match": Match.EXACT, "values": ("a",)},
    ),
    "ArtifactId": (lambda: ArtifactId, {"type": BLOB, "key": "k", "content_digest": b""}),
    "Registry": (lambda: Registry().register, {"cls": Blob}),
    "Limits": (lambda: Limits, {"signatures": 5, "segments": 5}),
    "Producer": (lambda: Producer, {"name": "a", "version": "b"}),
    "Directory": (lambda: Directory, {"path": "cache", "max_bytes": 5, "max_age": 1.0}),
    "DirectoryPrecompileCache": (
        lambda: DirectoryPrecompileCache,
        {"directory": Directory("cache"), "registry": Registry(), "policy": UNSIGNED},
    ),
    "CacheInfo": (lambda: CacheInfo, {"artifacts": {"a": ("b",)}}),
    "CacheArtifact": (lambda: Blob, {"key": "k", "content": b"1"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_argument_is_a_mistake_that_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    blobs(one=b"1").save_to("bundle")
    get, right = CALLS[name]
    assert right.keys() <= _parameters(get()), "no such parameter"
    faults = []
    for parameter in right:
        for wrong in WRONG:
            Path("new").unlink(missing_ok=True)
            try:
                get()(**{**right, parameter: wrong})
            except (MisuseError, PrecompileError, OSError):
                continue  # a path may be right, and lead to nothing
            except Exception as error:
                faults.append(f"{parameter}={wrong!r:.40}: {type(error).__name__}: {error!s:.80}")
    assert not faults, "\n".join(faults)


def _parameters(call: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(call).parameters
    some = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return {*parameters, *(("cpu",) if some else ())}
