"""Slots of an action cache, over registers whose steps a test puts into any order."""

import asyncio
import random

import pytest

from precompile_context.stores import StoreError
from precompile_context.stores.reapi.slots import Blob, BusyError, Entry, Slots

PIECE = Entry("", (Blob("a" * 64, 5),))


class Registers:
    """Entries in memory; before each step others go on, at random, and a writer may die."""

    def __init__(self, seed: int = 0, deaths: float = 0.0) -> None:
        self.held: dict[tuple[str, ...], Entry] = {}
        self.steps = 0
        self.deaths = deaths
        self.random = random.Random(seed)

    async def _step(self) -> None:
        self.steps += 1
        for _ in range(self.random.randrange(6)):
            await asyncio.sleep(0)
        if self.random.random() < self.deaths:
            raise InterruptedError

    async def get(self, *which: str) -> Entry | None:
        await self._step()
        return self.held.get(which)

    async def set(self, entry: Entry, *which: str, is_repeated: bool = True) -> None:
        await self._step()
        self.held[which] = entry
        if self.deaths:  # done, and never told
            await self._step()


def name(number: int) -> str:
    return f"{number:064x}"


async def put(registers: Registers, which: str) -> None:
    """As a writer of its own."""
    slots = Slots(registers)
    await slots.put(which, PIECE, await slots.list())


async def listed(registers: Registers) -> set[str]:
    registers.deaths = 0.0
    return {found for found, _ in (await Slots(registers).list()).pieces.values()}


@pytest.fixture(autouse=True)
def no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that was not first waits; here the steps of others are the time, some ms each."""
    step = asyncio.sleep

    async def sleep(seconds: float) -> None:
        for _ in range(1 + int(seconds * 300)):
            await step(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)


@pytest.mark.parametrize("writers", [2, 3, 8, 64])
def test_writers_in_any_order_lose_nothing(writers: int) -> None:
    async def rounds() -> None:
        for seed in range(1 + 120 // writers**2):
            registers = Registers(seed)
            await asyncio.gather(*(put(registers, name(n)) for n in range(writers)))
            assert await listed(registers) == {name(n) for n in range(writers)}, seed

    asyncio.run(rounds())


def test_a_request_that_seemed_to_fail_and_comes_late_is_not_taken_for_the_last() -> None:
    class Late(Registers):
        """The first text in the race comes when another writer has won it."""

        late: Entry | None = None
        is_over = False

        async def set(self, entry: Entry, *which: str, is_repeated: bool = True) -> None:
            if which[0] == "race" and self.late is None:
                assert not is_repeated
                self.late = entry
                raise BusyError("busy", 3)
            if which[0] == "door" and not self.is_over and self.late:
                self.is_over = True
                await put(self, name(2))
                self.held["race", "0"] = self.late
            await super().set(entry, *which)

    async def both() -> None:
        registers = Late()
        await put(registers, name(1))
        assert registers.is_over
        assert await listed(registers) == {name(1), name(2)}

    asyncio.run(both())


def test_what_was_acknowledged_outlives_writers_that_die() -> None:
    async def rounds() -> None:
        died = 0
        for seed in range(60):
            registers = Registers(seed, deaths=0.03)
            works = [put(registers, name(n)) for n in range(8)]
            results = await asyncio.gather(*works, return_exceptions=True)
            done = {name(n) for n, result in enumerate(results) if result is None}
            assert {type(r) for r in results} <= {type(None), InterruptedError}
            died += len(results) - len(done)
            assert done <= await listed(registers), seed
        assert died

    asyncio.run(rounds())


def test_writers_beside_deletes_lose_nothing() -> None:
    async def rounds() -> None:
        for seed in range(30):
            registers = Registers(seed)
            old = [name(100 + n) for n in range(4)]
            for one in old:
                await put(registers, one)
            works = [Slots(registers).delete(one) for one in old]
            works += [put(registers, name(n)) for n in range(4)]
            await asyncio.gather(*works)
            assert await listed(registers) == {name(n) for n in range(4)}, seed

    asyncio.run(rounds())


def test_a_listing_passes_over_what_was_deleted_first() -> None:
    async def all_() -> None:
        registers = Registers()
        for number in range(30):
            await put(registers, name(number))
        for number in range(29):
            await Slots(registers).delete(name(number))
        registers.steps = 0
        assert await listed(registers) == {name(29)}
        assert registers.steps < 12

    asyncio.run(all_())


@pytest.mark.parametrize("lost", ["bounds", "door", "race"])
def test_a_cache_that_forgets_entries_keeps_the_others_found(lost: str) -> None:
    async def all_() -> None:
        registers = Registers()
        for number in range(10):
            await put(registers, name(number))
        for which in [which for which in registers.held if which[0] == lost]:
            del registers.held[which]
        assert await listed(registers) == {name(number) for number in range(10)}
        await put(registers, name(10))
        assert await listed(registers) == {name(number) for number in range(11)}

    asyncio.run(all_())


def test_slots_that_the_cache_dropped_are_gaps_and_in_time_no_more_asked_for() -> None:
    async def all_() -> None:
        registers = Registers()
        for number in range(12):
            await put(registers, name(number))
        for which in [w for w in registers.held if len(w) == 2 and int(w[1]) < 9]:
            del registers.held[which]
        assert await listed(registers) == {name(9), name(10), name(11)}
        await put(registers, name(12))
        await Slots(registers).delete(name(9))
        assert await listed(registers) == {name(10), name(11), name(12)}
        assert (await Slots(registers).list()).begin == 10

    asyncio.run(all_())


@pytest.mark.parametrize(
    "text", ["slots 5 1", "slots -1 3", "slots 1", "slots 9999999999 99999999999", "", "\ufffd"]
)
def test_bounds_that_are_none_are_as_if_there_were_none(text: str) -> None:
    async def all_() -> None:
        registers = Registers()
        await put(registers, name(1))
        registers.held["bounds",] = Entry(text)
        assert await listed(registers) == {name(1)}

    asyncio.run(all_())


def test_bounds_far_apart_are_refused_in_a_sentence() -> None:
    registers = Registers()
    registers.held["bounds",] = Entry("slots 0 999999999")
    with pytest.raises(StoreError, match="take another name"):
        asyncio.run(listed(registers))


def test_a_cache_that_keeps_nothing_is_told() -> None:
    class Forgetful(Registers):
        async def set(self, entry: Entry, *which: str, is_repeated: bool = True) -> None:
            if which[0] != "slot":
                await super().set(entry, *which, is_repeated=is_repeated)

    with pytest.raises(StoreError, match="does not keep"):
        asyncio.run(put(Forgetful(), name(1)))


def test_a_writer_gives_up_where_all_slots_are_others() -> None:
    class Closed(Registers):
        async def get(self, *which: str) -> Entry | None:
            return Entry("closed") if which[0] == "door" and self.steps > 40 else None

    registers = Closed()
    registers.steps = 50
    slots = Slots(registers)
    with pytest.raises(StoreError, match="too many write at once"):
        asyncio.run(slots.put(name(1), PIECE, type(asyncio.run(Slots(Registers()).list()))()))
