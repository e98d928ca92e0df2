"""64 writers killed at random, readers and compactions beside them: nothing acknowledged is lost.

`PRECOMPILE_STRESS=1` runs the rounds that docs/reliability.md tells of (`make stress`).
"""

import asyncio
import contextlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from precompile_context import UNSIGNED, Bundle, SigningKey, TrustPolicy
from precompile_context.stores import Grace, Patience, Piece, Store, StoreError, compact, open_store
from precompile_context.testing import Fault, SimulatedStore
from tests.s3_server import make_bucket, moto, s3_server
from tests.samples import context
from tests.stores import bundle, content, keys, put, read

STRESS = os.environ.get("PRECOMPILE_STRESS") == "1"
WRITERS = 64
ROUNDS = int(os.environ.get("PRECOMPILE_SIMULATED_ROUNDS", "1000" if STRESS else "12"))
# A long run may be done in several: the first round of this one, and how many.
FIRST_ROUND = int(os.environ.get("PRECOMPILE_FIRST_ROUND", "0"))
SERVER_ROUNDS = int(os.environ.get("PRECOMPILE_SERVER_ROUNDS", "50" if STRESS else "1"))


@cache
def _piece(number: int) -> tuple[str, str, bytes]:
    data = bundle(f"key{number}")
    return f"key{number}", Bundle.open(data, policy=UNSIGNED).digest.hex(), data


def _faults(chance: random.Random) -> SimulatedStore:
    kinds = {
        "put": [Fault.LOST, Fault.BROKEN, Fault.THROTTLED, Fault.STALLED],
        "read": [Fault.BROKEN, Fault.THROTTLED],
        "list": [Fault.LISTING_LOSES, Fault.THROTTLED],
        "delete": [Fault.LOST, Fault.BROKEN],
    }

    def fault(kind: str, number: int) -> Fault | None:
        return chance.choice(kinds[kind]) if chance.random() < 0.05 else None

    return SimulatedStore(latency=0.001, fault=fault, seed=chance.randrange(1 << 30), late=1)


async def _write_and_die(store: Store, chance: random.Random, acknowledged: set[str]) -> None:
    """Each writer puts some of all pieces, in its own order, and dies within one of its puts."""
    numbers = chance.sample(range(WRITERS), 4)
    for number in numbers[: chance.randrange(len(numbers))]:
        key, name, data = _piece(number)
        with contextlib.suppress(StoreError, TimeoutError):
            await asyncio.wait_for(store.put(name, data), 0.05)  # some requests stall
            acknowledged.add(key)
    _, name, data = _piece(numbers[-1])
    last = asyncio.ensure_future(store.put(name, data))
    await asyncio.wait([last], timeout=chance.random() * 0.004)
    last.cancel()
    await asyncio.gather(last, return_exceptions=True)


def _seen(store: Store) -> set[str]:
    """What a reader finds: each content whole, or its piece left out with a sentence."""
    reading = read(store, seconds=2.0)
    if reading.bundle is None:
        return set()
    found = set()
    for stored in reading.bundle.current().values():
        try:
            assert reading.bundle.read(stored) == content(stored.key, stored.content_size)
        except StoreError:  # did not come, or was replaced since: told, and cold
            continue
        found.add(stored.key)
    return found


def test_writers_that_die_lose_nothing_that_was_acknowledged() -> None:
    acknowledgements = replaced = 0
    for round_ in range(FIRST_ROUND, FIRST_ROUND + ROUNDS):
        chance = random.Random(round_)
        store = _faults(chance)
        acknowledged: set[str] = set()

        async def write_all(
            store: Store = store,
            chance: random.Random = chance,
            acknowledged: set[str] = acknowledged,
        ) -> None:
            writers = [_write_and_die(store, chance, acknowledged) for _ in range(WRITERS)]
            works = [asyncio.to_thread(_seen, store), asyncio.to_thread(_compact, store, chance)]
            await asyncio.gather(*writers, *works)

        asyncio.run(write_all())
        before = len(store.data)
        _compact(store, chance)
        replaced += max(0, before - len(store.data))
        store.fault, store.late = (lambda kind, number: None), 0
        store._hidden.clear()
        assert acknowledged <= keys(read(store)), round_
        acknowledgements += len(acknowledged)
    print(
        f"{ROUNDS} rounds of {WRITERS} writers: {acknowledgements:,} acknowledged, "
        f"{ROUNDS} readings and {2 * ROUNDS} compactions beside, {replaced} fewer pieces, 0 lost"
    )
    assert acknowledgements > ROUNDS


def _compact(store: Store, chance: random.Random) -> None:
    """One that fails, or dies between two requests, as often as not."""
    patience = Patience(0.02 if chance.random() < 0.3 else 2.0)
    try:
        compact(
            store,
            policy=UNSIGNED,
            signer=None,
            patience=patience,
            grace=Grace(0.0),
        )
    except StoreError:
        return


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    command = moto()
    assert command
    with s3_server(command, tmp_path) as address:
        yield address


