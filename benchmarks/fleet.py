"""A fleet that starts at once: what its store is asked, how long until all are warm, what it costs.

    python -m benchmarks.fleet

What one host asks is counted by running what hosts run against a simulated store. A store
that takes so many requests a second, and refuses what is more, is simulated with that;
what would take 10 thousand million requests is reckoned and not simulated, and says so.
"""

import heapq
import json
import random
from dataclasses import asdict, dataclass

from precompile_context import UNSIGNED, CacheArtifact, PrecompileContext
from precompile_context.stores import Patience, Traffic, push, read_store
from precompile_context.testing import SimulatedStore

# What S3's documentation says that one prefix takes a second, and its list prices (us-east-1).
READS_A_SECOND, WRITES_A_SECOND = 5_500, 3_500
DOLLARS_A_READ, DOLLARS_A_WRITE = 0.0004 / 1000, 0.005 / 1000
KEYS_A_PAGE = 1000
LATENCY = 0.02
# Hosts of one job start within so many seconds.
SPREAD = 30.0
# As the stores have it.
DEADLINE, SIDE_BY_SIDE, RETRIES = 10.0, 16, 3
PROGRAM_BYTES = 228_335  # the demo's bundle


@dataclass
class Outcome:
    """What a fleet's start did to its store.

    Attributes:
        requests, refused: of all hosts; `refused` are those that the store was too busy for.
        sent: bytes to hosts.
        seconds: from the first host's start to the last one's being warm.
        warm: hosts that had all within their deadline.
        dollars: at list prices of requests.
    """

    hosts: int
    pieces: int
    requests: int
    refused: int
    sent: int
    seconds: float | None
    warm: int
    dollars: float


@dataclass(frozen=True)
class Host:
    """What one host asks at its start: pages of a listing, then reads, side by side."""

    pages: int
    reads: int
    received: int


@dataclass(frozen=True)
class _Blob(CacheArtifact):
    TYPE = "fleet.blob"

    def populate_cache(self) -> None:
        """Nothing."""


def host_of(pieces: int) -> Host:
    """Counted: a reader of a store with so many pieces, each what one machine compiled."""
    store = SimulatedStore()
    for number in range(pieces):
        context = PrecompileContext(policy=UNSIGNED)
        context.register(_Blob)
        noise = random.Random(number).randbytes(PROGRAM_BYTES if pieces == 1 else 1000)
        context.record(_Blob("the program", noise))
        serialized = context.serialize()
        assert serialized is not None
        push(store, serialized[0], patience=Patience(60), traffic=Traffic())
    reading = read_store(store, policy=UNSIGNED, patience=Patience(600))
    assert reading.bundle is not None
    reading.prefetch(reading.bundle.current().values())
    pages = -(-pieces // KEYS_A_PAGE)
    received = store.received if pieces == 1 else pieces * PROGRAM_BYTES
    return Host(store.requests["list"] * pages, store.requests["read"], received)


def simulate(hosts: int, pieces: int, host: Host, spread: float = SPREAD) -> Outcome:
    """The start of all hosts, request by request, in the store's own time."""
    chance = random.Random(hosts)
    taken = {"list": [0.0, 0], "read": [0.0, 0]}  # the second that is counted, and its requests
    rates = {"list": WRITES_A_SECOND, "read": READS_A_SECOND}
    began = [chance.random() * spread for _ in range(hosts)]
    left = [host.reads] * hosts
    waiting = [0] * hosts
    done_at = [0.0] * hosts
    requests = refused = lists = warm = 0
    events = [(start, number, "list", host.pages, 0) for number, start in enumerate(began)]
    heapq.heapify(events)
    while events:
        now, number, kind, count, tries = heapq.heappop(events)
        if now - began[number] > DEADLINE:
            continue  # the host has gone on, cold
        second = taken[kind]
        if int(now) != second[0]:
            second[0], second[1] = int(now), 0
        requests += 1
        lists += kind == "list"
        if second[1] >= rates[kind]:
            refused += 1
            if tries < RETRIES:
                pause = 0.1 * 2**tries * (1 + chance.random())
                heapq.heappush(events, (now + pause, number, kind, count, tries + 1))
            continue
        second[1] += 1
        then = now + LATENCY
        if kind == "list":
            if count > 1:
                heapq.heappush(events, (then, number, "list", count - 1, 0))
            else:
                for _ in range(min(SIDE_BY_SIDE, host.reads)):
                    waiting[number] += 1
                    heapq.heappush(events, (then, number, "read", 1, 0))
            continue
        left[number] -= 1
        if left[number] >= waiting[number]:
            heapq.heappush(events, (then, number, "read", 1, 0))
        else:
            waiting[number] -= 1
        if left[number] == 0:
            warm += then - began[number] <= DEADLINE
            done_at[number] = then
    dollars = lists * DOLLARS_A_WRITE + (requests - lists) * DOLLARS_A_READ
    seconds = max(done_at) if warm == hosts else None
    sent = sum(host.reads - one for one in left) * (host.received // host.reads)
    return Outcome(hosts, pieces, requests, refused, sent, seconds, warm, dollars)


def reckon(hosts: int, pieces: int, host: Host) -> Outcome:
    """What all of them would ask if each got all; too many requests to simulate."""
    lists, reads = hosts * host.pages, hosts * host.reads
    dollars = lists * DOLLARS_A_WRITE + reads * DOLLARS_A_READ
    return Outcome(hosts, pieces, lists + reads, 0, hosts * host.received, None, 0, dollars)


def outcomes() -> list[tuple[str, Outcome]]:
    """All rows: one piece for all, and a piece of each host, read by all at the next start."""
    one, thousand = host_of(1), host_of(1000)
    many = Host(100 * thousand.pages, 100 * thousand.reads, 100 * thousand.received)
    return [
        ("one piece, which one job pushed", simulate(1_000, 1, one)),
        ("one piece, which one job pushed", simulate(100_000, 1, one)),
        ("the same, within 5 seconds", simulate(100_000, 1, one, 5.0)),
        ("a piece of each host", simulate(1_000, 1_000, thousand)),
        ("a piece of each host (reckoned)", reckon(100_000, 100_000, many)),
    ]


def main() -> None:
    """Print the table of docs/fleet.md, and the numbers as JSON."""
    print("| store | hosts | requests | refused | moved | all warm after | warm | requests cost |")
    print("|---|---|---|---|---|---|---|---|")
    rows = outcomes()
    for name, row in rows:
        seconds = "never" if row.seconds is None else f"{row.seconds:.1f} s"
        print(
            f"| {name} | {row.hosts:,} | {row.requests:,} | {row.refused:,} | "
            f"{row.sent / 1e9:,.1f} GB | {seconds} | {row.warm:,} | ${row.dollars:,.2f} |"
        )
    print(json.dumps([{"store": name, **asdict(row)} for name, row in rows]))


if __name__ == "__main__":
    main()
