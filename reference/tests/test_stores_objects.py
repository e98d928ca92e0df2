"""Object stores by obstore: memory, a folder, a server that speaks S3, one object over HTTP."""

import http.server
import multiprocessing
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from precompile_context import MisuseError
from precompile_context.stores import (
    DeniedError,
    Patience,
    Store,
    StoreError,
    open_store,
    waiting,
)
from precompile_context.stores.object_store import ObjectStore
from precompile_context.testing import StoreTests
from tests.s3_server import Proxy, free_port, make_bucket, moto, s3_server
from tests.stores import bundle, keys, put, read

MIB = 1 << 20
needs_moto = pytest.mark.skipif(moto() is None, reason="no S3 server: `make test-stores` has one")


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    command = moto()
    assert command
    with s3_server(command, tmp_path_factory.mktemp("moto")) as address:
        yield address


@pytest.fixture
def bucket(s3: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A new bucket, with credentials as a program has them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    name = re.sub(r"[^a-z0-9]", "", request.node.name.lower())[:40] + str(time.monotonic_ns())[-9:]
    make_bucket(s3, name)
    return name


class TestMemoryStore(StoreTests):
    """obstore's own, in memory."""

    @pytest.fixture
    def store(self) -> Store:
        from obstore.store import MemoryStore

        return ObjectStore("memory", MemoryStore())


class TestFolderStore(StoreTests):
    """`file:`, a folder that may be shared."""

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        return open_store(f"file:{tmp_path}/store")

    @pytest.fixture
    def another(self, store: Store, tmp_path: Path) -> Store:
        return open_store(f"file://{tmp_path}/store/")


@needs_moto
class TestS3Store(StoreTests):
    """A server of its own process."""

    @pytest.fixture
    def store(self, s3: str, bucket: str) -> Store:
        return open_store(f"s3://{bucket}/team/train/?endpoint={s3}&region=us-east-1")

    @pytest.fixture
    def another(self, s3: str, bucket: str) -> Store:
        return open_store(f"s3://{bucket}/team/train?endpoint={s3}&region=us-east-1")


@needs_moto
def test_prefixes_of_one_bucket_are_stores_of_their_own(s3: str, bucket: str) -> None:
    one = open_store(f"s3://{bucket}/one/?endpoint={s3}&region=us-east-1")
    two = open_store(f"s3://{bucket}/on?endpoint={s3}&region=us-east-1")
    put(one, bundle("a"))
    assert keys(read(one)) == {"a"}
    assert keys(read(two)) == set()


@needs_moto
def test_one_object_of_a_bucket_is_read_by_its_name(s3: str, bucket: str) -> None:
    from obstore.store import S3Store

    objects = S3Store(bucket, endpoint=s3, region="us-east-1", client_options={"allow_http": True})
    objects.put("a/train.precompile", bundle("a", "b"))
    store = open_store(f"s3://{bucket}/a/train.precompile?endpoint={s3}&region=us-east-1")
    assert not store.writable
    assert keys(read(store)) == {"a", "b"}
    with pytest.raises(StoreError, match="one object"):
        put(store, bundle("c"))


@needs_moto
def test_a_missing_bucket_is_told_and_cold(s3: str, bucket: str) -> None:
    store = open_store(f"s3://missing-{bucket}/x?endpoint={s3}&region=us-east-1")
    reading = read(store)
    assert reading.bundle is None
    assert reading.fault
    assert "hunter2" not in reading.fault


def test_a_store_that_nobody_serves_is_told_by_the_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    store = open_store(f"s3://b/x?endpoint=http://127.0.0.1:{free_port()}&region=us-east-1")
    began = time.monotonic()
    reading = read(store, seconds=1.0)
    assert time.monotonic() - began < 60  # its library would try for minutes
    assert reading.bundle is None
    assert reading.fault
    assert "hunter2" not in reading.fault


@needs_moto
def test_opening_a_large_bundle_and_one_content_of_fifty(s3: str, bucket: str) -> None:
    """Counted by a proxy between, headers among the bytes."""
    proxy = Proxy(urlsplit(s3).port or 0)
    try:
        direct = open_store(f"s3://{bucket}/x?endpoint={s3}&region=us-east-1")
        put(direct, bundle(*map(str, range(50)), size=2 * MIB))
        store = open_store(f"s3://{bucket}/x?endpoint={proxy.address}&region=us-east-1")
        reading = read(store)
        assert reading.bundle
        assert proxy.requests <= 5
        assert proxy.down < MIB
        before = proxy.down
        reading.bundle.read(reading.bundle.current()["test.blob", "17"])
        assert proxy.down - before < 1.3 * 2 * MIB
    finally:
        proxy.close()


@needs_moto
def test_writers_that_are_killed_lose_nothing_that_was_acknowledged(
    s3: str, bucket: str, tmp_path: Path
) -> None:
    name = f"s3://{bucket}/x?endpoint={s3}&region=us-east-1"
    for key in "abcdef":
        (tmp_path / key).write_bytes(bundle(key, size=100_000))
    script = (
        "import sys, pathlib\n"
        "from precompile_context.stores import *\n"
        "store = open_store(sys.argv[1])\n"
        "for path in map(pathlib.Path, sys.argv[2:]):\n"
        "    push(store, path.read_bytes(), patience=Patience(20), traffic=Traffic())\n"
        "    print(path.name, flush=True)\n"
    )
    acknowledged: set[str] = set()
    for number in range(3):
        files = [str(tmp_path / key) for key in "abcdef"]
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", script, name, *files[n:], *files[:n]],
                stdout=subprocess.PIPE,
                text=True,
            )
            for n in range(2)
        ]
        time.sleep(0.4 + number * 0.1)
        for writer in writers:
            writer.kill()
            assert writer.stdout
            acknowledged |= set(writer.stdout.read().split())
            writer.wait()
        found = keys(read(open_store(name)))
        assert acknowledged <= found <= set("abcdef")


