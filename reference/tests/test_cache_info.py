"""What an operation covered, by type."""

from precompile.v1 import cache_info_pb2
from precompile_context import CacheInfo

NAMES = [("b", "2"), ("a", "1"), ("b", "1"), ("a", "é")]


def test_types_and_keys_are_in_the_order_in_which_they_came() -> None:
    info = CacheInfo.of(NAMES)
    assert list(info.artifacts.items()) == [("b", ("2", "1")), ("a", ("1", "é"))]


def test_keys_of_gives_the_keys_of_one_type_and_none_of_an_unknown_one() -> None:
    assert CacheInfo.of(NAMES).keys_of("a") == ("1", "é")
    assert CacheInfo.of(NAMES).keys_of("c") == ()


def test_an_info_is_true_where_it_covers_anything() -> None:
    assert not CacheInfo()
    assert not CacheInfo.of([])
    assert CacheInfo.of(NAMES)
    assert len(CacheInfo.of(NAMES)) == 4


def test_an_info_is_a_message_on_the_wire() -> None:
    message = cache_info_pb2.CacheInfo.FromString(CacheInfo.of(NAMES).to_bytes())
    assert [(item.type, list(item.keys)) for item in message.types] == [
        ("b", ["2", "1"]),
        ("a", ["1", "é"]),
    ]
