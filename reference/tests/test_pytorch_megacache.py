"""torch's mega-cache bytes in, artifacts out, and back; nothing of them is trusted."""

import base64
import pickle
import zlib

import pytest

from precompile_context import Environment, ErrorCode, PrecompileError
from precompile_context.adapters.pytorch.megacache import (
    MegaCacheArtifact,
    from_mega_cache,
    read_mega_cache,
    to_mega_cache,
)

HOST = Environment.of(host="here")
Group = tuple[str, list[tuple[str, bytes]]]


def number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def text(value: str) -> bytes:
    encoded = base64.b64encode(value.encode())
    return number(len(encoded)) + encoded


def sealed(body: bytes) -> bytes:
    return zlib.crc32(body).to_bytes(4, "big") + body


def mega(*groups: Group) -> bytes:
    body = number(1)
    for type_name, artifacts in groups:
        body += text(type_name) + number(len(artifacts))
        for key, content in artifacts:
            body += text(key) + number(len(content)) + content
    return sealed(body)


TWO_SAVES = mega(
    ("inductor", [("f1", b"one"), ("f2", b"two")]),
    ("aot_autograd", [("a1", b"entry")]),
    ("inductor", [("f3", b"three"), ("f1", b"one, compiled again")]),
)


def test_all_groups_of_a_type_are_kept() -> None:
    context = from_mega_cache(TWO_SAVES, environment=HOST)
    assert [(id_.type, id_.key) for id_ in context.current()] == [
        ("inductor", "f1"),
        ("inductor", "f2"),
        ("aot_autograd", "a1"),
        ("inductor", "f3"),
        ("inductor", "f1#2"),
    ]


def test_what_is_written_has_one_group_a_type_and_every_content() -> None:
    data = to_mega_cache(from_mega_cache(TWO_SAVES, environment=HOST))
    assert data == mega(
        (
            "inductor",
            [("f1", b"one"), ("f2", b"two"), ("f3", b"three"), ("f1", b"one, compiled again")],
        ),
        ("aot_autograd", [("a1", b"entry")]),
    )
    assert to_mega_cache(from_mega_cache(data, environment=HOST)) == data


def test_versions_with_other_guards_have_keys_of_their_own() -> None:
    contents = [pickle.dumps({"guards_expr": guards}) for guards in ("s0 < 9", "s0 >= 9")]
    context = from_mega_cache(mega(("inductor", [("f", c) for c in contents])), environment=HOST)
    keys = [id_.key for id_ in context.current()]
    assert len(set(keys)) == 2
    assert all(key.startswith("f#") for key in keys)


def test_contents_never_meet_under_a_key_that_looks_like_a_number() -> None:
    artifacts = [("f", b"1"), ("f#2", b"2"), ("f", b"3"), ("f#2", b"4"), ("f", b"1")]
    context = from_mega_cache(mega(("pgo", artifacts)), environment=HOST)
    kept = [context.lookup(id_.type, id_.key) for id_ in context.current()]
    assert [(a.torch_key, a.content) for a in kept] == artifacts[:4]  # type: ignore[union-attr]


def test_thousands_of_contents_under_one_key_are_kept_in_bounded_time() -> None:
    data = mega(("pgo", [("k", number(i)) for i in range(20_000)]))
    assert len(from_mega_cache(data, environment=HOST).current()) == 20_000


def test_libraries_stay_behind() -> None:
    context = from_mega_cache(TWO_SAVES, environment=HOST)
    before = to_mega_cache(context)
    from precompile_context.adapters.pytorch.artifacts import InductorFile

    context.register(InductorFile)
    context.record_artifact(
        "inductor_file", "ab/c.so", b"library", isa_probe=False, portable_name=""
    )
    assert to_mega_cache(context) == before


def test_an_empty_one_has_no_artifacts() -> None:
    assert list(read_mega_cache(mega())) == []
    assert list(read_mega_cache(mega(("pgo", [])))) == []
    assert list(read_mega_cache(mega(("pgo", [("k", b"")])))) == [
        MegaCacheArtifact("pgo", "k", b"")
    ]


def code_of(data: bytes) -> ErrorCode:
    with pytest.raises(PrecompileError) as caught:
        list(read_mega_cache(data))
    assert caught.value.offset is not None
    return caught.value.code


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (number(2), ErrorCode.UNSUPPORTED_VERSION),
        (number(1) + number(2**63), ErrorCode.TRUNCATED),
        (number(1) + number(4) + b"a", ErrorCode.TRUNCATED),
        (number(1) + text("pgo"), ErrorCode.TRUNCATED),
        (number(1) + text("pgo") + number(2**64 - 1), ErrorCode.TRUNCATED),
        (
            number(1) + text("pgo") + number(1) + text("k") + number(2**62) + b"x",
            ErrorCode.TRUNCATED,
        ),
        (number(1) + number(3) + b"p=o" + number(0), ErrorCode.MALFORMED_FRAME),
        (number(1) + number(4) + base64.b64encode(b"\xff") + number(0), ErrorCode.MALFORMED_FRAME),
        (number(1) + text("../pgo") + number(0), ErrorCode.INVALID_NAME),
    ],
)
def test_false_claims_under_a_right_checksum_are_refused(body: bytes, code: ErrorCode) -> None:
    assert code_of(sealed(body)) is code


def test_every_truncation_is_refused() -> None:
    for size in range(len(TWO_SAVES)):
        code = code_of(TWO_SAVES[:size])
        assert code is (ErrorCode.NOT_A_BUNDLE if size < 12 else ErrorCode.DIGEST_MISMATCH)


def test_every_flipped_bit_is_refused() -> None:
    for bit in range(8 * len(TWO_SAVES)):
        data = bytearray(TWO_SAVES)
        data[bit // 8] ^= 1 << bit % 8
        assert code_of(bytes(data)) is ErrorCode.DIGEST_MISMATCH


def test_a_type_that_is_none_of_torchs_caches_is_refused() -> None:
    """A mega-cache knows no files: what names one would be put beside the kernels."""
    data = mega(("inductor", [("k", b"graph")]), ("inductor_file", [("aa/lib.so", b"code")]))
    with pytest.raises(PrecompileError) as caught:
        from_mega_cache(data, environment=HOST)
    assert caught.value.code is ErrorCode.INVALID_NAME


def test_thousands_of_types_are_refused() -> None:
    """A class would be made for each, at half a millisecond."""
    many: list[Group] = [(f"t{number}", [("k", b"")]) for number in range(1000)]
    assert len(from_mega_cache(mega(*many[:64]), environment=HOST).current()) == 64
    with pytest.raises(PrecompileError) as caught:
        from_mega_cache(mega(*many), environment=HOST)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
