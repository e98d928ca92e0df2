"""Artifact types, values and bundles that several tests use."""

import math
import random
import struct
from dataclasses import dataclass
from typing import Any, ClassVar

from hypothesis import strategies as st

from precompile_context import (
    UNSIGNED,
    ArtifactKind,
    CacheArtifact,
    Limits,
    PrecompileCacheArtifact,
    PrecompileContext,
    Registry,
)


@dataclass(frozen=True)
class Blob(CacheArtifact):
    """Content and no more."""

    TYPE: ClassVar[str] = "test.blob"

    def populate_cache(self) -> None:
        """Goes nowhere."""


@dataclass(frozen=True)
class Noted(CacheArtifact):
    """A field of each type that travels."""

    TYPE: ClassVar[str] = "test.noted"

    raw: bytes = b""
    text: str = ""
    number: int = 0
    ratio: float = 0.0
    flag: bool = False

    def populate_cache(self) -> None:
        """Goes nowhere."""


@dataclass(frozen=True)
class Code(PrecompileCacheArtifact[bytes]):
    """A backend."""

    TYPE: ClassVar[str] = "test.code"

    def after_deserialization(self) -> bytes:
        """The content itself."""
        return self.content


@dataclass(frozen=True)
class Entry(PrecompileCacheArtifact[bytes]):
    """An entry, which names backends."""

    TYPE: ClassVar[str] = "test.entry"
    KIND: ClassVar[ArtifactKind] = ArtifactKind.ENTRY

    def after_deserialization(self) -> bytes:
        """The content itself."""
        return self.content


def registry() -> Registry:
    """The four types."""
    known = Registry()
    for cls in (Blob, Noted, Code, Entry):
        known.register(cls)
    return known


REGISTRY = registry()


def context(**options: Any) -> PrecompileContext:
    """An empty context that knows the four types, and trusts everyone unless told otherwise."""
    return PrecompileContext(registry=REGISTRY, **{"policy": UNSIGNED, **options})


def loaded(data: bytes, limits: Limits | None = None) -> PrecompileContext:
    """A context that loaded a bundle."""
    fresh = context() if limits is None else context(limits=limits)
    fresh.load(data)
    return fresh


# (type, key) to (content, fields as compared).
Values = dict[tuple[str, str], tuple[bytes, tuple[Any, ...]]]


def values(source: PrecompileContext) -> Values:
    """All that a context holds, in its order, content read and fields comparable bit by bit."""
    found: Values = {}
    for id_ in source.current():
        artifact = source.lookup(id_.type, id_.key)
        assert artifact is not None
        fields = fields_of(artifact) if isinstance(artifact, Noted) else ()
        found[id_.type, id_.key] = (artifact.content, fields)
    return found


def fields_of(noted: Noted) -> tuple[Any, ...]:
    """Fields with their types; NaN equals itself, and True is not 1."""
    return tuple(
        (type(value), struct.pack("<d", value) if isinstance(value, float) else value)
        for value in (noted.raw, noted.text, noted.number, noted.ratio, noted.flag)
    )


def noise(seed: int, size: int) -> bytes:
    """Bytes that do not compress."""
    return random.Random(seed).randbytes(size)


_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
keys = st.sampled_from(["a", "b", "../c", "ä"]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20
)
contents = (
    st.binary(max_size=100)
    | st.builds(
        lambda byte, size: byte * size, st.binary(min_size=1, max_size=3), st.integers(0, 5000)
    )
    | st.builds(noise, st.integers(0, 3), st.integers(0, 5000))
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "raw": st.binary(max_size=20),
        "text": _text,
        "number": st.integers(-(2**63), 2**63 - 1),
        "ratio": st.floats() | st.sampled_from([math.nan, -math.nan, -0.0, math.inf]),
        "flag": st.booleans(),
    },
)
