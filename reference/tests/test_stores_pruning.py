"""What is to go out of a store goes; nothing that stays is lost, whatever dies or runs beside."""

import asyncio
import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from precompile_context import UNSIGNED, Bundle, Environment, MisuseError, SigningKey, TrustPolicy
from precompile_context.compare.merging import Merge
from precompile_context.compare.pruning import Rules
from precompile_context.stores import (
    Grace,
    Patience,
    PrunedStore,
    StoreError,
    compact,
    prune_store,
)
from precompile_context.stores.replacing import mark
from precompile_context.testing import Fault, SimulatedStore
from tests.samples import context
from tests.stores import bundle, content, keys, put, read

OLD = Environment.of(cpu="old")
OF_OLD = Rules(environment=(("cpu", "old"),))
NOW = Grace(0.0)


def mixed(*stays: str, goes: str = "old") -> bytes:
    """One piece with something of the environment that is to go."""
    return bundle(*stays) + bundle(goes, environment=OLD)


def pruned(store: SimulatedStore, rules: Rules = OF_OLD, **options: Any) -> PrunedStore:
    options = {"policy": UNSIGNED, "signer": None, "last_used": {}, "grace": NOW, **options}
    reading = read(store, policy=options["policy"])
    return prune_store(store, reading, rules, patience=Patience(5), **options)


def compacted(store: SimulatedStore) -> None:
    compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), grace=NOW)


def test_pieces_that_hold_what_is_to_go_become_one_without_it_and_others_stay() -> None:
    store = SimulatedStore()
    untouched, *_ = put(store, bundle("a"), mixed("b"), mixed("c", goes="older"))
    done = pruned(store)
    assert keys(read(store)) == {"a", "b", "c"}
    assert done.piece
    assert set(store.data) == {untouched, done.piece.name}
    assert len(done.replaced) == 2
    assert done.size == sum(map(len, store.data.values()))
    assert pruned(store).replaced == ()


def test_what_several_pieces_hold_goes_out_of_all_of_them() -> None:
    store = SimulatedStore()
    put(store, mixed("a"), mixed("b"), mixed("a", "b"))
    pruned(store)
    assert keys(read(store)) == {"a", "b"}


def test_a_piece_of_which_nothing_stays_goes_and_a_store_is_never_emptied() -> None:
    store = SimulatedStore()
    put(store, bundle("a"), bundle("old", environment=OLD))
    done = pruned(store)
    assert (done.piece, len(done.replaced), keys(read(store))) == (None, 1, {"a"})
    (only,) = put(other := SimulatedStore(), bundle("old", environment=OLD))
    with pytest.raises(MisuseError, match="nothing would be left"):
        pruned(other)
    assert set(other.data) == {only}


def test_what_was_not_used_for_long_goes() -> None:
    store = SimulatedStore()
    put(store, bundle("a", "b"), bundle("c"))
    used = {("test.blob", "a"): 50.0, ("test.blob", "b"): 5.0, ("test.blob", "c"): 60.0}
    pruned(store, Rules(unused_since=10.0), last_used=used)
    assert keys(read(store)) == {"a", "c"}


def test_a_size_bounds_the_whole_store_and_what_several_hold_is_kept_once() -> None:
    store = SimulatedStore()
    put(store, bundle("a", "b", size=9000), bundle("b", "c", size=9000), bundle("c", size=9000))
    pruned(store, Rules(max_bytes=30_000))
    assert keys(read(store)) == {"a", "b", "c"}
    used = {("test.blob", "a"): 50.0, ("test.blob", "b"): 5.0, ("test.blob", "c"): 60.0}
    pruned(store, Rules(max_bytes=20_000), last_used=used)
    assert keys(read(store)) == {"a", "c"}
    assert sum(map(len, store.data.values())) <= 20_000
    put(store, bundle("large", size=30_000))
    store.data = {
        name: data[:-1] if len(data) > 30_000 else data for name, data in store.data.items()
    }
    assert pruned(store, Rules(max_bytes=20_000)).replaced == ()  # what is damaged counts not


def test_an_order_in_time_is_not_known_and_so_nothing_is_superseded() -> None:
    store = SimulatedStore()
    put(store, mixed("a"))
    with pytest.raises(MisuseError, match="no order in time"):
        pruned(store, Rules(superseded=True))


def test_a_look_changes_nothing_and_reads_no_content() -> None:
    store = SimulatedStore()
    put(store, bundle("a", size=3 << 20) + bundle("old", environment=OLD))
    done = pruned(store, dry_run=True)
    assert (store.requests["put"], store.requests["delete"]) == (1, 0)
    assert store.received < 300_000
    assert len(done.replaced) == len(done.pruned.places) == 1


