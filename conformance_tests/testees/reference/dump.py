"""Values of the reference as messages of the protocol."""

from collections.abc import Iterable, Mapping

from precompile.conformance.v1 import reading_pb2
from precompile.v1 import artifact_pb2, cache_info_pb2
from precompile_context import ArtifactId, ArtifactKind, CacheInfo, MisuseError, PrecompileError
from precompile_context.artifact import AttributeValue

_FIELDS = {bytes: "bytes", str: "string", int: "int", float: "double", bool: "bool"}


def rejection(error: PrecompileError) -> reading_pb2.Rejection:
    """Why something is refused."""
    message = reading_pb2.Rejection(code=int(error.code), detail=error.detail)  # type: ignore[arg-type]
    if error.offset is not None:
        message.offset = error.offset
    return message


def artifact_id(id_: ArtifactId) -> artifact_pb2.ArtifactId:
    """A name with its digest."""
    return artifact_pb2.ArtifactId(type=id_.type, key=id_.key, content_digest=id_.content_digest)


def attributes(
    values: Mapping[str, AttributeValue | None] | Iterable[tuple[str, AttributeValue | None]],
) -> list[artifact_pb2.Attribute]:
    """Attributes in the order given; None is a value of a type added later."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return [attribute(name, value) for name, value in pairs]


def attribute(name: str, value: AttributeValue | None) -> artifact_pb2.Attribute:
    """One attribute."""
    message = artifact_pb2.Attribute(name=name)
    if value is not None:
        setattr(message, f"{_FIELDS[type(value)]}_value", value)
    return message


def kind_of(number: int) -> ArtifactKind:
    """The kind of this number.

    Raises:
        MisuseError: there is none.
    """
    try:
        return ArtifactKind(number)
    except ValueError:
        raise MisuseError(f"no artifact is of kind {number}") from None


def value_of(attribute: artifact_pb2.Attribute) -> AttributeValue:
    """An attribute's value, which must be there.

    Raises:
        MisuseError: it is not.
    """
    which = attribute.WhichOneof("value")
    if which is None:
        raise MisuseError(f"the attribute {attribute.name!r} has no value")
    value: AttributeValue = getattr(attribute, which)
    return value


def cache_info(info: CacheInfo) -> cache_info_pb2.CacheInfo:
    """Keys by type."""
    return cache_info_pb2.CacheInfo.FromString(info.to_bytes())
