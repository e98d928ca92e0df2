"""Several segments as one."""

from collections.abc import Callable

import pytest

from precompile_conformance.build import Artifact, Segment, bundle
from precompile_context import ArtifactId, ArtifactKind, ErrorCode
from precompile_context.bundle import Bundle, Chain, SegmentWriter
from precompile_context.bundle.fold import fold, foldable
from precompile_context.trust import UNSIGNED
from tests.toys import (
    BLOB,
    ELSEWHERE,
    HERE,
    Name,
    bundle_contents,
    flip,
    new_artifact,
    noise,
    refused,
    write_segment,
)

A, B, C = (BLOB, "a"), (BLOB, "b"), (BLOB, "c")
Step = Callable[[Chain], bytes]


def _add(key: str, content: bytes) -> Step:
    return lambda chain: write_segment(new_artifact(key, content), chain=chain)


def _remove(*names: Name) -> Step:
    return lambda chain: write_segment(chain=chain, removed=names)


def _written(*steps: Step) -> bytes:
    chain = Chain()
    return b"".join(step(chain) for step in steps)


def _folded(data: bytes, first: int) -> bytes:
    """`data` with one segment in place of those from index `first` on."""
    opened = Bundle.open(data, policy=UNSIGNED)
    tail = opened.segments[first:]
    assert foldable(tail)
    result = fold(opened, tail)
    base = data[: tail[0].offset]
    chain = Chain.of(opened, before=len(base)) if base else Chain()
    writer = SegmentWriter(chain, requirements=result.requirements)
    return base + b"".join(writer.chunks(result.artifacts, result.removed))


@pytest.mark.parametrize("first", [0, 1, 2])
@pytest.mark.parametrize(
    "steps",
    [
        [_add("a", b"1"), _add("b", b"2"), _add("c", b"3"), _add("d", b"4")],
        [_add("a", b"1"), _add("b", b"2"), _add("a", b"3"), _add("a", b"4")],
        [_add("a", b"1"), _add("b", b"2"), _add("c", b"3"), _remove(A, B)],
        [_add("a", b"1"), _add("b", b"2"), _remove(A), _add("a", b"3")],
        [_add("a", b"1"), _add("b", b"2"), _add("a", b"3"), _remove(A), _add("a", b"1")],
        [_add("a", b"1"), _remove(A), _remove(B), _remove(C)],
    ],
    ids=["add", "supersede", "remove", "remove and add", "all of it", "nothing left"],
)
def test_fold_means_what_the_segments_meant(steps: list[Step], first: int) -> None:
    data = _written(*steps)
    result = _folded(data, first)
    assert len(Bundle.open(result, policy=UNSIGNED).segments) == first + 1
    assert list(bundle_contents(result).items()) == list(bundle_contents(data).items())
    assert result.startswith(data[: Bundle.open(data, policy=UNSIGNED).segments[first].offset])


def test_fold_leaves_out_content_that_was_superseded_or_removed() -> None:
    data = _written(_add("a", noise(5000, 1)), _add("a", noise(5000, 2)), _remove(A))
    assert len(_folded(data, 0)) < 500


def test_fold_refers_to_content_before_the_base() -> None:
    content = noise(5000)
    data = _written(_add("a", content), _add("b", b"2"), _add("c", content))
    assert len(_folded(data, 1)) < 6000


def test_fold_keeps_requirements_kinds_backends_and_attributes() -> None:
    backend = ArtifactId("test.graph", "g", bytes(32))
    first = new_artifact("k", b"content", kind=ArtifactKind.ENTRY, backends=(backend,), x=1, y="é")
    chain, requirements = Chain(), HERE.requirements()
    data = write_segment(first, chain=chain, requirements=requirements)
    data += write_segment(new_artifact("later", kind=7), chain=chain, requirements=requirements)
    before, after = (
        Bundle.open(data, policy=UNSIGNED),
        Bundle.open(_folded(data, 0), policy=UNSIGNED),
    )
    assert after.segments[0].manifest.requirements == requirements
    assert {name: stored.identity for name, stored in after.current().items()} == {
        name: stored.identity for name, stored in before.current().items()
    }


def test_foldable_is_false_across_chains() -> None:
    data = _written(_add("a", b"1")) + _written(_add("b", b"2"))
    assert not foldable(Bundle.open(data, policy=UNSIGNED).segments)


def test_foldable_is_true_of_a_whole_later_chain() -> None:
    data = _written(_add("a", b"1")) + _written(_add("b", b"2"), _add("c", b"3"))
    assert foldable(Bundle.open(data, policy=UNSIGNED).segments[1:])


def test_foldable_is_false_where_requirements_differ() -> None:
    chain = Chain()
    data = b"".join(
        write_segment(new_artifact("a", b"1"), chain=chain, requirements=host.requirements())
        for host in (HERE, ELSEWHERE)
    )
    assert not foldable(Bundle.open(data, policy=UNSIGNED).segments)


def test_foldable_is_false_where_an_attribute_cannot_be_written_again() -> None:
    """A value of a type that is added to the format later is not known to this reader."""
    value_of_a_later_type = b"\x72\x01x"  # field 14
    later = Segment(
        artifacts=(Artifact("a", b"1", attributes={"later": 1}),),
        edit=lambda manifest: (
            manifest.artifacts.details[0]
            .attributes[0]
            .ParseFromString(b"\x0a\x05later" + value_of_a_later_type)
        ),
    )
    opened = Bundle.open(
        bundle(later, Segment(artifacts=(Artifact("b", b"2"),))).data, policy=UNSIGNED
    )
    assert opened.current()[A].attributes == {"later": None}
    assert not foldable(opened.segments)


def test_fold_refuses_damaged_content() -> None:
    data = flip(_written(_add("a", noise(1000)), _add("b", b"2")), 100)
    with refused(ErrorCode.DIGEST_MISMATCH):
        _folded(data, 0)