def test_what_is_a_stranger_s_stays_as_it_is_and_what_is_written_anew_is_ours() -> None:
    ours, theirs = SigningKey.generate(), SigningKey.generate()
    store = SimulatedStore()
    for key, signer in (("a", ours), ("b", theirs)):
        made = context(signer=signer, environment=OLD)
        made.record_artifact("test.blob", key, content(key))
        serialized = made.serialize()
        assert serialized
        stays = context(signer=signer)
        stays.record_artifact("test.blob", f"{key}2", content(f"{key}2"))
        other = stays.serialize()
        assert other
        put(store, serialized[0] + other[0])
    policy = TrustPolicy([ours.verifying_key])
    pruned(store, policy=policy, signer=ours)
    assert keys(read(store, policy=policy)) == {"a2"}
    assert keys(read(store)) == {"a2", "b", "b2"}


def test_readers_have_the_grace_to_read_on() -> None:
    store = SimulatedStore()
    put(store, mixed("a"), mixed("b"))
    before = set(store.data)
    waited: list[float] = []

    def meanwhile(seconds: float) -> None:
        waited.append(seconds)
        assert before < set(store.data)

    pruned(store, grace=Grace(7.0, meanwhile))
    assert waited == [7.0]


@pytest.mark.parametrize("fault", [Fault.BROKEN, Fault.LOST], ids=["before", "after"])
def test_one_that_dies_between_any_two_requests_loses_nothing_and_is_done_by_the_next(
    fault: Fault,
) -> None:
    made = [bundle("a"), mixed("b"), mixed("c", goes="older"), mixed("b", "d")]
    for last in range(100):
        store = SimulatedStore()
        put(store, *made)
        met: list[int] = []

        def dies(
            kind: str,
            number: int,
            dead: int = sum(store.requests.values()) + last,
            met: list[int] = met,
        ) -> Fault | None:
            if number < dead:
                return None
            met.append(number)
            return fault if number == dead else Fault.BROKEN

        store.fault = dies
        with contextlib.suppress(StoreError, AssertionError):  # no piece could be read
            pruned(store)
        store.fault = lambda kind, number: None
        assert keys(read(store)) >= {"a", "b", "c", "d"}, last
        if met:
            pruned(store)
        assert keys(read(store)) == {"a", "b", "c", "d"}, last
        if not met:
            break
    assert last > 12


class Interleaved(SimulatedStore):
    """Runs another's work just before a delete, once."""

    between: Callable[[], object] | None = None

    async def delete(self, name: str) -> None:
        work, self.between = self.between, None
        if work is not None:
            await asyncio.to_thread(work)
        await super().delete(name)


@pytest.mark.parametrize("first", ["prune", "compact"])
def test_a_compaction_and_a_prune_never_delete_what_the_other_relies_on(first: str) -> None:
    """One keeps the piece that holds all; the other replaces that one by what stays of it."""
    store = Interleaved()
    put(store, mixed("a", "b"))
    pruned(store, grace=Grace(0.0, lambda seconds: None))
    put(store, mixed("a", "b"))  # as before: it is pushed anew by a run that had it
    assert len(store.data) == 2
    works: dict[str, Callable[[], object]] = {
        "prune": lambda: pruned(store),
        "compact": lambda: compacted(store),
    }
    (second,) = works.keys() - {first}
    store.between = works[second]
    works[first]()
    assert keys(read(store)) >= {"a", "b"}
    pruned(store)
    compacted(store)
    assert keys(read(store)) == {"a", "b"}


def test_behind_the_last_generation_nothing_is_put_and_nothing_goes() -> None:
    old = Bundle.open(mixed("b"), policy=UNSIGNED)
    last = b"".join(Merge({"old": old}).chunks(None, marks=mark(999_999_999)))
    store = SimulatedStore()
    put(store, last, bundle("a"))
    before = dict(store.data)
    with pytest.raises(StoreError, match="the last generation there is, 999999999"):
        pruned(store)
    assert store.data == before


def test_whatever_runs_beside_loses_nothing_that_stays() -> None:
    """Prunes, compactions and writers at once, many of which die at a random request."""
    for seed in range(60):
        chance = random.Random(seed)
        store = SimulatedStore(latency=0.0005, seed=seed)
        put(store, mixed("a", "b"), mixed("b", goes="older"), bundle("c"))

        def fault(kind: str, number: int, chance: random.Random = chance) -> Fault | None:
            return chance.choice([Fault.LOST, Fault.BROKEN]) if chance.random() < 0.03 else None

        store.fault = fault

        works: list[Callable[[], object]] = [
            partial(pruned, store),
            partial(compacted, store),
            partial(pruned, store),
            partial(compacted, store),
            partial(put, store, mixed("a", "d")),
        ]
        chance.shuffle(works)

        def tried(work: Callable[[], object]) -> None:
            with contextlib.suppress(StoreError, AssertionError):
                work()

        with ThreadPoolExecutor() as threads:
            list(threads.map(tried, works))
        store.fault = lambda kind, number: None
        assert keys(read(store)) >= {"a", "b", "c"}, seed
