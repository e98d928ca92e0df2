"""What moves between a program and a store: requests and bytes, counted by a proxy between.

    PRECOMPILE_MOTO=.moto/bin/moto_server python -m benchmarks.stores [MIB]

A server that speaks S3 (moto), Debian's docker-registry and BuildGrid's cache, where they are
installed. Headers are among the bytes. The numbers are counts: another load gives the same.
"""

import os
import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).parents[1] / "reference"))  # the tests' servers

from precompile_context import UNSIGNED, Bundle, PrecompileContext
from precompile_context.stores import (
    Grace,
    Patience,
    Traffic,
    compact,
    lacking,
    open_store,
    push,
    read_store,
)
from tests.reapi_server import build_cache, buildgrid
from tests.registry_server import docker_registry, registry
from tests.s3_server import Proxy, make_bucket, moto, s3_server
from tests.toys import BLOB, toy_context

CONTENT_MIB = 8
# Of the store of many programs; each compiled what one machine pushed.
PROGRAMS, ARTIFACTS = 50, 40
_WAIT = 3600.0


def _bundle(context: PrecompileContext) -> bytes:
    serialized = context.serialize()
    assert serialized is not None
    return serialized[0]


def program(number: int) -> bytes:
    """A program's bundle: contents of 1 kB to 640 kB that compress to a third, 1.4 MB together."""
    context, chance = toy_context(), random.Random(number)
    for index in range(ARTIFACTS):
        noise = chance.randbytes(int(1000 * 1.18**index) // 3)
        content = b"".join(noise[start : start + 16] * 3 for start in range(0, len(noise), 16))
        context.record_artifact(BLOB, f"{number}/{index}", content)
    return _bundle(context)


def of_many(name: str, proxied: str, proxy: Proxy) -> tuple[str, ...]:
    """One program's warm start from a store that many have filled and `merge` has made one of."""
    direct = open_store(name)
    for number in range(PROGRAMS):
        push(direct, program(number), patience=Patience(_WAIT), traffic=Traffic())
    waits, now = Patience(_WAIT), Grace(0.0)
    compact(direct, policy=UNSIGNED, signer=None, patience=waits, grace=now, small=1 << 30)
    proxy.requests = proxy.down = proxy.up = 0
    reading = read_store(open_store(proxied), policy=UNSIGNED, patience=waits)
    assert reading.bundle is not None
    assert len(reading.pieces) == 1
    mine = [one for one in reading.bundle.current().values() if one.key.startswith("7/")]
    reading.prefetch(mine)
    times = proxy.down / len(program(7))
    what = f"one of {PROGRAMS} programs, {times:.2f} times its own bundle"
    return what, str(proxy.requests), f"{proxy.down:,}", f"{proxy.up:,}"


def rows(name: str, proxied: str, proxy: Proxy, mebibytes: int) -> Iterator[tuple[str, ...]]:
    """Each measurement: what, requests, bytes down, bytes up."""
    context = toy_context()
    for number in range(mebibytes // CONTENT_MIB):
        content = random.Random(number).randbytes(CONTENT_MIB << 20)
        context.record_artifact(BLOB, f"key{number}", content)
    before = _bundle(context)
    push(open_store(proxied), before, patience=Patience(_WAIT), traffic=Traffic())
    yield "the whole of it, put", str(proxy.requests), f"{proxy.down:,}", f"{proxy.up:,}"
    proxy.requests = proxy.down = proxy.up = 0
    context.record_artifact(BLOB, "new", random.Random(-1).randbytes(1 << 20))
    after = Bundle.open(_bundle(context), policy=UNSIGNED)
    del context

    def counted(what: str) -> tuple[str, ...]:
        found = (what, str(proxy.requests), f"{proxy.down:,}", f"{proxy.up:,}")
        proxy.requests = proxy.down = proxy.up = 0
        return found

    store = open_store(proxied)
    reading = read_store(store, policy=UNSIGNED, patience=Patience(_WAIT))
    assert reading.bundle is not None
    yield counted(f"opening {mebibytes:,} MiB")
    reading.bundle.read(reading.bundle.current()[BLOB, "key3"])
    yield counted(f"one content of {CONTENT_MIB} MiB")
    there = read_store(store, policy=UNSIGNED, patience=Patience(_WAIT)).bundle
    for piece in lacking(after, there, None):
        push(store, piece, patience=Patience(_WAIT), traffic=Traffic())
    yield counted("pushing it after 1 MiB was added")


def main() -> None:
    """Print a table."""
    mebibytes = int(sys.argv[1]) if len(sys.argv) > 1 else 1024
    os.environ |= {"AWS_ACCESS_KEY_ID": "someone", "AWS_SECRET_ACCESS_KEY": "anything"}
    print("| store | what | requests | down | up |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        place = Path(folder)
        os.environ["DOCKER_CONFIG"] = folder
        command = moto()
        if command is None:
            print("NOT RUN: S3, because there is no moto: PRECOMPILE_MOTO", file=sys.stderr)
        else:
            address = stack.enter_context(s3_server(command, place))
            make_bucket(address, "bucket")
            proxy = Proxy(urlsplit(address).port or 0)
            name = f"s3://bucket/x?endpoint={address}&region=us-east-1"
            for row in rows(name, name.replace(address, proxy.address), proxy, mebibytes):
                print(f"| S3 | {' | '.join(row)} |", flush=True)
            many = f"s3://bucket/many?endpoint={address}&region=us-east-1"
            row = of_many(many, many.replace(address, proxy.address), proxy)
            print(f"| S3 | {' | '.join(row)} |", flush=True)
            proxy.close()
        if docker_registry() is None:
            print("NOT RUN: a registry, because docker-registry is missing", file=sys.stderr)
        else:
            host = stack.enter_context(registry(place))
            proxy = Proxy(int(host.rpartition(":")[2]))
            name, near = f"oci://{host}/x:v1", f"oci://{urlsplit(proxy.address).netloc}/x:v1"
            for row in rows(name, near, proxy, mebibytes):
                print(f"| registry | {' | '.join(row)} |", flush=True)
            row = of_many(name.replace("x:", "many:"), near.replace("x:", "many:"), proxy)
            print(f"| registry | {' | '.join(row)} |", flush=True)
            proxy.close()
        command = buildgrid()
        if command is None:
            print("NOT RUN: a build cache: PRECOMPILE_BUILDGRID", file=sys.stderr)
        else:
            host = stack.enter_context(build_cache(command, place))
            proxy = Proxy(int(host.rpartition(":")[2]))
            name, near = f"reapi://{host}/x", f"reapi://{urlsplit(proxy.address).netloc}/x"
            for row in rows(name, near, proxy, mebibytes):
                print(f"| build cache | {' | '.join(row)} |", flush=True)
            proxy.close()


if __name__ == "__main__":
    main()
