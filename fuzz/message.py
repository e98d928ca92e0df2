"""Random changes of a protobuf message, whatever its type: one field of it, or of one within."""

import random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

_NUMBERS = [0, 1, 2, 3, 4, 127, 128, 255, 2**14, 2**20, 2**31 - 1, 2**31, 2**32 - 1]
_LARGE = [*_NUMBERS, 2**32, 2**33, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
_TEXTS = [
    *("", "a", "b", "e", "k", "A", "1", "..", "../../etc/passwd", "/tmp/x", "a/b", "a\\b", "a\nb"),
    *("\0", "é", "\u202e", "\U0010ffff", "x" * 128, "x" * 129, "k" * 1024, "k" * 1025),
    *("test.blob", "test.code", "test.entry", "inductor_file", "flag", "note", "cpu.capability"),
]
_DOUBLES = [0.0, -0.0, 1.5, float("inf"), float("nan"), 1e308]
_INTEGERS = {
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1),
    FieldDescriptor.CPPTYPE_UINT32: (0, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 2**64 - 1),
    FieldDescriptor.CPPTYPE_ENUM: (-(2**31), 2**31 - 1),
}


def change(message: Message, choose: random.Random) -> None:
    """One random change somewhere in the message."""
    target = choose.choice(_all(message))
    field: Any = choose.choice(target.DESCRIPTOR.fields)
    value: Any = getattr(target, field.name)
    if _is_repeated(field):
        _change_list(value, field, choose)
    elif field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
        value.SetInParent()
        change(value, choose)
    elif choose.random() < 0.15:
        target.ClearField(field.name)
    else:
        setattr(target, field.name, _scalar(field, value, message, choose))


def _all(message: Message) -> list[Any]:
    """The message and every one within it."""
    found: list[Any] = [message]
    for field, value in message.ListFields():
        if field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE:
            for inner in value if _is_repeated(field) else [value]:
                found += _all(inner)
    return found


def _change_list(values: Any, field: Any, choose: random.Random) -> None:
    kind = choose.choice(["add", "copy", "delete", "swap", "many", "set"] if values else ["add"])
    at = choose.randrange(len(values)) if values else 0
    is_message = field.cpp_type == FieldDescriptor.CPPTYPE_MESSAGE
    if kind == "set":
        if is_message:
            change(values[at], choose)
        else:
            values[at] = _scalar(field, values[at], None, choose)
    elif kind == "add":
        if is_message:
            change(values.add(), choose)
        else:
            values.append(_scalar(field, "", None, choose))
    elif kind == "delete":
        del values[at]
    elif kind == "swap":
        items = list(values)
        choose.shuffle(items)
        items = [copy_of(item) for item in items]
        del values[:]
        values.extend(items)
    else:
        count = 1 if kind == "copy" else choose.choice([2, 10, 100])
        values.extend([copy_of(values[at]) for _ in range(count)])


def copy_of(item: Any) -> Any:
    """The same value; of a message, one of its own."""
    if not isinstance(item, Message):
        return item
    copy = type(item)()
    copy.CopyFrom(item)
    return copy


def _scalar(field: Any, old: Any, root: Message | None, choose: random.Random) -> Any:
    kind = field.cpp_type
    if kind in _INTEGERS:
        return integer(choose, old if isinstance(old, int) else 0, *_INTEGERS[kind])
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return choose.random() < 0.5
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return choose.choice(_DOUBLES)
    if field.type == FieldDescriptor.TYPE_BYTES:
        others = _values(root, bytes) if root is not None else []
        return choose.choice([b"", bytes(32), bytes(31), choose.randbytes(32), *others])
    others = _values(root, str) if root is not None else []
    return choose.choice([*_TEXTS, *others])


def integer(choose: random.Random, old: int, low: int, high: int) -> int:
    """Another number from `low` to `high`: one near `old`, or one at which something may turn."""
    return min(high, max(low, choose.choice([*_LARGE, old - 1, old + 1, old * 2, -old])))


def _values(message: Message, type_: type) -> list[Any]:
    """All values of a type in the message: what a field may be confused with."""
    return [
        value for inner in _all(message) for _, value in inner.ListFields() if type(value) is type_
    ]


def _is_repeated(field: Any) -> bool:
    # Newer runtimes warn of the label, older ones have nothing else.
    try:
        return bool(field.is_repeated)
    except AttributeError:
        return bool(field.label == FieldDescriptor.LABEL_REPEATED)
