"""What may be recorded: a caller's arguments become a held artifact, or a MisuseError."""

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from precompile_context.artifact import (
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    Registry,
    attribute_fault,
    attributes_of,
    key_fault,
)
from precompile_context.bundle import ArtifactName
from precompile_context.bundle.names import keys_fault
from precompile_context.bundle.runs import MANIFEST_TARGET, index_size
from precompile_context.context.held import LARGE, Held, Value
from precompile_context.errors import MisuseError
from precompile_context.fields import types_of, value_fault

Content = bytes | bytearray | memoryview
# A backend as a caller names it: (type, key), or the artifact itself.
BackendName = tuple[str, str] | CacheArtifact


def held_of(
    registry: Registry,
    type_name: str,
    key: str,
    content: Content,
    backends: Iterable[BackendName],
    fields: dict[str, Any],
) -> Held:
    """The artifact of these parts.

    Raises:
        MisuseError: the type is not registered; key, content, fields or backends are not
            what it takes.
    """
    cls = _class_of(registry, type_name)
    check_key(key)
    content = copied(content)
    named = tuple(backend_names(registry, cls, backends))
    if not (fields or named) and registry.is_plain(type_name):
        return Held(type_name, key, cls.KIND, content)
    try:
        artifact = cls(key=key, content=content, **fields)
    except Exception as error:  # the class's own checks may raise anything
        raise MisuseError(f"fields of {type_name}: {error}") from error
    return _held(artifact, named)


def held_from(registry: Registry, artifact: CacheArtifact, backends: Iterable[BackendName]) -> Held:
    """The artifact, whose class is registered.

    Raises:
        MisuseError: it is none, or its class is not the registered one; as for `held_of`.
    """
    if not isinstance(artifact, CacheArtifact):
        text = "what is recorded is an artifact, an instance of a registered class"
        raise MisuseError(f"{text}, not {type(artifact).__name__}")
    check_class(registry, type(artifact))
    check_key(artifact.key)
    content = copied(artifact.content)
    if content is not artifact.content:
        artifact = dataclasses.replace(artifact, content=content)
    return _held(artifact, tuple(backend_names(registry, type(artifact), backends)))


def check_class(registry: Registry, cls: type[CacheArtifact]) -> None:
    """Raise MisuseError where the class is not the one that its TYPE stands for."""
    known = registry.get(getattr(cls, "TYPE", ""))
    if known is None:
        name = cls.__name__
        raise MisuseError(f"{name} is not registered: call context.register({name}) before")
    if known is not cls:
        text = f"type {cls.TYPE!r} is registered with the class {known.__qualname__}"
        raise MisuseError(f"{text}, and this is another one, {cls.__qualname__}")


def check_key(key: object) -> None:
    """Raise MisuseError where that is no key."""
    # [PCB-NAME-004]
    if not isinstance(key, str):
        hint = ": decode it, key.decode() or key.hex()" if isinstance(key, bytes) else ""
        raise MisuseError(f"a key is a str, not {type(key).__name__}{hint}")
    if fault := key_fault(key):
        raise MisuseError(f"key {key[:80]!r}: {fault}")


def backend_names(
    registry: Registry, cls: type[CacheArtifact], backends: Iterable[BackendName]
) -> Sequence[ArtifactId]:
    """The ids of an entry's backends, in order.

    Raises:
        MisuseError: one names no backend, or `cls` is no class of entries.
    """
    if isinstance(backends, str | bytes) or not isinstance(backends, Iterable):
        raise MisuseError(f"{_BACKENDS}, not {type(backends).__name__}")
    ids = [_backend_name(registry, backend) for backend in backends]
    # [PCB-CTX-005] [PCB-ART-003]
    if ids and cls.KIND is not ArtifactKind.ENTRY:
        raise MisuseError(f"{cls.TYPE} artifacts name no backends: only entries do")
    return ids


_BACKENDS = 'backends are a list of (type, key) pairs, [("mycompiler.graph", "k")], or of artifacts'


