"""Bundles in an OCI registry: a server of its own process, and answers that a test bends."""

import asyncio
import contextlib
import hashlib
import http.server
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from precompile_context import UNSIGNED, Bundle
from precompile_context.stores import (
    DeniedError,
    MissingPieceError,
    Patience,
    Store,
    StoreError,
    open_store,
    waiting,
)
from precompile_context.stores.registry.client import _given
from precompile_context.testing import StoreTests
from tests.registry_server import (
    PASSWORD,
    TokenService,
    docker_registry,
    log_in,
    registry,
    registry_with_passwords,
)
from tests.s3_server import Proxy, free_port
from tests.samples import context
from tests.stores import bundle, content, keys, put, read
from tests.test_cli import started as run

MIB = 1 << 20
pytestmark = pytest.mark.skipif(
    docker_registry() is None, reason="NOT RUN: no registry: apt-get install docker-registry"
)


@pytest.fixture(autouse=True)
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nobody's own logins are used."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    return tmp_path / "docker"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as address:
        yield address


@pytest.fixture
def name(host: str, tmp_path: Path) -> str:
    """A name that no other test has."""
    place = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:20]
    return f"oci://{host}/team/x{place}:v3"


def get(host: str, path: str, accept: str = "*/*") -> Any:
    request = urllib.request.Request(f"http://{host}/v2/{path}", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def manifest(name: str) -> Any:
    """The manifest of the name's own tag."""
    parts = urlsplit(name)
    repository, _, tag = parts.path[1:].partition(":")
    kind = "application/vnd.oci.image.manifest.v1+json"
    return get(parts.netloc, f"{repository}/manifests/{tag}", kind)


def grown(*keys_: str, size: int = 1000) -> bytes:
    """A bundle of one chain, a segment for each key."""
    made = context()
    data = b""
    for key in keys_:
        made.record_artifact("test.blob", key, content(key, size))
        serialized = made.serialize()
        assert serialized is not None
        data = serialized[0]
    return data


class TestRegistryStore(StoreTests):
    """Debian's registry."""

    tells_one = False

    @pytest.fixture
    def store(self, name: str) -> Store:
        return open_store(name)

    @pytest.fixture
    def another(self, name: str) -> Store:
        return open_store(name)


def test_tags_of_one_repository_are_stores_of_their_own(name: str) -> None:
    put(open_store(name), bundle("a"))
    put(open_store(f"{name}.1"), bundle("b"))
    assert keys(read(open_store(name))) == {"a"}
    assert keys(read(open_store(f"{name}.1"))) == {"b"}


def test_an_append_moves_the_new_layer_alone(host: str, name: str) -> None:
    """Counted by a proxy between, headers among the bytes."""
    proxy = Proxy(int(host.rpartition(":")[2]))
    try:
        put(open_store(name), bundle("large", size=8 * MIB))
        store = open_store(name.replace(host, urlsplit(proxy.address).netloc))
        put(store, bundle("new", size=MIB))
        assert MIB < proxy.up < MIB + (64 << 10)
        assert proxy.down < 64 << 10
        assert keys(read(open_store(name))) == {"large", "new"}
    finally:
        proxy.close()


def test_a_large_bundle_is_read_by_ranges(host: str, name: str) -> None:
    proxy = Proxy(int(host.rpartition(":")[2]))
    try:
        put(open_store(name), bundle(*map(str, range(50)), size=MIB))
        store = open_store(name.replace(host, urlsplit(proxy.address).netloc))
        reading = read(store)
        assert reading.bundle
        assert proxy.requests <= 5
        assert proxy.down < MIB
        before = proxy.down
        reading.bundle.read(reading.bundle.current()["test.blob", "17"])
        assert proxy.down - before < 1.3 * MIB
    finally:
        proxy.close()


def test_plain_curl_and_cat_give_the_bundle(host: str, name: str, tmp_path: Path) -> None:
    put(open_store(name), grown("a", "b"), bundle("c"))
    repository = urlsplit(name).path[1:].partition(":")[0]
    script = f"""
        set -eu
        base=http://{host}/v2/{repository}
        for digest in $(curl -sf -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
                $base/manifests/v3 | python3 -c \
                'import json, sys; [print(la["digest"]) for la in json.load(sys.stdin)["layers"]]')
        do curl -sf $base/blobs/$digest; done > all.precompile
    """
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True)
    found = Bundle.open((tmp_path / "all.precompile").read_bytes(), policy=UNSIGNED)
    assert {stored.key for stored in found.current().values()} == {"a", "b", "c"}
    assert found.digest == getattr(read(open_store(name)).bundle, "digest", None)


