"""Artifact classes made to a script's order, which write down what is done with them."""

import dataclasses
import hashlib
from dataclasses import dataclass, field
from typing import Any

from precompile.conformance.v1 import script_pb2
from precompile.v1 import artifact_pb2
from precompile_context import CacheArtifact, PrecompileCacheArtifact
from testees.reference.dump import kind_of, value_of


class EditFailedError(Exception):
    """The caller's function of an edit fails."""


@dataclass
class Calls:
    """What was put into caches."""

    populated: list[artifact_pb2.ArtifactId] = field(default_factory=list)


def named(artifact: CacheArtifact) -> artifact_pb2.ArtifactId:
    """The artifact's name with the digest of the content that it has."""
    digest = hashlib.sha256(artifact.content).digest()
    return artifact_pb2.ArtifactId(type=artifact.TYPE, key=artifact.key, content_digest=digest)


def make_class(step: script_pb2.Register, calls: Calls) -> type[CacheArtifact]:
    """A class of the type, kind and fields that the step describes."""

    def check(self: CacheArtifact) -> None:
        if step.fails_on and self.content == step.fails_on:
            raise ValueError("refused, as the script has it")

    def populate_cache(self: CacheArtifact) -> None:
        check(self)
        calls.populated.append(named(self))

    def after_deserialization(self: CacheArtifact) -> bytes:
        check(self)
        return self.content

    fields: list[tuple[str, Any, Any]] = []
    for attribute in step.fields:
        value = value_of(attribute)
        fields.append((attribute.name, type(value), dataclasses.field(default=value)))
    is_cache = step.kind == artifact_pb2.ARTIFACT_KIND_CACHE
    namespace: dict[str, Any] = {"TYPE": step.type, "KIND": kind_of(step.kind)}
    if is_cache:
        namespace["populate_cache"] = populate_cache
    else:
        namespace["after_deserialization"] = after_deserialization
    base = CacheArtifact if is_cache else PrecompileCacheArtifact
    cls: type[CacheArtifact] = dataclasses.make_dataclass(
        "Toy", fields, bases=(base,), namespace=namespace, frozen=True
    )
    return cls