def _backend_name(registry: Registry, backend: BackendName) -> ArtifactId:
    if isinstance(backend, CacheArtifact):
        backend = backend.TYPE, backend.key
    is_pair = isinstance(backend, tuple | list) and len(backend) == 2
    if not is_pair or not isinstance(backend[0], str):
        raise MisuseError(f"{_BACKENDS}; {str(backend)[:80]!r} is none")
    type_name, key = backend
    cls = registry.get(type_name)
    if cls is None or cls.KIND is not ArtifactKind.BACKEND:
        raise MisuseError(f"{type_name[:80]!r} is no registered type of backends")
    if not isinstance(key, str):
        raise MisuseError(f"{_BACKENDS}; {str(backend)[:80]!r} is none")
    if fault := key_fault(key):
        raise MisuseError(f"backend {key[:80]!r}: {fault}")
    return ArtifactId(type_name, key)


def check_type_name(type_name: object) -> str:
    """Raise MisuseError where that is no type's name."""
    if isinstance(type_name, type):
        raise MisuseError("a type is its name, Kernel.TYPE; record(Kernel(...)) takes the artifact")
    if not isinstance(type_name, str):
        raise MisuseError(f"a type is a str, not {type(type_name).__name__}")
    return type_name


def _class_of(registry: Registry, type_name: object) -> type[CacheArtifact]:
    # [PCB-CTX-004]
    type_name = check_type_name(type_name)
    cls = registry.get(type_name)
    if cls is None:
        text = f"type {type_name[:80]!r} is not registered"
        raise MisuseError(f"{text}: call context.register with its class before")
    return cls


def _held(artifact: CacheArtifact, backends: tuple[ArtifactId, ...]) -> Held:
    """The artifact as a context holds it; key and content are looked at already."""
    cls, type_name = type(artifact), artifact.TYPE
    attributes, types = attributes_of(artifact), types_of(cls)
    for name, value in attributes.items():
        if fault := attribute_fault(name, value) or value_fault(types.get(name), value):
            raise MisuseError(f"field {name!r} of {type_name}: {fault}")
    fields = tuple(attributes.items())
    held = Held(type_name, artifact.key, cls.KIND, artifact.content, backends, fields)
    if (backends or fields) and index_size(held) > MANIFEST_TARGET:
        text = f"fields or backends of {type_name} {artifact.key!r} take too much; use content"
        raise MisuseError(text)
    return held


def plain_values(
    type_name: str, artifacts: Iterable[tuple[str, Content]]
) -> dict[ArtifactName, Value]:
    """What (key, content) pairs of a type that takes anything are held as.

    Raises:
        MisuseError: a key or content is none.
    """
    pairs = pairs_of(artifacts)
    keys = [key for key, _ in pairs]
    for key in keys:
        if type(key) is not str:
            check_key(key)
    if fault := keys_fault(keys):
        raise MisuseError(f"a key of {type_name}: {fault}")
    return {(type_name, key): plain(type_name, key, content) for key, content in pairs}


def pairs_of(artifacts: Iterable[tuple[str, Content]]) -> list[tuple[str, Content]]:
    """The (key, content) pairs.

    Raises:
        MisuseError: they are none.
    """
    try:
        return [(key, content) for key, content in artifacts]
    except (TypeError, ValueError):
        hint = ": of a dict, dict.items()" if isinstance(artifacts, dict) else ""
        raise MisuseError(f"artifacts are (key, content) pairs{hint}") from None


def plain(type_name: str, key: str, content: Content) -> Value:
    """The least that says what a CACHE artifact without further fields is."""
    if type(content) is not bytes:
        content = copied(content)
    if len(content) < LARGE:
        return content
    return Held(type_name, key, ArtifactKind.CACHE, content)


def copied(content: Content) -> bytes:
    """The content as bytes that nobody changes; an int would be taken for a length."""
    if type(content) is bytes:
        return content
    if not isinstance(content, bytes | bytearray | memoryview):
        hint = ": encode it, content.encode()" if isinstance(content, str) else ""
        raise MisuseError(f"content is bytes, not {type(content).__name__}{hint}")
    return bytes(content)
