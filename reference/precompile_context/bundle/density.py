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


# What a byte can be the tag of, for counting all at once: an element of 32, of 4 or of 2 bytes,
# or the first byte of a tag that is padded, to be followed by one that adds nothing to it.
_32, _4, _2, _FIRST, _PADDING, _OTHER = b"kei1p."


def _classes() -> bytes:
    classes = bytearray([_OTHER]) * 256
    classes[0x00] = classes[0x80] = _PADDING
    of_weight = {2: _2, 4: _4, 32: _32}
    lists = [*_MANIFEST.items(), *_REQUIREMENT.items(), *_TABLE.items(), *_DETAIL.items()]
    for number, weight in sorted(lists, key=lambda item: item[1]):
        tag = number << 3 | 2
        classes[tag], classes[tag | 0x80] = of_weight[weight], _FIRST
    return bytes(classes)


_CLASSES = _classes()
_OTHERS = bytes(byte for byte in range(256) if _CLASSES[byte] == _OTHER)


def _most_asked(payload: bytes) -> int:
    """What the elements need if every byte that looks like a tag is one."""
    # With all others left out, a first byte and its padding still stand side by side.
    classes = payload.translate(_CLASSES, _OTHERS)
    padded = classes.count(bytes([_FIRST, _PADDING]))
    return 32 * (classes.count(_32) + padded) + 4 * classes.count(_4) + 2 * classes.count(_2)


def is_too_dense(payload: bytes) -> bool:
    """Whether the payload lists more elements than its bytes can describe.

    Of what protobuf cannot parse, either may be the answer.
    """
    # [PCB-WIRE-008]
    # True of nearly every manifest, and cheap to see: not even all bytes that look like tags
    # could be those of too many elements.
    if _most_asked(payload) <= len(payload):
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
