"""What a testee says to people of its refusals, told beside where they are not as expected."""

from collections.abc import Iterable, Iterator

from google.protobuf.message import Message

from precompile.conformance.v1 import reading_pb2
from precompile_conformance.differences import is_repeated


def beside(differences: Iterable[str], got: Message) -> list[str]:
    """The differences; behind one within a refusal of the answer stands its reason, on a line."""
    told = dict(_reasons(got, ""))
    return [_with_reason(line, told) for line in differences]


def _with_reason(line: str, told: dict[str, str]) -> str:
    place = line.partition(": ")[0]
    for path, reason in told.items():
        if not path or place == path or place.startswith(f"{path}."):
            return f"{line}\nit says: {reason}"
    return line


def _reasons(message: Message, where: str) -> Iterator[tuple[str, str]]:
    """(place, reason) of each refusal in a message."""
    if isinstance(message, reading_pb2.Rejection):
        if message.detail:
            yield where, message.detail
        return
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        place = f"{where}.{field.name}" if where else field.name
        if is_repeated(field):
            for index, one in enumerate(value):
                yield from _reasons(one, f"{place}[{index}]")
        else:
            yield from _reasons(value, place)
