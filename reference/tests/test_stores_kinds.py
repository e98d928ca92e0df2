"""Each command with each kind of store's name; where one cannot be, a sentence says why."""

import contextlib
import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from precompile_context import UNSIGNED, Bundle, Environment
from precompile_context.cli import main
from precompile_context.stores import open_store
from precompile_context.stores.waiting import wait
from tests.registry_server import docker_registry, registry
from tests.s3_server import make_bucket, moto, s3_server
from tests.stores import bundle, content, keys, put, read

SECRET = "hunter2hunter2"
ONE_FOR_S3 = pytest.mark.skipif(moto() is None, reason="no S3 server: `make test-stores` has one")
ONE_FOR_OCI = pytest.mark.skipif(
    docker_registry() is None, reason="NOT RUN: no registry: apt-get install docker-registry"
)
KINDS = [
    "file",
    pytest.param("s3", marks=ONE_FOR_S3),
    pytest.param("oci", marks=ONE_FOR_OCI),
]
Called = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str, str], str]]:
    """A store's name by its kind and a word, in a server that is started when it is asked for."""
    place = tmp_path_factory.mktemp("servers")
    with contextlib.ExitStack() as stack:
        hosts: dict[str, str] = {}

        def named(kind: str, word: str) -> str:
            if kind == "file":
                return f"file:{place}/{word}"
            if kind == "s3":
                command = moto()
                assert command
                if kind not in hosts:
                    hosts[kind] = stack.enter_context(s3_server(command, place))
                    make_bucket(hosts[kind], "bucket")
                return f"s3://bucket/{word}/?endpoint={hosts[kind]}&region=us-east-1"
            if kind not in hosts:
                hosts[kind] = stack.enter_context(registry(place))
            return f"oci://{hosts[kind]}/team/{word}:v3"

        yield named


@pytest.fixture
def store(
    servers: Callable[[str, str], str],
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "someone")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "docker"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    word = hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]
    return servers(request.param, f"x{word}")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """The command within this process: its status, and what it says."""

    def called(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["precompile", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        code = ended.value.code
        return code if isinstance(code, int) else 0, said.out, said.err

    return called


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_every_command_takes_the_name(store: str, call: Called, tmp_path: Path) -> None:
    old = Environment.of(cpu="old")
    first, second = tmp_path / "first.precompile", tmp_path / "second.precompile"
    first.write_bytes(bundle("a", "b"))
    second.write_bytes(bundle("c") + bundle("old", environment=old))

    def told(*arguments: object) -> Any:
        status, out, err = call(*arguments)
        assert (status, err) == (0, ""), err
        return json.loads(out)

    assert told("push", "--unsigned", "--json", first, store)["ok"]
    assert told("push", "--unsigned", "--json", second, store)["ok"]
    assert len(told("inspect", "--json", store)["segments"]) == 3
    assert told("verify", "--json", store)["segments"] == 3
    explained = told("explain", "--unsigned", "--json", store)
    assert explained["ok"]
    assert explained["moves"] == 0  # small pieces are here with their indexes
    out = tmp_path / "content"
    assert told("extract", "--json", store, "test.blob", "a", "-o", out)["content_size"] == 100
    assert out.read_bytes() == content("a")
    assert told("show", "--json", store, "old")
    assert told("diff", "--json", store, store)["same_bundle"]
    pulled = tmp_path / "pulled.precompile"
    assert told("pull", "--json", store, pulled)["size"] == pulled.stat().st_size
    merged = tmp_path / "merged.precompile"
    assert told("merge", "--unsigned", "--json", store, first, "-o", merged)["ok"]
    assert len(Bundle.open(merged.read_bytes(), policy=UNSIGNED).current()) == 4
    rules = "--unsigned", "--json", "--grace", "0", "--environment", "cpu=old"
    assert [one["key"] for one in told("prune", *rules, store)["removed"]] == ["old"]
    done = told("merge", "--unsigned", "--json", "--grace", "0", store, "-o", store)
    assert len(done["replaced"]) == 2
    assert keys(read(open_store(store))) == {"a", "b", "c"}
    kept = [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    assert not any(SECRET.encode() in path.read_bytes() for path in kept)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("push", "--unsigned", "FILE", "NAME"), "one object, to be read"),
        (("merge", "--unsigned", "NAME", "-o", "NAME"), "is read, and never written"),
        (("prune", "--unsigned", "--environment", "a=b", "NAME"), "is read, and never written"),
        (("sign", "NAME"), "pieces of a store are never changed"),
        (("pull", "FILE", "OUT"), "is no store's name"),
        (("run", "--bundle", "s3:/bucket/x", "-c", "0"), "the two slashes are missing"),
        (("show", "s3:/bucket/x", "key"), "the two slashes are missing"),
        (("extract", "s3:/bucket/x", "a", "b", "-o", "OUT"), "the two slashes are missing"),
    ],
)
def test_what_a_command_cannot_do_with_a_store_is_a_sentence(
    arguments: tuple[str, ...], sentence: str, call: Called, tmp_path: Path
) -> None:
    file = tmp_path / "a.precompile"
    file.write_bytes(bundle("a"))
    places = {"NAME": "https://host/x.precompile", "FILE": str(file), "OUT": f"{tmp_path}/out"}
    status, out, err = call(*(places.get(word, word) for word in arguments))
    assert status in (1, 2)
    assert out == ""
    assert sentence in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err


@pytest.mark.parametrize("store", KINDS, indirect=True)
def test_an_object_that_is_altered_is_told_and_the_rest_serves(store: str, call: Called) -> None:
    data = bundle("a", "b")
    wrong = hashlib.sha256(b"another").hexdigest()
    put(open_store(store), bundle("c"))
    wait(open_store(store).put(wrong, data), 10.0)
    status, out, err = call("inspect", "--json", store)
    assert status == 0
    assert f"piece {wrong} is left out" in err
    assert len(json.loads(out)["segments"]) == 1
    assert call("verify", store)[0] == 1
    assert keys(read(open_store(store))) == {"c"}
