"""Segments as they are written, read back by generated code and by the reader."""

import dataclasses
import hashlib
import os
import subprocess
import sys
from typing import Any

import pytest

from precompile.v1 import artifact_pb2, bundle_pb2
from precompile_context import ArtifactId, ArtifactKind
from precompile_context.bundle import (
    Bundle,
    Chain,
    Limits,
    Producer,
    SegmentWriter,
    batch,
    packing,
    runs,
)
from precompile_context.bundle.batch import Batch, NewArtifact, hashed_ahead
from precompile_context.bundle.framing import FOOTER_SIZE, HEADER
from precompile_context.bundle.runs import split
from precompile_context.context.held import Held
from precompile_context.environment import Match, Requirement
from precompile_context.trust import UNSIGNED
from precompile_context.version import __version__
from tests.toys import BLOB, GRAPH, STEP, bundle_contents, new_artifact, noise, write_segment

ONE = new_artifact("one", b"first content")
TWO = new_artifact("two", b"second content")


def _parsed(data: bytes) -> tuple[bundle_pb2.Bundle, list[bundle_pb2.Manifest]]:
    """The whole bundle with one call of generated code, and its manifests."""
    bundle = bundle_pb2.Bundle.FromString(data)
    return bundle, [bundle_pb2.Manifest.FromString(e.payload) for e in bundle.manifest]


def test_a_segment_is_one_valid_protobuf_bundle() -> None:
    data = write_segment(ONE, TWO)
    bundle, (manifest,) = _parsed(data)
    assert bundle.SerializeToString() == data
    assert (len(bundle.header), len(bundle.block), len(bundle.footer)) == (1, 1, 1)
    assert bundle.manifest[0].payload_type == "application/vnd.precompile.manifest.v1+protobuf"
    assert not bundle.manifest[0].signatures
    assert list(manifest.artifacts.key) == ["one", "two"]


def test_the_last_chunk_and_it_alone_is_the_footer() -> None:
    chunks = [bytes(chunk) for chunk in SegmentWriter(Chain()).chunks([ONE])]
    assert chunks[0] == HEADER
    assert len(chunks[-1]) == FOOTER_SIZE
    (footer,) = bundle_pb2.Bundle.FromString(chunks[-1]).footer
    assert footer.segment_size == sum(map(len, chunks))
    assert not bundle_pb2.Bundle.FromString(b"".join(chunks[:-1])).footer


def test_block_sizes_lead_from_the_header_to_the_manifest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 1000)
    data = write_segment(*(new_artifact(f"k{i}", noise(400 + i, i)) for i in range(20)))
    bundle, (manifest,) = _parsed(data)
    assert len(manifest.blocks) == len(bundle.block) == 10
    at = len(HEADER)
    for entry, block in zip(manifest.blocks, bundle.block, strict=True):
        assert bundle_pb2.Bundle.FromString(data[at : at + entry.size]).block == [block]
        assert entry.digest == hashlib.sha256(block.data).digest()
        at += entry.size
    assert at == bundle.footer[0].manifest_offset


def test_a_segment_of_nothing_reads_back() -> None:
    data = write_segment()
    assert bundle_contents(data) == {}
    assert len(data) < 200


def test_artifacts_keep_their_order_and_all_that_is_said_of_them() -> None:
    backend = ArtifactId(GRAPH, "g", hashlib.sha256(b"graph").digest())
    entry = new_artifact(
        "s", b"step", type=STEP, kind=ArtifactKind.ENTRY, backends=(backend,),
        a=True, b=1, c=1.5, d="é", e=b"\xff",
    )  # fmt: skip
    graph = new_artifact("g", b"graph", type=GRAPH, kind=ArtifactKind.BACKEND)
    later = new_artifact("z", b"", type="later.kind", kind=9)
    bundle = Bundle.open(write_segment(entry, later, graph), policy=UNSIGNED)
    stored = list(bundle.current().values())
    assert [(s.type, s.key, s.kind) for s in stored] == [
        (STEP, "s", ArtifactKind.ENTRY),
        ("later.kind", "z", 9),
        (GRAPH, "g", ArtifactKind.BACKEND),
    ]
    assert stored[0].backends == (backend,)
    assert [(n, type(v), v) for n, v in stored[0].fields] == [
        ("a", bool, True),
        ("b", int, 1),
        ("c", float, 1.5),
        ("d", str, "é"),
        ("e", bytes, b"\xff"),
    ]