def test_the_manifest_says_what_it_is_and_what_each_layer_needs(name: str) -> None:
    put(open_store(name), grown("a", "b"), bundle("c"))
    found = manifest(name)
    assert found["artifactType"] == "application/vnd.precompile.bundle"
    assert len(found["layers"]) == 3
    pieces = [layer["annotations"]["vnd.precompile.piece"] for layer in found["layers"]]
    assert pieces == sorted(pieces)
    assert len(set(pieces)) == 2


def test_writers_at_once_lose_nothing_and_the_tag_has_all(name: str) -> None:
    contents = {key: bundle(key) for key in "abcdefgh"}

    async def write(data: bytes) -> None:
        await open_store(name).put(Bundle.open(data, policy=UNSIGNED).digest.hex(), data)

    async def write_all() -> None:
        await asyncio.gather(*map(write, contents.values()))

    asyncio.run(write_all())
    assert keys(read(open_store(name))) == set(contents)
    assert len(manifest(name)["layers"]) == 8


def test_a_digest_names_what_was_there(host: str, name: str) -> None:
    put(open_store(name), bundle("a"))
    data = json.dumps(manifest(name), separators=(",", ":"), sort_keys=True).encode()
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    put(open_store(name), bundle("b"))
    pinned = open_store(f"{name}@{digest}")
    assert keys(read(pinned)) == {"a"}
    assert not pinned.writable
    with pytest.raises(StoreError, match="one manifest"):
        put(pinned, bundle("c"))
    with pytest.raises(MissingPieceError):
        Patience(5).wait(open_store(f"{name}@sha256:{'0' * 64}").pieces())


def test_a_copy_of_the_tag_alone_serves_and_grows(host: str, name: str) -> None:
    """As other tools copy: one manifest, and none of the pieces' own."""
    put(open_store(name), bundle("a"), bundle("b"))
    repository = urlsplit(name).path[1:].partition(":")[0]
    data = json.dumps(manifest(name), separators=(",", ":"), sort_keys=True).encode()
    kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    url = f"http://{host}/v2/{repository}/manifests/copy"
    request = urllib.request.Request(url, data=data, headers=kind, method="PUT")
    with urllib.request.urlopen(request, timeout=10):
        pass
    copy = name.replace(":v3", ":copy")
    assert keys(read(open_store(copy))) == {"a", "b"}
    put(open_store(copy), bundle("c"))
    assert keys(read(open_store(copy))) == {"a", "b", "c"}


def _image(host: str, repository: str, tag: str) -> None:
    """Something that is no bundle, with the bytes of an empty configuration."""
    url = f"http://{host}/v2/{repository}"
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/blobs/uploads/", data=b"", method="POST"), timeout=10
    ) as begun:
        place = begun.headers["Location"]
    digest = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
    with urllib.request.urlopen(
        urllib.request.Request(
            f"{place}&digest={digest}",
            data=b"{}",
            headers={"Content-Type": "application/octet-stream"},
            method="PUT",
        ),
        timeout=10,
    ):
        pass
    kind = "application/vnd.oci.image.manifest.v1+json"
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": 2}
    data = {"schemaVersion": 2, "mediaType": kind, "config": config, "layers": [config]}
    request = urllib.request.Request(
        f"{url}/manifests/{tag}",
        data=json.dumps(data).encode(),
        headers={"Content-Type": kind},
        method="PUT",
    )
    with urllib.request.urlopen(request, timeout=10):
        pass


def test_an_image_is_never_written_over_and_serves_what_is_attached(
    host: str, name: str, tmp_path: Path
) -> None:
    repository = urlsplit(name).path[1:].partition(":")[0]
    _image(host, repository, "app")
    app = name.replace(":v3", ":app")
    with pytest.raises(StoreError, match="it is an image"):
        put(open_store(app), bundle("a"))
    assert "it is an image" in (read(open_store(app)).fault or "")
    (tmp_path / "a.precompile").write_bytes(bundle("a"))
    done = run("push", "--unsigned", "--subject", "app", tmp_path / "a.precompile", name)
    assert (done.status, done.err) == (0, "")
    assert keys(read(open_store(app))) == {"a"}
    put(open_store(name), bundle("b"))
    assert manifest(name)["subject"]["digest"]
    assert keys(read(open_store(app))) == {"a", "b"}


