"""Pieces are pushed whole or not at all, none twice, and none that was acknowledged is lost."""

import contextlib
import random
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, Bundle, Environment, SigningKey, TrustPolicy
from precompile_context.stores import (
    Attached,
    Level,
    Patience,
    StoreError,
    StoreName,
    Traffic,
    lacking,
    push,
)
from precompile_context.testing import Fault, SimulatedStore
from tests.samples import context, noise
from tests.stores import bundle, content, keys, put, read

# Seconds; and what a program waits beyond: for threads to be scheduled, on a busy machine. What it
# must not wait for takes longer.
DEADLINE, SLACK = 0.3, 30
NAME = StoreName.parse("s3://bucket/prefix")


def opened(data: bytes) -> Bundle:
    return Bundle.open(data, policy=UNSIGNED)


def attached(store: SimulatedStore, root: Path, **options: float) -> Attached:
    return Attached(NAME, store=store, level=Level("simulated://store", root), **options)


def record(session: Attached, *names: str) -> None:
    made = context()
    for name in names:
        made.record_artifact("test.blob", name, content(name))
    made.save_to(session.file)


def test_a_piece_is_named_by_its_bundle_digest_and_pushed_once() -> None:
    store = SimulatedStore()
    data = bundle("a")
    first = push(store, data, patience=Patience(5), traffic=Traffic())
    again = push(store, data, patience=Patience(5), traffic=Traffic())
    assert first.name == opened(data).digest.hex()
    assert (first.is_new, again.is_new) == (True, False)
    assert store.data == {first.name: data}


def test_what_the_store_has_is_not_pushed_again() -> None:
    data = bundle("a", "b")
    assert list(lacking(opened(data), None, None)) == [data]
    assert list(lacking(opened(data), opened(data), None)) == []
    assert list(lacking(opened(data), opened(bundle("a", "b", "c")), None)) == []


def test_of_a_bundle_that_grew_only_what_is_new_moves() -> None:
    made = context()
    for number in range(20):
        made.record_artifact("test.blob", str(number), noise(number, 200_000))
    before = made.serialize()
    made.record_artifact("test.blob", "new", noise(99, 30_000))
    after = made.serialize()
    assert before
    assert after
    (piece,) = lacking(opened(after[0]), opened(before[0]), None)
    assert 30_000 < len(piece) < 31_000
    store = SimulatedStore()
    put(store, before[0], piece)
    reading = read(store)
    assert reading.bundle
    assert len(reading.bundle.current()) == 21


def test_a_chain_of_which_nothing_is_there_keeps_its_signatures() -> None:
    key, ours = SigningKey.generate(), SigningKey.generate()
    made = context(signer=key)
    made.record_artifact("test.blob", "a", b"a")
    serialized = made.serialize()
    assert serialized
    assert list(lacking(opened(serialized[0]), opened(bundle("b")), ours)) == [serialized[0]]


def test_what_is_written_anew_is_signed_by_who_pushes() -> None:
    ours = SigningKey.generate()
    made = context()
    made.record_artifact("test.blob", "a", content("a"))
    made.serialize()
    made.record_artifact("test.blob", "b", content("b"))
    after = made.serialize()
    assert after
    (piece,) = lacking(opened(after[0]), opened(bundle("a")), ours)
    found = Bundle.open(piece, policy=TrustPolicy([ours.verifying_key]))
    assert [key for _, key in found.current()] == ["b"]


def test_each_environment_keeps_what_is_its_own() -> None:
    one, two = Environment.of(cpu="one"), Environment.of(cpu="two")
    both = bundle("a", environment=one) + bundle("a", environment=two)
    (piece,) = lacking(opened(both), opened(bundle("a", environment=one)), None)
    assert opened(piece).matching(two)


def test_what_a_session_recorded_is_there_for_the_next(tmp_path: Path) -> None:
    store = SimulatedStore()
    session = attached(store, tmp_path / "one")
    assert session.open(UNSIGNED) == (None, None)
    record(session, "a", "b")
    session.finish(None)
    assert not session.file.exists()
    found, fault = attached(store, tmp_path / "two").open(UNSIGNED)
    assert fault is None
    assert found
    assert {key for _, key in found.current()} == {"a", "b"}


def test_what_could_not_be_pushed_serves_here_and_goes_with_the_next_run(tmp_path: Path) -> None:
    store = SimulatedStore()
    session = attached(store, tmp_path)
    session.open(UNSIGNED)
    record(session, "a")
    store.fault = lambda kind, number: Fault.DENIED if kind == "put" else None
    with pytest.raises(StoreError, match="refuses"):
        session.finish(None)
    assert not store.data
    after = attached(store, tmp_path)
    found, _ = after.open(UNSIGNED)
    assert found
    assert {key for _, key in found.current()} == {"a"}
    store.fault = lambda kind, number: None
    record(after, "b")
    after.finish(None)
    assert keys(read(store)) == {"a", "b"}
    assert not list(tmp_path.rglob("*left-*"))


