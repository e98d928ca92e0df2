"""Bundles in a build cache: a server of its own process, and one that a test bends."""

import asyncio
import contextlib
import gc
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import pytest

from precompile_context import Bundle
from precompile_context.stores import (
    DeadlineError,
    DeniedError,
    MissingPieceError,
    Patience,
    Piece,
    Store,
    StoreError,
    Traffic,
    open_store,
    push,
)
from precompile_context.testing import StoreTests
from precompile_context.trust import UNSIGNED
from tests import hanging
from tests.fake_build_cache import FakeBuildCache, fake_build_cache
from tests.reapi_server import build_cache, buildgrid
from tests.s3_server import Proxy
from tests.stores import bundle, keys, put, read
from tests.test_cli import started as run
from tests.test_stores_registry import grown

MIB = 1 << 20
needs_server = pytest.mark.skipif(
    buildgrid() is None, reason="NOT RUN: no build cache: PRECOMPILE_BUILDGRID"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Host of the server, and where its blobs lie."""
    command = buildgrid()
    assert command
    folder = tmp_path_factory.mktemp("reapi")
    with build_cache(command, folder) as host:
        yield host, folder / "blobs"


@pytest.fixture
def name(place: tuple[str, Path], tmp_path: Path) -> str:
    """A name that no other test has."""
    return f"reapi://{place[0]}/x{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]}"


@pytest.fixture
def cache() -> Iterator[tuple[FakeBuildCache, str]]:
    """A cache that a test bends, and a store's name in it."""
    with fake_build_cache() as (fake, host):
        yield fake, f"reapi://{host}/team/a/train"


@needs_server
class TestBuildCacheStore(StoreTests):
    """BuildGrid's."""

    tells_one = False

    @pytest.fixture
    def store(self, name: str) -> Store:
        return open_store(name)

    @pytest.fixture
    def another(self, name: str) -> Store:
        return open_store(name)


@needs_server
def test_names_of_one_instance_are_stores_of_their_own(name: str) -> None:
    put(open_store(name), bundle("a"))
    put(open_store(f"{name}.1"), bundle("b"))
    assert keys(read(open_store(name))) == {"a"}
    assert keys(read(open_store(f"{name}.1"))) == {"b"}


@needs_server
def test_a_push_moves_what_is_new_and_an_open_the_index(name: str) -> None:
    """Counted by a proxy between, headers among the bytes."""
    host = urlsplit(name).netloc
    proxy = Proxy(int(host.rpartition(":")[2]))
    near = name.replace(host, urlsplit(proxy.address).netloc)
    try:
        data = grown("large", "new", size=MIB)
        first = Bundle.open(data, policy=UNSIGNED).segments[0]
        large = bundle(*map(str, range(30)), size=MIB)
        put(open_store(name), large, data[: first.offset + first.size])
        put(open_store(near), data)
        assert MIB < proxy.up < MIB + (64 << 10)
        assert proxy.down < 64 << 10
        # This server sends a block of 1 MiB whatever the range is, and for the header, too.
        before = proxy.down
        reading = read(open_store(near))
        assert {piece.size > MIB for piece in reading.pieces} == {True}
        assert proxy.down - before < 5 * MIB
        before = proxy.down
        assert reading.bundle
        reading.bundle.read(reading.bundle.current()["test.blob", "17"])
        assert proxy.down - before < 2.2 * MIB
    finally:
        proxy.close()


@needs_server
def test_writers_of_many_processes_lose_nothing(name: str) -> None:
    """Each is a store of its own, with a process of its own that asks, and writes four times."""
    contents = [bundle(f"k{number}") for number in range(16)]
    stores = [open_store(name) for _ in range(4)]

    async def write_all() -> None:
        names = [Bundle.open(data, policy=UNSIGNED).digest.hex() for data in contents]
        works = [stores[n % 4].put(names[n], contents[n]) for n in range(16)]
        await asyncio.gather(*works)

    asyncio.run(write_all())
    assert keys(read(open_store(name))) == {f"k{number}" for number in range(16)}


@needs_server
def test_what_the_cache_has_dropped_is_a_miss_and_a_push_puts_it_again(
    name: str, place: tuple[str, Path]
) -> None:
    first, second = put(open_store(name), bundle("a"), bundle("b"))
    shutil.rmtree(place[1] / "cas", ignore_errors=True)
    for file in [path for path in place[1].rglob("*") if path.is_file()]:
        file.unlink()
    reading = read(open_store(name))
    assert keys(reading) == set()
    put(open_store(name), bundle("a"), bundle("b"))
    reading = read(open_store(name))
    assert keys(reading) == {"a", "b"}
    assert {piece.name for piece in reading.pieces} == {first, second}


@needs_server
def test_commands_take_the_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.precompile"
    file.write_bytes(grown("a", "b"))
    assert run("push", file, name, "--unsigned").status == 0
    assert run("inspect", "--json", name).json()
    back = tmp_path / "back.precompile"
    assert run("pull", name, back).status == 0
    assert back.read_bytes() == file.read_bytes()


def test_what_a_slot_names_and_is_gone_is_said(cache: tuple[FakeBuildCache, str]) -> None:
    fake, name = cache
    put(open_store(name), bundle("a"))
    gone = bundle("b")
    put(open_store(name), gone)
    del fake.blobs[hashlib.sha256(gone).hexdigest()]
    reading = read(open_store(name))
    assert keys(reading) == {"a"}
    assert "its content is gone" in reading.left_out[0].reason
    put(open_store(name), gone)
    assert keys(read(open_store(name))) == {"a", "b"}


@pytest.mark.parametrize(
    ("fault", "seconds", "sentence"),
    [
        ("deny", 5.0, "the build cache refuses the caller"),
        ("busy", 5.0, "cannot be reached, or is too busy"),
        ("stall", 1.0, "nothing within 1 s"),
    ],
)
def test_a_cache_that_does_not_answer_is_a_miss_in_time(
    cache: tuple[FakeBuildCache, str], fault: str, seconds: float, sentence: str
) -> None:
    fake, name = cache
    store = open_store(name)
    read(store)  # the process that asks has begun
    fake.fault = fault
    began = time.monotonic()
    reading = read(store, seconds=seconds)
    assert time.monotonic() - began < seconds + 20  # it stalls for longer
    assert reading.bundle is None
    assert sentence in str(reading.fault)


@pytest.mark.parametrize("segments", [["a"], ["a", "b", "c"]])
@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("fault", ["truncated", "altered", "sizes"])
def test_a_cache_that_lies_is_not_believed(
    cache: tuple[FakeBuildCache, str], fault: str, size: int, segments: list[str]
) -> None:
    fake, name = cache
    put(open_store(name), grown(*segments, size=size))
    fake.fault = fault
    reading = read(open_store(name), seconds=5.0)
    assert reading.bundle is None
    assert reading.left_out
    fake.fault = None
    assert keys(read(open_store(name))) == set(segments)


def test_small_segments_come_in_few_calls(cache: tuple[FakeBuildCache, str]) -> None:
    fake, name = cache
    data = grown(*map(str, range(40)))
    put(open_store(name), data)
    fake.calls.clear()
    assert len(keys(read(open_store(name)))) == 40
    assert (fake.calls.count("Read"), fake.calls.count("BatchReadBlobs")) == (0, 1)
    last = Bundle.open(data, policy=UNSIGNED).segments[-1]
    del fake.blobs[hashlib.sha256(data[last.offset :]).hexdigest()]
    assert "its content is gone" in read(open_store(name)).left_out[0].reason


def test_ranges_over_many_blobs_are_exact_where_one_is_there_twice(
    cache: tuple[FakeBuildCache, str],
) -> None:
    data = grown("a", "b", "a") + grown("a", "b", "a")
    store = open_store(cache[1])
    piece = Piece("f" * 64, len(data))
    assert Patience(10).wait(store.put(piece.name, data))
    for start in range(0, len(data), 311):
        for size in (1, 700, len(data) - start):
            size = min(size, len(data) - start)
            got = Patience(10).wait(store.read(piece, start, size))
            assert got == data[start : start + size]


def test_a_cache_that_sends_more_than_it_was_asked_for_is_cut_off(
    cache: tuple[FakeBuildCache, str],
) -> None:
    fake, name = cache
    put(open_store(name), bundle("a", size=3 * MIB))
    fake.fault = "longer"
    assert keys(read(open_store(name))) == {"a"}


def test_a_cache_that_is_busy_is_asked_again(cache: tuple[FakeBuildCache, str]) -> None:
    fake, name = cache
    fake.fault = "busy once"
    put(open_store(name), bundle("a"))
    assert keys(read(open_store(name))) == {"a"}


def test_a_cache_that_nobody_may_write_is_told(cache: tuple[FakeBuildCache, str]) -> None:
    fake, name = cache
    fake.fault = "readonly"
    with pytest.raises(StoreError, match="one that nobody may write"):
        put(open_store(name), bundle("a"))


def test_many_segments_go_in_few_calls_and_large_ones_by_streams(
    cache: tuple[FakeBuildCache, str],
) -> None:
    fake, name = cache
    put(open_store(name), grown(*map(str, range(40)), size=100_000))
    assert fake.calls.count("BatchUpdateBlobs") == 2
    fake.calls.clear()
    put(open_store(name), bundle("large", size=3 * MIB))
    assert (fake.calls.count("Write"), fake.calls.count("BatchUpdateBlobs")) == (1, 0)
    assert len(fake.calls) < 30


def test_a_token_goes_with_each_call_and_is_in_no_message(
    cache: tuple[FakeBuildCache, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake, name = cache
    monkeypatch.setenv("PRECOMPILE_REAPI_TOKEN", "hunter2hunter2")
    put(open_store(name), bundle("a"))
    assert set(fake.tokens) == {"Bearer hunter2hunter2"}
    fake.fault = "deny"
    with pytest.raises(DeniedError) as caught:
        put(open_store(name), bundle("b"))
    assert "hunter2" not in str(caught.value)
    assert "own words" not in str(caught.value)
    monkeypatch.setenv("PRECOMPILE_REAPI_TOKEN", "hunter2 hunter2\n")
    with pytest.raises(DeniedError, match="is no token") as caught:
        put(open_store(name), bundle("b"))
    assert "hunter2" not in str(caught.value)


def test_tls_is_checked_and_has_files_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-subj", "/CN=cache", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-days", "2", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    pair = (key.read_bytes(), certificate.read_bytes())
    credentials = grpc.ssl_server_credentials(
        [pair], root_certificates=pair[1], require_client_auth=True
    )
    with fake_build_cache(credentials) as (fake, host):
        name = f"reapi://{host}/train?tls=true"
        assert "cannot be reached" in str(read(open_store(name), seconds=3.0).fault)
        assert not fake.calls
        monkeypatch.setenv("PRECOMPILE_REAPI_CA", str(certificate))
        monkeypatch.setenv("PRECOMPILE_REAPI_KEY", str(key))
        assert "belong together" in str(read(open_store(name)).fault)
        monkeypatch.setenv("PRECOMPILE_REAPI_CERTIFICATE", str(tmp_path / "none.pem"))
        assert "CERTIFICATE names cannot be read" in str(read(open_store(name)).fault)
        monkeypatch.setenv("PRECOMPILE_REAPI_CERTIFICATE", str(certificate))
        put(open_store(name), bundle("a"))
        assert keys(read(open_store(name))) == {"a"}


def test_a_server_that_is_none_is_told(tmp_path: Path) -> None:
    proxy = Proxy(1)  # accepts, and nothing is behind it
    try:
        name = f"reapi://{urlsplit(proxy.address).netloc}/train"
        began = time.monotonic()
        assert read(open_store(name), seconds=3.0).fault
        assert time.monotonic() - began < 3.0 + 20
    finally:
        proxy.close()


def test_a_program_has_no_grpc_no_child_and_no_line_of_it(
    cache: tuple[FakeBuildCache, str],
) -> None:
    """A fork of it goes on as it would have; and nothing is left when it has ended."""
    _, name = cache
    script = (
        "import os, sys, time\n"
        "from precompile_context.stores import Patience, open_store\n"
        "store = open_store(sys.argv[1])\n"
        "print(Patience(20).wait(store.pieces()), 'grpc' in sys.modules)\n"
        "if not os.fork():\n"
        "    try: Patience(20).wait(store.pieces())\n"
        "    except OSError as error: print(error, flush=True)\n"
        "    os._exit(0)\n"
        "os.wait()\n"
        "try: os.wait()\n"
        "except ChildProcessError: print('no child')\n"
        "print(store._apart._link.socket.fileno() > 0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, name],
        capture_output=True,
        text=True,
        timeout=hanging.SECONDS,
    )
    assert done.stdout.splitlines() == [
        "[] False",
        "this process was forked off one that had asked a store, and asks none",
        "no child",
        "True",
    ]
    assert done.stderr == ""
    assert _have_ended(urlsplit(name).netloc)


def _askers(host: str) -> list[int]:
    """The processes that ask a cache at this port; none where there is no /proc to look into."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes()
            if b"reapi.worker" in command and host.encode() in command:
                found.append(int(entry.parent.name))
    return found


def _have_ended(host: str) -> bool:
    """Whether there is none of them, or soon none any more."""
    for _ in range(1200):
        if not _askers(host):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked for in /proc")
def test_the_process_that_asks_ends_with_the_program_and_begins_anew(
    cache: tuple[FakeBuildCache, str],
) -> None:
    _, name = cache
    host = urlsplit(name).netloc
    store = open_store(name)
    put(store, bundle("a"))
    (asker,) = _askers(host)
    os.kill(asker, 9)
    assert _have_ended(host)
    while (reading := read(store)).fault == "the process that asks the build cache has ended":
        time.sleep(0.02)
    assert keys(reading) == {"a"}
    assert len(_askers(host)) == 1
    del store, reading
    gc.collect()  # what was raised holds frames that hold it
    assert _have_ended(host)


def test_a_call_that_was_cancelled_is_cancelled_there(cache: tuple[FakeBuildCache, str]) -> None:
    fake, name = cache
    store = open_store(name)
    read(store)
    fake.fault = "stall"
    with pytest.raises(DeadlineError):
        Patience(0.3).wait(store.pieces())
    fake.fault = None
    fake.close()
    assert push(store, bundle("a"), patience=Patience(10), traffic=Traffic()).is_new


def test_a_piece_that_was_never_put_is_missing(cache: tuple[FakeBuildCache, str]) -> None:
    with pytest.raises(MissingPieceError):
        Patience(10).wait(open_store(cache[1]).read(Piece("0" * 64, 10), 0, 10))


def test_without_the_extra_one_line_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['grpc'] = None\n"
        "from precompile_context.stores import open_store\n"
        "try: open_store('reapi://127.0.0.1:9092/x')\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "reapi://127.0.0.1:9092/x: build caches are an extra: "
        "pip install 'precompile-context[reapi]'\n"
    )
