"""The layout of stores, by cases that were written without the reference."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from buildgrid.common.protos.build.bazel.remote.execution.v2 import (
    remote_execution_pb2 as reapi,
)

from precompile_context import UNSIGNED, Bundle
from precompile_context.stores import open_store
from precompile_context.stores.registry import manifests
from tests.fake_build_cache import fake_build_cache
from tests.stores import read

CASES = Path(__file__).parents[2] / "conformance_tests" / "stores" / "cases"
NAMES = sorted(path.name for path in CASES.iterdir())


def expected(case: str) -> Any:
    return json.loads((CASES / case / "expected.json").read_text())


def current(bundle: Bundle | None) -> list[str]:
    return sorted(stored.key for stored in bundle.current().values()) if bundle else []


@pytest.mark.parametrize("case", [name for name in NAMES if (CASES / name / "store").exists()])
def test_a_store_is_read_as_the_case_says(case: str) -> None:
    wanted = expected(case)
    reading = read(open_store(f"file:{CASES / case / 'store'}"))
    assert [piece.name for piece in reading.pieces] == wanted["pieces"]
    assert sorted(left.piece for left in reading.left_out) == wanted["left_out"]
    digest = reading.bundle.digest.hex() if reading.bundle else None
    assert digest == wanted["bundle_digest"]
    assert current(reading.bundle) == wanted["keys"]


@pytest.mark.parametrize("case", [n for n in NAMES if (CASES / n / "manifest.json").exists()])
def test_a_registry_s_manifest_is_read_as_the_case_says(case: str) -> None:
    wanted = expected(case)
    found = manifests.decode((CASES / case / "manifest.json").read_bytes(), "the manifest").pieces
    assert sorted(found) == wanted["pieces"]
    data = b""
    for name in sorted(found):
        for layer in found[name]:
            blob = (CASES / case / "blobs" / layer.digest.removeprefix("sha256:")).read_bytes()
            assert hashlib.sha256(blob).hexdigest() == layer.digest.removeprefix("sha256:")
            assert len(blob) == layer.size
            data += blob
    bundle = Bundle.open(data, policy=UNSIGNED)
    assert bundle.digest.hex() == wanted["bundle_digest"]
    assert current(bundle) == wanted["keys"]


@pytest.mark.parametrize("case", [n for n in NAMES if (CASES / n / "entries.json").exists()])
def test_a_build_cache_is_read_as_the_case_says(case: str) -> None:
    wanted = expected(case)
    with fake_build_cache() as (cache, host):
        for one in json.loads((CASES / case / "entries.json").read_text()):
            result = reapi.ActionResult(stdout_raw=one["stdout"].encode())
            for file in one["files"]:
                digest = reapi.Digest(hash=file["hash"], size_bytes=file["size"])
                result.output_files.add(path=file["path"], digest=digest)
            cache.entries[one["action"]["hash"], one["action"]["size"]] = result
        for path in (CASES / case / "blobs").iterdir():
            cache.blobs[path.name] = path.read_bytes()
        reading = read(open_store(f"reapi://{host}/train"))
    assert [piece.name for piece in reading.pieces] == wanted["pieces"]
    assert [left.piece for left in reading.left_out] == wanted["left_out"]
    assert reading.bundle
    assert reading.bundle.digest.hex() == wanted["bundle_digest"]
    assert current(reading.bundle) == wanted["keys"]


def test_the_cases_are_what_their_builder_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from stores import write

    monkeypatch.setattr(write, "CASES", tmp_path)
    write.main()
    there = {path.relative_to(CASES): path.read_bytes() for path in CASES.rglob("*.*")}
    assert {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*.*")} == there