def test_a_put_whose_answer_was_lost_is_pushed_once(tmp_path: Path) -> None:
    store = SimulatedStore(fault=lambda kind, number: Fault.LOST if kind == "put" else None)
    session = attached(store, tmp_path)
    session.open(UNSIGNED)
    record(session, "a")
    with pytest.raises(StoreError):
        session.finish(None)
    store.fault = lambda kind, number: None
    after = attached(store, tmp_path)
    after.open(UNSIGNED)
    after.finish(None)
    assert len(store.data) == 1
    assert keys(read(store)) == {"a"}


def test_a_push_beside_the_program_leaves_the_end_only_what_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("precompile_context.stores.attaching._PUSH_EVERY", 0.0)
    store = SimulatedStore()
    session = attached(store, tmp_path)
    session.open(UNSIGNED)
    record(session, "a")
    session.push_beside(None)
    while not store.data:
        time.sleep(0.01)
    record(session, "b")
    session.finish(None)
    assert keys(read(store)) == {"a", "b"}
    assert len(store.data) == 2
    (size,) = {len(data) for data in store.data.values()}  # each holds one
    assert size < 500


@pytest.mark.parametrize("kind", ["list", "read", "put"])
@pytest.mark.parametrize("fault", Fault)
def test_in_every_fault_a_program_begins_and_ends_by_its_deadlines_and_loses_nothing(
    kind: str, fault: Fault, tmp_path: Path
) -> None:
    store = SimulatedStore(stuck=2 * SLACK)
    put(store, bundle("a"), bundle("b", size=2 << 20))
    session = attached(store, tmp_path, read_seconds=DEADLINE, push_seconds=DEADLINE)
    store.fault = lambda asked, number: fault if asked == kind else None
    began = time.monotonic()
    session.open(UNSIGNED)
    assert time.monotonic() - began < DEADLINE + SLACK
    record(session, "new")
    began = time.monotonic()
    with contextlib.suppress(StoreError):
        session.finish(None)
    assert time.monotonic() - began < DEADLINE + SLACK
    assert list(tmp_path.rglob("left-*.precompile")) or len(store.data) == 3
    store.fault = lambda asked, number: None
    store.unstuck.set()
    after = attached(store, tmp_path)
    after.open(UNSIGNED)
    after.finish(None)
    assert keys(read(store)) == {"a", "b", "new"}


def test_a_store_that_is_only_read_keeps_nothing_and_says_so(tmp_path: Path) -> None:
    store = SimulatedStore()
    store.writable = False
    session = attached(store, tmp_path)
    session.open(UNSIGNED)
    session.finish(None)
    record(session, "a")
    with pytest.raises(StoreError, match="never written"):
        session.finish(None)


def test_a_machine_that_can_keep_nothing_reads_all_the_same(tmp_path: Path) -> None:
    store = SimulatedStore()
    put(store, bundle("a"))
    (tmp_path / "file").write_text("in the way of a folder")
    session = attached(store, tmp_path / "file")
    found, fault = session.open(UNSIGNED)
    assert fault is None
    assert found
    assert session.keeps_nothing


def test_of_many_writers_killed_at_random_nothing_that_was_acknowledged_is_lost() -> None:
    """Each request may be the last one of its writer; readers look on all the while."""
    for seed in range(150):
        chance = random.Random(seed)
        store = SimulatedStore(seed=seed)
        store.fault = partial(_any_of, chance)
        acknowledged = set()
        for writer in range(8):
            key = str(writer % 6)
            try:
                push(store, BUNDLES[key], patience=Patience(5), traffic=Traffic())
                acknowledged.add(key)
            except StoreError:
                pass
            if chance.random() < 0.1:
                assert keys(read(store)) <= set(BUNDLES)
        store.fault = lambda kind, number: None
        assert acknowledged <= keys(read(store))


def _any_of(chance: random.Random, kind: str, number: int) -> Fault | None:
    return chance.choice([None, None, None, Fault.LOST, Fault.BROKEN])


BUNDLES = {key: bundle(key) for key in "012345"}


def test_64_writers_at_once_lose_nothing() -> None:
    store = SimulatedStore(latency=0.005, late=0)
    bundles = [bundle(str(number)) for number in range(64)]
    failed: list[Exception] = []

    def write(data: bytes) -> None:
        try:
            push(store, data, patience=Patience(20), traffic=Traffic())
            assert len(keys(read(store))) >= 1
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(data,)) for data in bundles]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    assert keys(read(store)) == set(map(str, range(64)))
