"""Whether a manifest's bytes are enough for what it lists, told before it is decoded.

An empty element takes two bytes on the wire and many times that in memory. No valid one is
empty, and an artifact has a digest beside its key: what lists more than its bytes can
describe is refused before memory is taken for it.
"""

from precompile_context.bundle.wire import MalformedError, fields

# Bytes that each element takes at least in a valid manifest, by field number. An artifact is
# counted by its key, which has 32 bytes of content_digest beside it; a block entry has a digest.
_FEATURES, _REQUIREMENTS, _ARTIFACTS = 1, 4, 6
_MANIFEST = {_FEATURES: 2, _REQUIREMENTS: 4, 5: 32, 7: 4}  # blocks, removed
_REQUIREMENT = {3: 2}  # values
_TYPES, _KEYS, _DETAILS = 1, 3, 8
_TABLE = {_TYPES: 4, _KEYS: 32, _DETAILS: 4}
_DETAIL = {2: 4, 3: 4}  # backends, attributes


def _weights() -> dict[bytes, int]:
    """The most that a byte, or a pair of them, can stand for where it is the tag of an element.

    A tag of two or more bytes begins with one that has its high bit set, and goes on with one
    that adds nothing to the number: 0x80, or at its end 0x00.
    """
    weights: dict[bytes, int] = {}
    for message in (_MANIFEST, _REQUIREMENT, _TABLE, _DETAIL):
        for number, weight in message.items():
            tag = number << 3 | 2
            for spelled in (bytes([tag]), bytes([tag | 0x80, 0]), bytes([tag | 0x80, 0x80])):
                weights[spelled] = max(weight, weights.get(spelled, 0))
    return weights


_WEIGHTS = _weights()


def is_too_dense(payload: bytes) -> bool:
    """Whether the payload lists more elements than its bytes can describe.

    Of what protobuf cannot parse, either may be the answer.
    """
    # [PCB-WIRE-008]
    # True of nearly every manifest, and cheap to see: not even all bytes that look like tags
    # could be those of too many elements.
    if sum(payload.count(tag) * weight for tag, weight in _WEIGHTS.items()) <= len(payload):
        return False
    try:
        return _asked(payload) > len(payload)
    except MalformedError:
        return True


def _asked(payload: bytes) -> int:
    """Bytes that the elements need; or more than there are, before all is counted."""
    asked = 0
    for number, start, end in fields(payload, 0, len(payload)):
        asked += _MANIFEST.get(number, 0)
        if number == _REQUIREMENTS:
            asked += sum(_REQUIREMENT.get(inner, 0) for inner, _, _ in fields(payload, start, end))
        elif number == _ARTIFACTS:
            asked += _asked_by_table(payload, start, end, len(payload) - asked)
        if asked > len(payload):
            break
    return asked


def _asked_by_table(payload: bytes, start: int, end: int, left: int) -> int:
    asked = 0
    for number, first, last in fields(payload, start, end):
        asked += _TABLE.get(number, 0)
        if number == _DETAILS:
            asked += sum(_DETAIL.get(inner, 0) for inner, _, _ in fields(payload, first, last))
        if asked > left:
            break
    return asked
