"""Whether 32 bytes are a point of edwards25519; the library takes any for a key."""

_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)


def is_point(encoded: bytes) -> bool:
    """Whether RFC 8032, section 5.1.3, decodes the 32 bytes.

    No signature verifies with a key that is none: who trusts it has mistaken something else
    for a key.
    """
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= _P:
        return False
    u, v = (y * y - 1) % _P, (_D * y * y + 1) % _P
    # The root of u/v where there is one.
    x = u * pow(v, 3, _P) * pow(u * pow(v, 7, _P), (_P - 5) // 8, _P) % _P
    if v * x * x % _P == -u % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    elif v * x * x % _P != u:
        return False
    return not (x == 0 and sign)
