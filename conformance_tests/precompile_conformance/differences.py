"""Where two messages differ, field by field, in words that name the place."""

from collections.abc import Iterator
from typing import Any

from google.protobuf.message import Message

_SHOWN = 80
# A FieldDescriptor, of which each runtime has its own class.
Field = Any


def differences(expected: Message, got: Message, where: str = "") -> Iterator[str]:
    """A line for each place where `got` is not `expected`; doubles are compared bit by bit."""
    if expected.SerializeToString(deterministic=True) == got.SerializeToString(deterministic=True):
        return
    for field in expected.DESCRIPTOR.fields:
        place = f"{where}.{field.name}" if where else field.name
        if is_repeated(field):
            yield from _lists(field, getattr(expected, field.name), getattr(got, field.name), place)
        elif field.message_type is not None or field.containing_oneof is not None:
            yield from _optional(field, expected, got, place)
        elif _key(a := getattr(expected, field.name)) != _key(b := getattr(got, field.name)):
            yield _line(field, place, a, b)


def is_repeated(field: Field) -> bool:
    """Whether the field is a list; older runtimes say it by its label."""
    if hasattr(field, "is_repeated"):
        return bool(field.is_repeated)
    return bool(field.label == field.LABEL_REPEATED)


def _optional(field: Field, expected: Message, got: Message, place: str) -> Iterator[str]:
    there, here = expected.HasField(field.name), got.HasField(field.name)
    if there != here:
        value = getattr(expected if there else got, field.name)
        # An empty message says no more than none, unless it is the member of a oneof that counts.
        if (
            field.message_type is not None
            and field.containing_oneof is None
            and not value.ByteSize()
        ):
            return
        shown = f" ({_show(field, value)})" if field.message_type is None else _brief(value)
        yield f"{place}: {'missing' if there else 'not expected'}{shown}"
        return
    a, b = getattr(expected, field.name), getattr(got, field.name)
    if field.message_type is not None:
        yield from differences(a, b, place)
    elif _key(a) != _key(b):
        yield _line(field, place, a, b)


def _lists(field: Field, expected: Any, got: Any, place: str) -> Iterator[str]:
    if len(expected) != len(got):
        yield f"{place}: expected {len(expected)} elements, got {len(got)}"
    for index, (a, b) in enumerate(zip(expected, got, strict=False)):
        if field.message_type is not None:
            yield from differences(a, b, f"{place}[{index}]")
        elif _key(a) != _key(b):
            yield _line(field, f"{place}[{index}]", a, b)


def _line(field: Field, place: str, expected: Any, got: Any) -> str:
    return f"{place}: expected {_show(field, expected)}, got {_show(field, got)}"


def _key(value: Any) -> Any:
    return value.hex() if isinstance(value, float) else value


def _show(field: Field, value: Any) -> str:
    if field.enum_type is not None:
        names = field.enum_type.values_by_number
        return str(names[value].name) if value in names else str(value)
    text = value.hex() if isinstance(value, bytes) else repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(value)} bytes)"


def _brief(message: Message) -> str:
    code: Field = message.DESCRIPTOR.fields_by_name.get("code")
    return f" ({_show(code, getattr(message, 'code'))})" if code is not None else ""  # noqa: B009
