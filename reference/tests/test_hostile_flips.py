"""Every single-bit flip of a small bundle, and random damage: refused, or harmless by proof."""

import re
import time
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from precompile.v1 import bundle_pb2
from precompile_conformance.build import (
    ZSTD,
    Artifact,
    Block,
    Segment,
    bundle,
    default_blocks,
)
from precompile_conformance.wire import record, sha256
from precompile_context.bundle import Bundle
from precompile_context.errors import PrecompileError
from precompile_context.trust import UNSIGNED

IGNORED = b"a field that nobody knows"
FIRST = Segment(
    artifacts=(
        Artifact("a", b"first content, compressed compressed compressed"),
        Artifact("b", b"second content", kind=2, attributes={"flag": True, "note": "n"}),
    ),
    compression=ZSTD,
)
SECOND = Segment(
    artifacts=(
        Artifact("c", b"third", kind=3, backends=[("test.blob", "b", sha256(b"second content"))]),
        Artifact("again", b"second content"),
        Artifact("part", b"ir", place=(0, 2)),
        Artifact("run", b"thirdsecond content", place=(0, 0)),
    ),
    blocks=(Block(b"third"), Block(b"second content", ZSTD, external=True)),
    requirements=[("fact", 1, ["value"])],
    removed=[("test.blob", "a")],
    envelope_tail=record(0x7A, IGNORED),
)
OTHER = Segment(artifacts=(Artifact("d", b"of another chain"), Artifact("empty")), chained=False)
BUILT = bundle(FIRST, SECOND, OTHER)
# The content of each digest that occurs: all that may ever be handed out.
ALL = {
    sha256(artifact.content): artifact.content
    for segment in (FIRST, SECOND, OTHER)
    for artifact in segment.artifacts
}


def _read(data: bytes) -> Bundle | None:
    """The bundle, all of it verified; None where it is refused. Anything but a refusal escapes."""
    try:
        opened = Bundle.open(data, policy=UNSIGNED)
        opened.verify()
        for segment in opened.segments:
            for artifact in segment.manifest.artifacts:
                assert sha256(opened.read(artifact)) == artifact.content_digest
    except PrecompileError:
        return None
    return opened


def _flipped(bit: int) -> bytes:
    data = bytearray(BUILT.data)
    data[bit >> 3] ^= 1 << (bit & 7)
    return bytes(data)


@pytest.mark.slow
@pytest.mark.runtimes
def test_every_single_bit_flip_is_refused_or_harmless() -> None:
    """What may pass is a flip in bytes that nobody reads: an unknown field of an envelope."""
    whole = _read(BUILT.data)
    assert whole is not None
    unknown_at = BUILT.data.index(IGNORED)
    unknown = range(unknown_at - len(record(0x7A, b"")), unknown_at + len(IGNORED))
    passed = 0
    for bit in range(len(BUILT.data) * 8):
        opened = _read(_flipped(bit))
        if opened is not None:
            passed += 1
            assert bit >> 3 in unknown
            assert opened.segments == whole.segments
            assert opened.digest == whole.digest
    assert passed >= len(IGNORED) * 8


def test_every_flip_outside_the_envelopes_is_refused() -> None:
    for segment in BUILT.segments:
        end = segment.offset + len(segment.data)
        outside = [
            *range(segment.offset, segment.envelope_offset),
            *range(segment.footer_offset, end),
        ]
        for at in outside:
            for bit in range(8):
                assert _read(_flipped(at * 8 + bit)) is None


def test_every_flip_of_a_payload_is_refused() -> None:
    for segment in BUILT.segments:
        start = BUILT.data.index(segment.payload)
        for bit in range(start * 8, (start + len(segment.payload)) * 8):
            assert _read(_flipped(bit)) is None


