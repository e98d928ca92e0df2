"""A store as one bundle: lazily by ranges, whatever a store does, within the deadline."""

import contextlib
import time
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, Bundle, ErrorCode, PrecompileError, SigningKey, TrustPolicy
from precompile_context.stores import Grace, Patience, Piece, StoreError, compact, read_store
from precompile_context.testing import Fault, SimulatedStore, StoreTests
from tests.samples import context
from tests.stores import bundle, content, keys, level, put, read

# What a program waits for longer than it said: for threads to be scheduled, on a busy machine. What
# it must not wait for takes longer.
SLACK = 30
MIB = 1 << 20


class TestSimulatedStore(StoreTests):
    """The simulator is a store itself."""

    @pytest.fixture
    def store(self) -> SimulatedStore:
        return SimulatedStore()


def test_an_empty_store_is_no_bundle() -> None:
    reading = read(SimulatedStore())
    assert (reading.bundle, reading.fault, reading.left_out) == (None, None, ())


def test_pieces_are_read_as_their_union() -> None:
    store = SimulatedStore()
    put(store, bundle("a", "b"), bundle("b", "c"), bundle("d"))
    assert keys(read(store)) == {"a", "b", "c", "d"}


def test_the_order_of_pieces_is_that_of_their_names_whatever_the_listing_says() -> None:
    digests = set()
    for seed in range(5):
        store = SimulatedStore(seed=seed)
        names = put(store, *(bundle(key) for key in "abcdef"))
        reading = read(store)
        assert [piece.name for piece in reading.pieces] == sorted(names)
        assert reading.bundle
        digests.add(reading.bundle.digest)
    assert len(digests) == 1


def test_small_pieces_cost_one_request_each_and_no_more_when_content_is_read() -> None:
    store = SimulatedStore()
    put(store, *(bundle(key, size=10_000) for key in "abcdefgh"))
    reading = read(store)
    assert len(keys(reading)) == 8
    assert store.requests["read"] == 8
    assert store.received == sum(map(len, store.data.values())) == reading.traffic.received


def test_a_large_piece_is_opened_by_its_ends() -> None:
    store = SimulatedStore()
    put(store, bundle(*map(str, range(20)), size=MIB))
    reading = read(store)
    assert reading.bundle
    assert (reading.traffic.requests, store.requests["read"]) == (3, 2)
    assert store.received < 200_000


def test_content_costs_its_own_block_and_little_beside_it() -> None:
    store = SimulatedStore()
    put(store, bundle("3", "7", "8", size=9 * MIB))
    reading = read(store)
    assert reading.bundle
    before = store.received
    stored = reading.bundle.current()["test.blob", "7"]
    assert reading.needs([stored]) == pytest.approx(9 * MIB, rel=0.01)
    reading.prefetch([stored])
    assert store.received - before == pytest.approx(9 * MIB, rel=0.01)
    moved = store.received
    assert reading.bundle.read(stored) == content("7", 9 * MIB)
    assert store.received == moved
    assert reading.needs([stored]) == 0


def test_one_program_out_of_a_merged_store_moves_little_more_than_its_own() -> None:
    store = SimulatedStore()
    programs = [
        ["all have this", *(f"{program}/{'x' * 2**number}" for number in range(6))]
        for program in "abcdefghijkl"
    ]
    bundles = [bundle(*program, size=120_000) for program in programs]
    put(store, *bundles)
    for more in ("z",), ("y", "all have this"):  # a piece that was merged is merged again
        done = compact(
            store, policy=UNSIGNED, signer=None, patience=Patience(20), grace=Grace(seconds=0.0)
        )
        assert done.replaced
        put(store, bundle(*more))
    before = store.received
    reading = read(store)
    assert reading.bundle
    current = reading.bundle.current()
    reading.prefetch([current["test.blob", key] for key in programs[7]])
    assert store.received - before < 1.3 * len(bundles[7])


def test_prefetching_many_contents_takes_few_requests() -> None:
    store = SimulatedStore()
    put(store, bundle(*map(str, range(30)), size=200_000))
    reading = read(store)
    assert reading.bundle
    before = store.requests["read"]
    reading.prefetch(reading.bundle.current().values())
    assert store.requests["read"] - before <= 2
    assert len(keys(reading)) == 30
    assert store.requests["read"] - before <= 2


