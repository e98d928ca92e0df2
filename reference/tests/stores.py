"""Bundles and readings that the tests of stores use."""

from pathlib import Path
from typing import Any

from precompile_context import UNSIGNED, Environment, TrustPolicy
from precompile_context.stores import Level, Patience, Reading, Store, Traffic, push, read_store
from tests.samples import context, noise


def bundle(*keys: str, size: int = 100, environment: Environment | None = None) -> bytes:
    """A bundle of blobs that do not compress, one for each key."""
    made = context(environment=environment)
    for key in keys:
        made.record_artifact("test.blob", key, content(key, size))
    serialized = made.serialize()
    assert serialized is not None
    return serialized[0]


def content(key: str, size: int = 100) -> bytes:
    """What the blob of this key holds."""
    return noise(sum(key.encode()) * 1000 + len(key), size)


def put(store: Store, *bundles: bytes) -> list[str]:
    """Push each as one piece; their names."""
    return [push(store, data, patience=Patience(10), traffic=Traffic()).name for data in bundles]


def read(
    store: Store, *, seconds: float = 10.0, policy: TrustPolicy = UNSIGNED, **options: Any
) -> Reading:
    """The store, read within so many seconds."""
    return read_store(store, policy=policy, patience=Patience(seconds), **options)


def keys(reading: Reading) -> set[str]:
    """The keys that are current in it, each one's content read and compared."""
    if reading.bundle is None:
        return set()
    found = reading.bundle.current()
    for stored in found.values():
        assert reading.bundle.read(stored) == content(stored.key, stored.content_size)
    return {stored.key for stored in found.values()}


def level(path: Path, **options: Any) -> Level:
    """A nearer level in this folder."""
    made = Level("simulated://store", path, **options)
    made.make()
    return made