def _child(name: str, answers: Any) -> None:
    try:
        read(open_store(name), seconds=1.0)
        store = read(open_store(name), seconds=1.0)
        answers.put(store.fault or "")
    except Exception as error:
        answers.put(f"{type(error).__name__}: {error}")


def test_a_forked_child_of_a_process_that_asked_is_told_at_once(tmp_path: Path) -> None:
    name = f"file:{tmp_path}/store"
    put(open_store(name), bundle("a"))
    forking = multiprocessing.get_context("fork")
    answers = forking.Queue()
    child = forking.Process(target=_child, args=(name, answers))
    child.start()
    assert "forked" in answers.get(timeout=60)  # and not that nothing came within its seconds
    child.join(60)


class _Ranges(http.server.BaseHTTPRequestHandler):
    """Answers as a server of static files does: HEAD, GET with and without a range."""

    protocol_version = "HTTP/1.1"

    def __init__(self, server: "_Files", *args: Any) -> None:
        self.files = server
        super().__init__(*args)

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, body: bool = True) -> None:
        files = self.files
        files.seen.append(self.headers.get("Range"))
        files.authorized.append(self.headers.get("Authorization"))
        if not files.gives_ranges:
            del self.headers["Range"]
        data = files.data.get(self.path)
        status = files.status or (404 if data is None else 200)
        data = data if data and status < 400 else b"none"
        content_range = None
        if status == 200 and (
            found := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
        ):
            first, last = int(found[1]), min(int(found[2]), len(data) - 1)
            content_range = f"bytes {first}-{last}/{len(data)}"
            data, status = data[first : last + 1], 206
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", files.elsewhere)
        if content_range:
            self.send_header("Content-Range", content_range)
        claimed = None if body else files.claimed
        self.send_header("Content-Length", str(claimed or len(data)))
        self.send_header("Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT")
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


class _Files:
    """A server of files, until it is closed."""

    def __init__(self) -> None:
        self.data: dict[str, bytes] = {}
        self.seen: list[str | None] = []
        self.authorized: list[str | None] = []
        self.gives_ranges = True
        self.claimed: int | None = None
        self.status: int | None = None
        self.elsewhere = ""
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Ranges, self))
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def files() -> Iterator[_Files]:
    server = _Files()
    yield server
    server.close()


def test_one_object_over_http_is_read_by_ranges(files: _Files) -> None:
    files.data["/a/train.precompile"] = bundle("a", "b", size=3 * MIB)
    store = open_store(f"{files.address}/a/train.precompile")
    reading = read(store)
    assert reading.bundle
    assert reading.traffic.received < 200_000
    assert keys(reading) == {"a", "b"}
    assert all(files.seen[1:])


@pytest.mark.parametrize("status", [401, 403])
def test_who_is_refused_over_http_is_told(files: _Files, status: int) -> None:
    files.status = status
    store = open_store(f"{files.address}/train.precompile")
    reading = read(store)
    assert reading.bundle is None
    assert reading.fault
    with pytest.raises(DeniedError):
        Patience(5).wait(store.pieces())


def test_what_is_not_there_over_http_is_told(files: _Files) -> None:
    reading = read(open_store(f"{files.address}/train.precompile"))
    assert reading.bundle is None
    assert reading.fault == "train.precompile is not there"