def test_a_nearer_level_serves_the_next_process_whole(tmp_path: Path) -> None:
    store = SimulatedStore()
    put(store, bundle("a", "b", size=2 * MIB), bundle("c"))
    assert keys(read(store, level=level(tmp_path))) == {"a", "b", "c"}
    moved = store.received
    assert keys(read(store, level=level(tmp_path))) == {"a", "b", "c"}
    assert store.received == moved


def test_a_nearer_level_serves_while_the_store_does_not_answer(tmp_path: Path) -> None:
    store = SimulatedStore()
    put(store, bundle("a", size=2 * MIB), bundle("c"))
    assert keys(read(store, level=level(tmp_path))) == {"a", "c"}
    store.fault = lambda kind, number: Fault.STALLED
    reading = read(store, seconds=0.2, level=level(tmp_path))
    assert reading.fault
    assert keys(reading) == {"a", "c"}


def test_a_nearer_level_that_was_altered_is_asked_no_more(tmp_path: Path) -> None:
    store = SimulatedStore()
    put(store, bundle("a", size=1000))
    read(store, level=level(tmp_path))
    for file in (tmp_path / "read").iterdir():
        file.write_bytes(file.read_bytes()[:-1] + b"?")
    assert keys(read(store, level=level(tmp_path))) == {"a"}
    assert store.requests["read"] == 2


def test_a_nearer_level_keeps_to_its_bound(tmp_path: Path) -> None:
    store = SimulatedStore()
    put(store, *(bundle(key, size=50_000) for key in "abcdefgh"))
    assert len(keys(read(store, level=level(tmp_path, most_bytes=200_000)))) == 8
    assert sum(f.stat().st_size for f in (tmp_path / "read").iterdir()) <= 200_000