@pytest.mark.skipif(moto() is None, reason="no S3 server: `make test-stores` has one")
def test_processes_that_are_killed_lose_nothing_on_a_server(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 writers in processes of 8 threads each; every process is killed."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    for number in range(WRITERS):
        (tmp_path / f"key{number}").write_bytes(_piece(number)[2])
    script = Path(__file__).with_name("writers.py")
    total = killed = 0
    for round_ in range(FIRST_ROUND, FIRST_ROUND + SERVER_ROUNDS):
        chance = random.Random(round_)
        make_bucket(server, f"round{round_}")
        name = f"s3://round{round_}/x?endpoint={server}&region=us-east-1"
        writers = [
            subprocess.Popen(
                [sys.executable, str(script), name, str(tmp_path), str(round_ * 100 + n)],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(WRITERS // 8)
        ]
        acknowledged: set[str] = set()
        for writer in writers:  # each has begun
            assert writer.stdout
            acknowledged.add(writer.stdout.readline().strip())
        compaction = threading.Thread(target=_compact, args=(open_store(name), chance))
        compaction.start()
        time.sleep(chance.random() * 0.5)
        for writer in writers:
            killed += writer.poll() is None
            writer.kill()
            assert writer.stdout
            lines = writer.stdout.read().splitlines(keepends=True)
            acknowledged |= {line.strip() for line in lines if line.endswith("\n")}
            writer.wait()
        compaction.join()
        _seen(open_store(name))
        assert acknowledged <= keys(read(open_store(name), seconds=30.0)), round_
        total += len(acknowledged)
    print(
        f"{SERVER_ROUNDS} rounds from {FIRST_ROUND} on of {WRITERS} writers in "
        f"{WRITERS // 8} processes on a server, "
        f"{killed} of them killed at work: {total:,} acknowledged, 0 lost"
    )
    assert killed


def test_compaction_replaces_small_pieces_alone_and_leaves_strangers_and_damaged_ones() -> None:
    store = SimulatedStore()
    put(store, bundle("a"), bundle("b"), bundle("large", size=5000))
    (stranger,) = put(store, bundle("c"))
    store.data[stranger] = store.data[stranger][:-1] + b"x"
    waited: list[float] = []
    done = compact(
        store,
        policy=UNSIGNED,
        signer=None,
        patience=Patience(5),
        small=4000,
        grace=Grace(7.0, waited.append),
    )
    assert done.piece is not None
    assert len(done.replaced) == 2
    assert len(done.left) == 2
    assert waited == [7.0]
    assert stranger in store.data
    assert keys(read(store)) == {"a", "b", "large"}
    again = compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), small=4000)
    assert again.piece is None


def test_a_compaction_that_others_outran_says_so() -> None:
    class Outrun(SimulatedStore):
        async def read(self, piece: Piece, offset: int, size: int) -> bytes:
            for name in set(self.data) - {large}:
                await self.delete(name)
            return await super().read(piece, offset, size)

    store = Outrun()
    put(store, bundle("a"), bundle("b"))
    (large,) = put(store, bundle("large", size=5000))
    done = compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), small=4000)
    assert (done.piece, done.replaced, done.was_outrun) == (None, (), True)
    assert [piece.name for piece in done.left] == [large]
    again = compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), small=4000)
    assert not again.was_outrun


def test_a_merged_piece_that_is_gone_or_another_deletes_nothing() -> None:
    store = SimulatedStore()
    put(store, bundle("a"), bundle("b"))
    before = dict(store.data)

    def spoil(seconds: float) -> None:
        for name in set(store.data) - set(before):
            store.data[name] = store.data[name][:-1] + b"x"

    with pytest.raises(StoreError, match="nothing was deleted"):
        compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), grace=Grace(0, spoil))
    assert before.items() <= store.data.items()


def test_a_reader_that_has_listed_before_reads_on_until_the_grace_is_over() -> None:
    store = SimulatedStore()
    put(store, bundle("a"), bundle("b"))
    readings: list[set[str]] = []

    def meanwhile(seconds: float) -> None:
        readings.append(keys(read(store)))

    reading = read(store)
    compact(store, policy=UNSIGNED, signer=None, patience=Patience(5), grace=Grace(wait=meanwhile))
    assert readings == [{"a", "b"}]
    assert keys(read(store)) == {"a", "b"}
    assert reading.bundle


def test_two_compactions_never_delete_what_the_other_relies_on() -> None:
    """Two pieces that hold the same, each of which one of them would keep."""

    class Interleaved(SimulatedStore):
        other: SigningKey | None = None

        async def delete(self, name: str) -> None:
            key, self.other = self.other, None
            if key is not None:
                await asyncio.to_thread(compacted, key)
            await super().delete(name)

    one, two = SigningKey.generate(), SigningKey.generate()
    policy = TrustPolicy([one.verifying_key, two.verifying_key])

    def compacted(key: SigningKey) -> None:
        compact(store, policy=policy, signer=key, patience=Patience(5), grace=Grace(0))

    for first, second in ((one, two), (two, one)):
        store = Interleaved()
        for key in (one, two):
            made = context(policy=policy, signer=key)
            made.record_artifact("test.blob", "a", content("a"))
            serialized = made.serialize()
            assert serialized
            put(store, serialized[0])
        store.other = second
        compacted(first)
        assert keys(read(store, policy=policy)) == {"a"}
