"""torch's mega-cache by hand, and changes of one that its checksum does not give away."""

import base64
import random
import zlib
from collections.abc import Callable

Raw = Callable[[bytes, int], bytes]  # see mutator
Groups = list[tuple[bytes, list[tuple[bytes, bytes]]]]
_TRUTH = 0.95


def number(value: int) -> bytes:
    """A number as it stands there."""
    return value.to_bytes(8, "big")


def sized(data: bytes) -> bytes:
    """A byte string behind its length."""
    return number(len(data)) + data


def text(value: str) -> bytes:
    """A text, which stands there as base64."""
    return sized(base64.b64encode(value.encode()))


def sealed(body: bytes) -> bytes:
    """The body, which begins with the version, behind its checksum."""
    return zlib.crc32(body).to_bytes(4, "big") + body


def mutate_mega_cache(data: bytes, choose: random.Random, raw: Raw, most: int) -> bytes:
    """A mega-cache with groups changed, its checksum right again nearly always."""
    groups = _groups(data)
    body = data[4:]
    if groups is not None and choose.random() < 0.7:
        body = _changed_groups(groups, choose, raw)
    else:
        body = raw(body, most - 4)
    body = body[: most - 4]
    if choose.random() > _TRUTH:
        return choose.randbytes(4) + body
    return sealed(body)


def _groups(data: bytes) -> Groups | None:
    at = 12
    groups: Groups = []

    def take() -> bytes:
        nonlocal at
        size = int.from_bytes(data[at : at + 8], "big")
        if at + 8 + size > len(data):
            raise ValueError
        at += 8 + size
        return data[at - size : at]

    try:
        while at < len(data):
            name = take()
            count = int.from_bytes(data[at : at + 8], "big")
            at += 8
            groups.append((name, [(take(), take()) for _ in range(min(count, 10_000))]))
    except ValueError:
        return None
    return groups


def _changed_groups(groups: Groups, choose: random.Random, raw: Raw) -> bytes:
    if groups and choose.random() < 0.7:
        name, pairs = groups[choose.randrange(len(groups))]
        kind = choose.randrange(4)
        if kind == 0 or not pairs:
            key = choose.choice([b"key", b"", "é".encode(), b"\xff", b"k" * 2000, b"a\nb"])
            pairs.append((base64.b64encode(key), choose.randbytes(choose.choice([0, 1, 50]))))
        elif kind == 1:
            index = choose.randrange(len(pairs))
            pairs[index] = (pairs[index][0], raw(pairs[index][1], 1000))
        elif kind == 2:
            index = choose.randrange(len(pairs))
            pairs[index] = (raw(pairs[index][0], 200), pairs[index][1])
        else:
            groups.append((name, choose.choices(pairs, k=choose.choice([1, 3, 200]))))
    else:
        names = [b"inductor", b"aot_autograd", b"pgo", b"other", b"", b"A", b"inductor_file"]
        groups.append((base64.b64encode(choose.choice(names)), []))
    body = number(1)
    for name, pairs in groups:
        count = len(pairs) if choose.random() < _TRUTH else choose.choice([0, 2**31, 2**64 - 1])
        body += sized(name) + number(count)
        body += b"".join(sized(key) + sized(content) for key, content in pairs)
    return body