def test_a_server_without_ranges_gives_small_bundles_and_says_so_of_large_ones(
    files: _Files,
) -> None:
    files.gives_ranges = False
    files.data["/small.precompile"] = bundle("a")
    files.data["/large.precompile"] = bundle("a", size=3 * MIB)
    assert keys(read(open_store(f"{files.address}/small.precompile"))) == {"a"}
    reading = read(open_store(f"{files.address}/large.precompile"))
    assert reading.bundle is None
    assert "gives no ranges" in reading.left_out[0].reason


def test_a_redirect_to_another_host_takes_no_credentials_there(
    files: _Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    stranger = _Files()
    try:
        stranger.data["/bucket/x.precompile"] = bundle("a")
        files.status = 302
        files.elsewhere = f"{stranger.address}/bucket/x.precompile"
        read(open_store(f"s3://bucket/x.precompile?endpoint={files.address}&region=us-east-1"))
        assert any(files.authorized)
        assert not any(stranger.authorized)
    finally:
        stranger.close()


def test_credentials_that_expire_within_a_run_are_told_and_what_came_before_serves(
    files: _Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2hunter2")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hunter2-of-an-hour")
    files.data["/bucket/x.precompile"] = bundle("a", "b", size=3 * MIB)
    name = f"s3://bucket/x.precompile?endpoint={files.address}&region=us-east-1"
    reading = read(open_store(name))
    assert reading.bundle
    current = reading.bundle.current()
    assert reading.bundle.read(current["test.blob", "a"])
    files.status = 403
    with pytest.raises(DeniedError, match="the store refuses the caller") as caught:
        reading.bundle.read(current["test.blob", "b"])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("size", [1 << 40, 1 << 62])
def test_an_object_that_claims_a_huge_size_is_left_out(files: _Files, size: int) -> None:
    files.data["/train.precompile"] = bundle("a")
    files.claimed = size
    reading = read(open_store(f"{files.address}/train.precompile"), seconds=5.0)
    assert reading.bundle is None
    assert reading.fault or reading.left_out
    assert reading.traffic.received < MIB


def test_a_page_in_place_of_a_bundle_is_refused(files: _Files) -> None:
    files.data["/train.precompile"] = b"<!doctype html>" * 100
    reading = read(open_store(f"{files.address}/train.precompile"))
    assert reading.bundle is None
    assert "NOT_A_BUNDLE" in reading.left_out[0].reason or "TRUNCATED" in reading.left_out[0].reason


@pytest.mark.parametrize("scheme", ["s3", "gs", "az", "https"])
def test_opening_asks_nothing_and_names_hold_no_secret(
    scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg==")
    store = open_store(f"{scheme}://place/path/x.precompile")
    assert store.name == f"{scheme}://place/path/x.precompile"


@pytest.mark.parametrize("name", ["s3://b/x/?", "gs://b/x/?anonymous=true&", "az://b/x/?"])
def test_an_endpoint_is_asked_whatever_the_vendor(
    name: str, files: _Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "aHVudGVyMg==")
    files.status = 403
    with pytest.raises(DeniedError):
        Patience(5).wait(open_store(f"{name}endpoint={files.address}").pieces())


def test_a_server_that_never_answers_a_look_does_not_hold_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "SMALL_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_store(f"http://127.0.0.1:{silent.getsockname()[1]}/x.precompile")
        with pytest.raises(StoreError, match=r"within 0\.2 s"):
            Patience(60).wait(store.pieces())


def test_a_file_in_the_place_of_a_folder_takes_no_piece_and_says_so(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"")
    store = open_store(f"file:{tmp_path}/store")
    with pytest.raises(StoreError, match="is no folder"):
        put(store, bundle("a"))
    assert "is no folder" in (read(store).fault or "")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "pieces").write_bytes(b"")
    with pytest.raises(StoreError):
        put(open_store(f"file:{tmp_path}/other"), bundle("a"))


def test_what_the_library_refuses_is_misuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(MisuseError, match="the account is not known"):
        open_store("az://container/x")


def test_without_the_extra_one_line_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['obstore'] = None\n"
        "from precompile_context.stores import open_store\n"
        "try: open_store('s3://bucket/x')\n"
        "except OSError as error: print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == (
        "s3://bucket/x: object stores are an extra: pip install 'precompile-context[s3]'\n"
    )


def test_an_import_of_stores_imports_no_library_of_an_extra() -> None:
    script = "import sys, precompile_context.stores; print('obstore' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"


def test_processes_that_end_right_after_their_last_request_end_well(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from precompile_context.stores import open_store\n"
        "from precompile_context.stores.waiting import wait\n"
        "store = open_store(sys.argv[1])\n"
        "for number in range(20): wait(store.put(f'{number:064d}', b'x'), 20)\n"
    )
    for number in range(8):
        command = [sys.executable, "-c", script, f"file:{tmp_path}/{number}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