def test_passwords_of_dockers_configuration_open_the_registry(
    tmp_path: Path, docker_config: Path
) -> None:
    with registry_with_passwords(tmp_path) as host:
        name = f"oci://{host}/team/train:v3"
        with pytest.raises(DeniedError, match="does not know the caller: `docker login 127"):
            put(open_store(name), bundle("a"))
        log_in(docker_config, host)
        put(open_store(name), bundle("a"))
        assert keys(read(open_store(name))) == {"a"}
        log_in(docker_config, host, username="someone", password="hunter3hunter3")
        with pytest.raises(DeniedError, match="refuses the credentials") as caught:
            put(open_store(name), bundle("b"))
        assert "hunter" not in str(caught.value)


def test_a_credential_helper_opens_the_registry(
    tmp_path: Path, docker_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = tmp_path / "bin" / "docker-credential-test"
    helper.parent.mkdir()
    answer = json.dumps({"Username": "someone", "Secret": PASSWORD})
    helper.write_text(
        f"#!/bin/sh\nread server\necho $server >> {tmp_path}/asked\necho '{answer}'\n"
    )
    helper.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(helper.parent), prepend=os.pathsep)
    docker_config.mkdir()
    with registry_with_passwords(tmp_path) as host:
        config = docker_config / "config.json"
        config.write_text(json.dumps({"credHelpers": {host: "test"}}))
        put(open_store(f"oci://{host}/team/train:v3"), bundle("a"))
        assert host in (tmp_path / "asked").read_text().split()
        helper.write_text(f"#!/bin/sh\necho {PASSWORD}\nexit 1\n")
        with pytest.raises(StoreError, match="docker-credential-test failed") as caught:
            put(open_store(f"oci://{host}/team/train:v3"), bundle("b"))
        assert PASSWORD not in str(caught.value)
        config.write_text(json.dumps({"credsStore": "../evil"}))
        with pytest.raises(StoreError, match="cannot be one"):
            put(open_store(f"oci://{host}/team/train:v3"), bundle("b"))


def test_tokens_are_got_renewed_and_refused(tmp_path: Path, docker_config: Path) -> None:
    service = TokenService(tmp_path)
    try:
        with registry(tmp_path, service.auth) as host:
            name = f"oci://{host}/team/train:v3"
            log_in(docker_config, host)
            store = open_store(name)
            service.seconds = -59.0  # holds for the leniency of a minute, less what has passed
            put(store, bundle("a"))
            before = len(service.asked)
            asyncio.run(asyncio.sleep(2.1))
            put(store, bundle("b"))  # by new tokens, in the same run
            assert len(service.asked) > before
            service.seconds = 60.0
            (docker_config / "config.json").unlink()
            assert keys(read(open_store(name))) == {"a", "b"}  # anyone may pull
            with pytest.raises(DeniedError):
                put(open_store(name), bundle("c"))
            log_in(docker_config, host, identitytoken="identity")
            put(open_store(name), bundle("c"))
            assert "refresh_token=identity" in service.asked[-1]
            service.allows_anyone = False
            log_in(docker_config, host, username="someone", password="wrong")
            assert "refuses the credentials" in (read(open_store(name)).fault or "")
    finally:
        service.close()


def test_a_registry_that_nobody_serves_is_told() -> None:
    reading = read(open_store(f"oci://127.0.0.1:{free_port()}/a:b"), seconds=2.0)
    assert reading.bundle is None
    assert "cannot be reached" in (reading.fault or "")


def test_a_damaged_blob_is_found_by_its_digest(tmp_path: Path) -> None:
    with registry(tmp_path) as host:
        store = open_store(f"oci://{host}/a:b")
        put(store, bundle("a", size=5000))
        found = [
            path for path in tmp_path.rglob("data") if path.stat().st_size > 5000 and path.is_file()
        ]
        for path in found:
            data = bytearray(path.read_bytes())
            data[100] ^= 1
            path.write_bytes(data)
        reading = read(open_store(f"oci://{host}/a:b"))
        assert reading.bundle is None
        assert "its digest is another" in reading.left_out[0].reason