def test_manifest_names_requirements_producer_and_removed() -> None:
    requirement = Requirement("cpu", Match.SUPERSET, ("avx2", "fma"))
    chunks = SegmentWriter(
        Chain(), requirements=(requirement,), producer=Producer("toy", "7")
    ).chunks([], (ArtifactId(BLOB, "gone", b"\0" * 32),))
    data = b"".join(chunks)
    (manifest,) = _parsed(data)[1]
    assert (manifest.producer.name, manifest.producer.version) == ("toy", "7")
    assert not manifest.required_features
    assert manifest.removed == [artifact_pb2.ArtifactId(type=BLOB, key="gone")]
    assert Bundle.open(data, policy=UNSIGNED).segments[0].manifest.requirements == (requirement,)


def test_the_producer_is_this_distribution_by_default() -> None:
    producer = Bundle.open(write_segment(), policy=UNSIGNED).segments[0].manifest.producer
    assert producer == Producer("precompile-context", __version__)


def test_equal_content_is_stored_once_in_a_segment() -> None:
    content = noise(5000)
    once = write_segment(new_artifact("a", content))
    thrice = write_segment(*(new_artifact(key, content) for key in "abc"))
    assert len(thrice) < len(once) + 300
    assert set(bundle_contents(thrice).values()) == {content}


def test_empty_content_has_the_first_place_and_needs_no_block() -> None:
    data = write_segment(new_artifact("empty"))
    bundle, (manifest,) = _parsed(data)
    assert not bundle.block
    assert _places(manifest.artifacts) == {"empty": (0, 0, 0)}
    assert bundle_contents(data) == {(BLOB, "empty"): b""}


def test_columns_have_a_row_for_each_artifact() -> None:
    """What each column says is what a reader finds, empty contents among others included."""
    artifacts = [ONE, new_artifact("empty"), TWO, new_artifact("again", b"first content")]
    data = write_segment(*artifacts)
    _, (manifest,) = _parsed(data)
    table = manifest.artifacts
    assert table.content_digest == b"".join(artifact.digest for artifact in artifacts)
    assert _places(table) == {
        "one": (0, 0, 13), "empty": (0, 0, 0), "two": (0, 13, 14), "again": (0, 0, 13),
    }  # fmt: skip
    assert [(type_.name, type_.kind) for type_ in table.types] == [(BLOB, 1)]
    assert list(table.type) == [0, 0, 0, 0]
    assert not table.details


def test_types_are_listed_as_artifacts_first_have_them_and_details_of_those_that_have_any() -> None:
    def fields(number: int) -> dict[str, Any]:
        return {"x": number} if number % 3 else {}

    pairs = [(GRAPH, 2), (BLOB, 1), (GRAPH, 2), (BLOB, 9), (BLOB, 1)]
    artifacts = [
        new_artifact(f"k{number}", type=type_name, kind=kind, **fields(number))
        for number, (type_name, kind) in enumerate(pairs)
    ]
    _, (manifest,) = _parsed(write_segment(*artifacts))
    table = manifest.artifacts
    assert [(type_.name, type_.kind) for type_ in table.types] == [(GRAPH, 2), (BLOB, 1), (BLOB, 9)]
    assert list(table.type) == [0, 1, 0, 2, 1]
    assert [detail.artifact for detail in table.details] == [1, 2, 4]
    assert [detail.attributes[0].int_value for detail in table.details] == [1, 2, 4]


def test_a_manifest_is_written_packed_and_with_fields_in_order() -> None:
    """PCB-DET-003: what generated code makes of it deterministically is what is there."""
    data = write_segment(*(new_artifact(f"k{n}", b"%d" % n * 100, x=n) for n in range(300)))
    bundle, (manifest,) = _parsed(data)
    assert bundle.manifest[0].payload == manifest.SerializeToString(deterministic=True)
    assert len(manifest.artifacts.type) == 300
    numbers = manifest.artifacts.SerializeToString().count(b"\x10\x00")  # a column unpacked
    assert numbers < 300


def _places(table: artifact_pb2.ArtifactTable) -> dict[str, tuple[int, int, int]]:
    """Block, offset and size of each content by its key."""
    rows = zip(table.block, table.offset, table.content_size, strict=True)
    return dict(zip(table.key, rows, strict=True))