def test_damage_that_came_from_the_store_is_forgotten_for_the_next_process(tmp_path: Path) -> None:
    store = SimulatedStore()
    (name,) = put(store, bundle("a", size=2 * MIB))
    whole = store.data[name]
    store.data[name] = whole[: MIB // 2] + b"?" + whole[MIB // 2 + 1 :]
    reading = read(store, level=level(tmp_path))
    assert reading.bundle
    stored = reading.bundle.current()["test.blob", "a"]
    with pytest.raises(PrecompileError) as caught:
        reading.bundle.read(stored)
    assert caught.value.code is ErrorCode.DIGEST_MISMATCH
    reading.forget(stored)
    store.data[name] = whole
    assert keys(read(store, level=level(tmp_path))) == {"a"}


@pytest.mark.parametrize(
    ("kind", "fault"),
    [(kind, fault) for kind in ("list", "read") for fault in Fault if fault is not Fault.LOST],
)
def test_within_every_fault_a_program_goes_on_by_its_deadline(kind: str, fault: Fault) -> None:
    store = SimulatedStore(stuck=2 * SLACK)
    put(store, bundle("a", size=1000), bundle("b", size=3 * MIB))
    met: list[str] = []

    def always(asked: str, number: int) -> Fault | None:
        if asked != kind:
            return None
        met.append(asked)
        # One that cannot be cancelled holds up all that come after it.
        return Fault.STALLED if fault is Fault.STUCK and len(met) > 1 else fault

    store.fault = always
    began = time.monotonic()
    reading = read(store, seconds=0.3)
    try:
        found = keys(reading)
    except (PrecompileError, StoreError):
        found = set()
    assert time.monotonic() - began < SLACK
    store.unstuck.set()
    assert found <= {"a", "b"}
    silent = Fault.LISTING_LOSES, Fault.MISSING, Fault.ALTERED, Fault.TRUNCATED
    assert reading.fault or reading.left_out or found or fault in silent


@pytest.mark.parametrize("fault", [Fault.DENIED, Fault.THROTTLED, Fault.BROKEN, Fault.TRUNCATED])
def test_a_piece_that_does_not_come_whole_is_left_out_and_the_others_serve(fault: Fault) -> None:
    store = SimulatedStore()
    put(store, bundle("a"), bundle("b"), bundle("c"))
    first = [True]

    def once(kind: str, number: int) -> Fault | None:
        return fault if kind == "read" and first and first.pop() else None

    store.fault = once
    reading = read(store)
    assert len(keys(reading)) == 2
    assert len(reading.left_out) == 1


def test_no_altered_byte_is_ever_taken_for_content() -> None:
    bundles = bundle("a", size=MIB + 1), bundle("b")
    for seed in range(50):
        store = SimulatedStore(seed=seed)
        put(store, *bundles)
        store.fault = lambda kind, number: Fault.ALTERED if kind == "read" else None
        with contextlib.suppress(PrecompileError):
            assert keys(read(store)) <= {"a", "b"}


def test_a_piece_that_was_replaced_meanwhile_is_looked_for_once_more() -> None:
    store = SimulatedStore()
    old = put(store, bundle("a"), bundle("b"))
    merged = bundle("a", "b", "c")

    def compaction(kind: str, number: int) -> None:
        if kind == "read":
            for name in old:
                store.data.pop(name, None)
            store.data[Bundle.open(merged, policy=UNSIGNED).digest.hex()] = merged

    store.fault = compaction
    reading = read(store)
    assert keys(reading) == {"a", "b", "c"}
    assert store.requests["list"] == 2


def test_a_piece_under_a_wrong_name_is_left_out() -> None:
    store = SimulatedStore()
    put(store, bundle("a"))
    store.data["0" * 64] = bundle("b")
    reading = read(store)
    assert keys(reading) == {"a"}
    (left,) = reading.left_out
    assert "altered" in left.reason


def test_what_is_no_bundle_is_left_out() -> None:
    store = SimulatedStore()
    put(store, bundle("a"))
    store.data["0" * 64] = b"an error page"
    store.data["1" * 64] = b""
    reading = read(store)
    assert keys(reading) == {"a"}
    assert len(reading.left_out) == 2


def test_a_piece_of_a_stranger_is_left_out_before_anything_of_it_is_decoded() -> None:
    ours, theirs = SigningKey.generate(), SigningKey.generate()
    store = SimulatedStore()
    for key, signer in (("a", ours), ("b", theirs), ("c", None)):
        made = context(signer=signer)
        made.record_artifact("test.blob", key, content(key))
        serialized = made.serialize()
        assert serialized
        put(store, serialized[0])
    reading = read(store, policy=TrustPolicy([ours.verifying_key]))
    assert keys(reading) == {"a"}
    assert sorted(left.reason.split()[0] for left in reading.left_out) == [
        "UNSIGNED",
        "UNTRUSTED_SIGNER",
    ]


def test_a_listing_that_claims_a_huge_size_moves_nothing_more() -> None:
    store = SimulatedStore()

    class Lying(SimulatedStore):
        async def pieces(self) -> list[Piece]:
            return [Piece("0" * 64, 1 << 60), *await super().pieces()]

    lying = Lying()
    lying.data = store.data
    put(store, bundle("a"))
    reading = read(lying)
    assert keys(reading) == {"a"}
    assert len(reading.left_out) == 1
    assert lying.received < 10_000


def test_all_waits_of_a_program_together_have_one_deadline() -> None:
    store = SimulatedStore()
    put(store, *(bundle(key, size=2 * MIB) for key in "abcd"))
    patience = Patience(2.0)
    reading = read_store(store, policy=UNSIGNED, patience=patience)
    store.fault = lambda kind, number: Fault.STALLED
    assert reading.bundle
    first, *others = reading.bundle.current().values()
    with pytest.raises(StoreError):
        reading.bundle.read(first)
    assert patience.left == 0.0
    asked = dict(store.requests)
    for stored in others:
        with pytest.raises(StoreError):
            reading.bundle.read(stored)
    assert store.requests == asked  # nothing is waited for, for nothing is asked any more


def test_latency_is_paid_side_by_side() -> None:
    class Counting(SimulatedStore):
        reading = most = 0

        async def read(self, piece: Piece, offset: int, size: int) -> bytes:
            self.reading += 1
            self.most = max(self.most, self.reading)
            try:
                return await super().read(piece, offset, size)
            finally:
                self.reading -= 1

    store = Counting()
    put(store, *(bundle(key) for key in "abcdefghijklmnop"))
    store.latency = 0.1
    assert len(keys(read(store))) == 16
    assert store.most > 16 / 2