def test_a_bundle_as_an_image_is_one_file_for_volumes(host: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "a.precompile"
    file.write_bytes(bundle("a"))
    done = run("push", "--unsigned", "--as-image", file, name)
    assert (done.status, done.err) == (0, "")
    assert "an image of one file" in done.out
    repository = urlsplit(name).path[1:].partition(":")[0]
    digest = manifest(name)["layers"][0]["digest"]
    with urllib.request.urlopen(f"http://{host}/v2/{repository}/blobs/{digest}") as blob:
        data = io.BytesIO(blob.read())
    with tarfile.open(fileobj=data, mode="r:gz") as layer:
        extracted = layer.extractfile("bundle.precompile")
        assert extracted
        assert extracted.read() == file.read_bytes()
    assert "already" in run("push", "--unsigned", "--as-image", file, name).out
    assert "it is an image" in run("push", "--unsigned", file, name).err


def test_a_redirect_takes_no_credentials_to_another_host(
    tmp_path: Path, docker_config: Path
) -> None:
    """A registry that keeps its blobs elsewhere, as the large ones do."""
    data = bundle("a")
    layer = f"sha256:{hashlib.sha256(data).hexdigest()}"
    seen: dict[str, list[str | None]] = {"registry": [], "elsewhere": []}
    found = {
        "artifactType": "application/vnd.precompile.bundle",
        "layers": [{"digest": layer, "size": len(data)}],
    }

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            who = "registry" if self.path.startswith("/v2/") else "elsewhere"
            seen[who].append(self.headers.get("Authorization"))
            body = b"{}"
            if who == "registry" and self.headers.get("Authorization") is None:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="x"')
            elif "/blobs/" in self.path:
                self.send_response(307)
                self.send_header(
                    "Location", f"http://localhost:{server.server_port}/blob?X-Signature=s3cret"
                )
            else:
                self.send_response(200)
                body = data if who == "elsewhere" else json.dumps(found).encode()
                body = b'{"tags": []}' if "/tags/" in self.path else body
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        host = f"127.0.0.1:{server.server_address[1]}"
        log_in(docker_config, host)
        assert keys(read(open_store(f"oci://{host}/a:b"))) == {"a"}
        assert any(seen["registry"])
        assert seen["elsewhere"] == [None]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.skipif(shutil.which("oras") is None, reason="NOT RUN: oras is not on PATH")
def test_plain_oras_gives_the_bundle(name: str, tmp_path: Path) -> None:
    put(open_store(name), grown("a", "b"), bundle("c"))
    plain = name.removeprefix("oci://")
    subprocess.run(["oras", "pull", "--plain-http", plain], cwd=tmp_path, check=True)
    data = b"".join(path.read_bytes() for path in sorted(tmp_path.glob("*.segment")))
    found = Bundle.open(data, policy=UNSIGNED)
    assert {stored.key for stored in found.current().values()} == {"a", "b", "c"}


def test_a_range_of_more_digits_than_any_number_is_none() -> None:
    assert _given({"content-range": "bytes 2-5/9"}) == (2, 5)
    assert _given({"content-range": f"bytes {'1' * 5000}-5/9"}) is None


_HOSTILE = {
    "no JSON": b"<!doctype html>",
    "deep": b"[" * 200_000,
    "a list": b"[]",
    "layers of text": b'{"artifactType": "application/vnd.precompile.bundle", "layers": ["x"]}',
    "less than nothing": b'{"artifactType": "application/vnd.precompile.bundle", "layers": '
    b'[{"digest": "sha256:' + b"0" * 64 + b'", "size": -1}]}',
    "a huge size": b'{"artifactType": "application/vnd.precompile.bundle", "layers": '
    b'[{"digest": "sha256:' + b"0" * 64 + b'", "size": 4611686018427387904}]}',
    "no digest": b'{"artifactType": "application/vnd.precompile.bundle", "layers": '
    b'[{"digest": "../../etc", "size": 1}]}',
    "larger than any": b" " * (5 << 20),
    "an image": b"{}",
}


def test_a_registry_that_drips_its_list_does_not_hold_a_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "SMALL_SECONDS", 0.3)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "100000")
            self.end_headers()
            with contextlib.suppress(OSError):
                while not is_over.wait(0.05):
                    self.wfile.write(b" ")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    is_over = threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        store = open_store(f"oci://127.0.0.1:{server.server_port}/a:b")
        with pytest.raises(StoreError, match=r"within 0\.3 s"):
            Patience(20).wait(store.pieces())
    finally:
        is_over.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("body", _HOSTILE.values(), ids=list(_HOSTILE))
def test_whatever_a_registry_answers_is_a_sentence(body: bytes) -> None:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = b'{"tags": [7, "b.x", null]}' if "/tags/" in self.path else body
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        reading = read(open_store(f"oci://127.0.0.1:{server.server_port}/a:b"), seconds=5.0)
        assert reading.bundle is None
        assert reading.fault or reading.left_out
    finally:
        server.shutdown()
        server.server_close()