def test_every_flip_of_a_digest_is_refused() -> None:
    """Of each content, block, payload and backend, wherever it stands."""
    blocks = [block for s in (FIRST, SECOND, OTHER) for block in s.blocks or default_blocks(s)]
    digests = {*ALL, *(sha256(block.stored_bytes()) for block in blocks)}
    digests |= {sha256(segment.payload) for segment in BUILT.segments}
    places = [match.start() for d in digests for match in re.finditer(re.escape(d), BUILT.data)]
    assert len(places) == 5 + 8 + 3 + 1 + 1  # entries, artifacts, envelopes, backend, chain
    for at in places:
        for bit in range(8 * at, 8 * (at + 32)):
            assert _read(_flipped(bit)) is None


@pytest.mark.slow
@pytest.mark.runtimes
def test_every_flip_of_a_column_is_refused_for_what_it_says() -> None:
    """As an attacker would make it: the payload's digest is right."""
    payload = BUILT.segments[1].payload
    table = bundle_pb2.Manifest.FromString(payload).artifacts
    whole = _read(BUILT.data)
    assert whole is not None
    refused = 0
    for bit in range(8 * len(payload)):
        flipped = bytearray(payload)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        opened = _read(bundle(FIRST, replace(SECOND, payload=bytes(flipped)), OTHER).data)
        refused += opened is None
        # What is read has a digest that somebody computed: a name may be another, no content.
        for segment in opened.segments if opened else ():
            for artifact in segment.manifest.artifacts:
                assert opened is not None
                assert opened.read(artifact) == ALL[artifact.content_digest]
    assert len(table.key) == 4
    assert refused > 8 * 32 * len(table.key)


def test_every_truncation_and_every_lost_start_is_refused_or_a_prefix() -> None:
    ends = {s.offset for s in BUILT.segments} | {len(BUILT.data)}
    for length in range(len(BUILT.data)):
        opened = _read(BUILT.data[:length])
        assert (opened is not None) == (length in ends and length > 0)
    # From the front only a whole chain can go, and it leaves the bundle that was behind it.
    for start in range(1, len(BUILT.data)):
        assert (_read(BUILT.data[start:]) is not None) == (start == BUILT.segments[2].offset)


INTERESTING = [0, 1, 0x7F, 0x80, 0xFF, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A valid bundle with a few bytes replaced, inserted, removed, moved or repeated."""
    data = bytearray(BUILT.data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 60)))
        piece = draw(
            st.binary(max_size=20)
            | st.sampled_from(INTERESTING).map(lambda n: n.to_bytes(8, "little"))
            | st.sampled_from(BUILT.segments).map(lambda s: s.data)
            | st.just(bytes(data[at:end]) * 2)
        )
        data[at : draw(st.sampled_from([at, end, min(len(data), at + len(piece))]))] = piece
    return bytes(data)


def _check_bounded(data: bytes) -> None:
    """Opened or refused, with an offset in the input, in bounded time; content is never new."""
    start = time.process_time()
    for recover in (False, True):
        try:
            opened = Bundle.open(data, recover=recover, policy=UNSIGNED)
            opened.verify()
        except PrecompileError as error:
            offset = error.offset
        else:
            offset = opened.size
            for artifact in opened.current().values():
                assert opened.read(artifact) == ALL[artifact.content_digest]
        assert offset is not None
        assert 0 <= offset <= len(data)
    assert time.process_time() - start < 2


@pytest.mark.slow
@pytest.mark.runtimes
@settings(max_examples=1500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_damaged_bundles_give_a_bundle_or_a_precompile_error(data: bytes) -> None:
    _check_bounded(data)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.booleans(), st.booleans())
def test_random_bytes_give_a_bundle_or_a_precompile_error(
    data: bytes, header: bool, footer: bool
) -> None:
    if header:
        data = BUILT.data[:23] + data
    if footer:
        data += BUILT.data[-20:]
    _check_bounded(data)


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=200))
def test_random_payloads_give_a_bundle_or_a_precompile_error(payload: bytes) -> None:
    _check_bounded(bundle(Segment(payload=payload)).data)