def test_content_of_several_blocks_runs_over_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 1000)
    content = b"0123456789" * 250
    data = write_segment(ONE, new_artifact("large", content), TWO)
    _, (manifest,) = _parsed(data)
    block, offset, size = _places(manifest.artifacts)["large"]
    run = [entry.content_size for entry in manifest.blocks[block : block + 3]]
    assert (offset, size, run) == (0, 2500, [1000, 1000, 500])
    assert bundle_contents(data)[BLOB, "large"] == content


def test_content_of_the_size_of_a_block_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 1000)
    for size, blocks in ((999, 1), (1000, 1), (1001, 2), (2000, 2), (2001, 3)):
        data = write_segment(new_artifact("a", noise(size)))
        assert len(_parsed(data)[1][0].blocks) == blocks
        assert bundle_contents(data)[BLOB, "a"] == noise(size)


def test_a_later_segment_refers_to_the_content_of_an_earlier_one() -> None:
    content = noise(5000)
    chain = Chain()
    first = write_segment(new_artifact("a", content), ONE, chain=chain)
    second = write_segment(new_artifact("b", content), TWO, chain=chain)
    _, (before, manifest) = _parsed(first + second)
    assert len(second) < 500
    assert (
        manifest.previous_manifest_digest
        == Bundle.open(first, policy=UNSIGNED).segments[0].payload_digest
    )
    external = [entry for entry in manifest.blocks if not entry.size]
    assert [(e.digest, e.compression, e.content_size) for e in external] == [
        (e.digest, e.compression, e.content_size) for e in before.blocks
    ]
    assert bundle_contents(first + second) == {
        (BLOB, "a"): content,
        (BLOB, "one"): b"first content",
        (BLOB, "b"): content,
        (BLOB, "two"): b"second content",
    }


def test_external_blocks_are_listed_once_however_many_artifacts_lie_in_them() -> None:
    chain = Chain()
    first = write_segment(ONE, TWO, chain=chain)
    again = [dataclasses.replace(a, key=f"again {a.key}") for a in (ONE, TWO)]
    second = write_segment(*again, chain=chain)
    _, (_, manifest) = _parsed(first + second)
    assert [entry.size for entry in manifest.blocks] == [0]


def test_content_of_several_blocks_is_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 1000)
    content = noise(2500)
    chain = Chain()
    data = write_segment(new_artifact("a", content), chain=chain)
    data += write_segment(new_artifact("b", content), chain=chain)
    data += write_segment(new_artifact("c", content), chain=chain)
    assert len(data) < 2500 + 3 * 500
    assert bundle_contents(data)[BLOB, "c"] == content


def test_the_chain_is_extended_only_after_the_footer_was_taken() -> None:
    chain = Chain()
    chunks = SegmentWriter(chain).chunks([ONE])
    for chunk in chunks:
        assert chain.previous_digest == b""
        assert chain.find(ONE.digest) is None
        last = chunk
    assert len(last) == FOOTER_SIZE
    assert chain.previous_digest != b""
    assert chain.find(ONE.digest)


SCRIPT = """
import sys
from tests.toys import new_artifact, write_segment
artifacts = [new_artifact(f"k{i}", b"content %d" % i * i, b=i, a="x", c=b"y") for i in range(50)]
sys.stdout.buffer.write(write_segment(*artifacts))
"""


@pytest.mark.slow
@pytest.mark.runtimes
def test_the_same_calls_give_the_same_bytes_in_every_process() -> None:
    """No clock, host, path, random number or hash order."""
    written = set()
    for seed in "12":
        environment = {
            **os.environ,
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True
        )
        written.add(done.stdout)
    assert len(written) == 1


def test_split_gives_one_run_where_all_fits_and_where_there_is_nothing() -> None:
    gone = ArtifactId("test.blob", "gone")
    assert [(len(run), ids) for run, ids in split(Batch(), [])] == [(0, [])]
    ((run, ids),) = split(Batch.of([ONE, TWO]), [gone])
    assert (run.names, ids) == ([(BLOB, "one"), (BLOB, "two")], [gone])


def test_split_keeps_every_artifact_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 1000)
    artifacts = [new_artifact(f"k{i}", b"%d" % i, x=i) for i in range(50)]
    removed = [ArtifactId("test.blob", f"gone {i}") for i in range(100)]
    found = list(split(Batch.of(artifacts), removed))
    assert len(found) > 5
    written = [row for run, _ in found for row in zip(run.names, run.contents, strict=True)]
    assert written == [((BLOB, artifact.key), artifact.content) for artifact in artifacts]
    details = [run.details[row].fields for run, _ in found for row in range(len(run))]
    assert details == [artifact.fields for artifact in artifacts]
    assert [id_ for _, ids in found for id_ in ids] == removed
    emptied = [bool(ids) and bool(run.names) for run, ids in found]
    assert sum(emptied) <= 1  # removals before all that is added


def _many(index: int) -> NewArtifact:
    """Artifacts of all shapes: content of its own, backends, fields, long and short names."""
    backends = tuple(ArtifactId(GRAPH, f"backend {i}", bytes(32)) for i in range(index % 4))
    return new_artifact(
        f"key {index}" * (1 + index % 7),
        noise(index % 5 * 700, index),
        kind=ArtifactKind.ENTRY,
        backends=backends,
        text="é\x00" * index,
        number=-index,
        real=0.5,
        flag=True,
        data=bytes(index),
    )


def test_no_run_makes_a_manifest_past_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "MANIFEST_TARGET", 6000)
    monkeypatch.setattr(packing, "BLOCK_CONTENT", 600)
    monkeypatch.setattr(packing, "PROBE_SIZE", 1 << 30)
    for run, _ in split(Batch.of(_many(i) for i in range(150)), []):
        data = b"".join(SegmentWriter(Chain()).chunks(run))
        segment = Bundle.open(data, policy=UNSIGNED).segments[0]
        # Blocks of 600 bytes, where the estimate knows those of 8 MiB, and no chain's digest yet.
        entries = 60 * len(segment.manifest.blocks)
        assert segment.size - FOOTER_SIZE - segment.manifest_offset <= 6000 + entries + 200


@pytest.mark.parametrize("workers", [1, 3])
def test_digests_computed_ahead_change_neither_order_nor_bytes(
    monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    def artifacts() -> list[Held]:
        return [Held(BLOB, f"k{i}", ArtifactKind.CACHE, noise(200 * (i % 3), i)) for i in range(30)]

    plain = b"".join(SegmentWriter(Chain()).chunks(artifacts()))
    monkeypatch.setattr(batch, "PROBE_SIZE", 100)
    monkeypatch.setattr(batch, "WORKERS", workers)
    digests = [hashlib.sha256(noise(200 * (i % 3), i)).digest() for i in range(30)]
    rows = Batch.of(artifacts())
    assert list(hashed_ahead(rows)) == rows.digests == digests
    assert b"".join(SegmentWriter(Chain()).chunks(artifacts())) == plain


RATIO = 65_536  # bytes of content for each byte of the bundle


def _claims(data: bytes) -> tuple[int, int]:
    """What a bundle claims and what it may; each of its segments ends within that."""
    opened = Bundle.open(data, policy=UNSIGNED, limits=Limits(total_content=1 << 60))
    content = 0
    for segment in opened.segments:
        content += sum(segment.manifest.artifacts.content_size)
        assert content <= RATIO * (segment.offset + segment.size)
    return content, RATIO * len(data)


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_writer_stores_content_again_rather_than_claim_too_much() -> None:
    """200 times the same 8 MiB would be 1.6 GiB in 9 KiB."""
    content = bytes(8 << 20)
    for keys in (10, 200):
        data = write_segment(*(new_artifact(f"k{n}", content) for n in range(keys)))
        claimed, most = _claims(data)
        assert claimed == keys * len(content) <= most
        assert len(data) <= claimed // RATIO * 5 // 4 + 2000  # and no more often than it must
        opened = Bundle.open(data, policy=UNSIGNED)
        assert opened.read(opened.current()[BLOB, f"k{keys - 1}"]) == content


@pytest.mark.slow
@pytest.mark.runtimes
def test_a_later_segment_stores_content_again_rather_than_claim_too_much() -> None:
    """Of the whole bundle, at the end of each segment."""
    content, chain, data = bytes(8 << 20), Chain(), b""
    for number in range(40):
        data += write_segment(new_artifact(f"k{number}", content), chain=chain)
        _claims(data)
    assert len(bundle_contents(data)) == 40


def test_content_that_is_not_dense_is_never_stored_again() -> None:
    content = noise(1000)
    data = write_segment(*(new_artifact(f"k{n}", content) for n in range(2000)))
    (manifest,) = _parsed(data)[1]
    assert len(manifest.blocks) == 1
