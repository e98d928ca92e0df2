"""HOST and CURR: which segments match a host, and what is current in them."""

from dataclasses import replace
from typing import Any

from builders.bases import Edit
from builders.case import Cases, accepts, of_host, refuses
from precompile.conformance.v1 import reading_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle

ANYWHERE = Segment(artifacts=(Artifact("b", b"2"),))
ONE = Segment(artifacts=(Artifact("a", b"1"),))
REQUIREMENTS: dict[str, tuple[str, tuple[str, int, list[str]], bool]] = {
    "exact-equal": ("PCB-HOST-001", ("gpu", 1, ["h100"]), True),
    "exact-other": ("PCB-HOST-001", ("gpu", 1, ["a100"]), False),
    "exact-one-too-many": ("PCB-HOST-001", ("gpu", 1, ["a100", "h100"]), False),
    "exact-none": ("PCB-HOST-001", ("gpu", 1, []), False),
    "exact-a-part": ("PCB-HOST-001", ("flags", 1, ["a", "b"]), False),
    "exact-all": ("PCB-HOST-001", ("flags", 1, ["a", "b", "c"]), True),
    "exact-empty-fact": ("PCB-HOST-001", ("none", 1, []), True),
    "superset-none": ("PCB-HOST-002", ("gpu", 2, []), True),
    "superset-a-part": ("PCB-HOST-002", ("flags", 2, ["a", "c"]), True),
    "superset-all": ("PCB-HOST-002", ("flags", 2, ["a", "b", "c"]), True),
    "superset-one-missing": ("PCB-HOST-002", ("flags", 2, ["a", "d"]), False),
    "superset-of-empty-fact": ("PCB-HOST-002", ("none", 2, ["x"]), False),
    "unknown-fact-exact": ("PCB-HOST-003", ("unknown", 1, []), False),
    "unknown-fact-superset": ("PCB-HOST-003", ("unknown", 2, []), False),
    "unknown-match": ("PCB-HOST-003 PCB-EXT-005", ("gpu", 9, ["h100"]), False),
    "other-case": ("PCB-HOST-001", ("gpu", 1, ["H100"]), False),
}


def here() -> reading_pb2.ReadRequest:
    """The host that these cases are read for."""
    return of_host(gpu=["h100"], flags=["c", "a", "b"], none=[])


def cases() -> Cases:
    """All cases of the areas."""
    for name, (rules, requirement, matches) in REQUIREMENTS.items():
        built = bundle(replace(ONE, requirements=[requirement]), ANYWHERE)
        made = accepts(
            f"HOST/{name}", f"This requirement is {'' if matches else 'not '}met.",
            f"{rules} PCB-HOST-004 PCB-HOST-006", built, asked=here(),
        )  # fmt: skip
        assert made.message.expected.bundle.segments[0].matches is matches
        yield made
    two = [("flags", 2, ["a"]), ("gpu", 1, ["a100"])]
    yield accepts(
        "HOST/one-of-two-not-met", "All requirements of a segment have to be met.",
        "PCB-HOST-004", bundle(replace(ONE, requirements=two), ANYWHERE), asked=here(),
    )  # fmt: skip
    first = [("flags", 2, ["z"]), ("gpu", 1, ["h100"])]
    yield accepts(
        "HOST/first-of-two-not-met", "All requirements of a segment have to be met.",
        "PCB-HOST-004", bundle(replace(ONE, requirements=first), ANYWHERE), asked=here(),
    )  # fmt: skip
    foreign = replace(ONE, requirements=[("gpu", 1, ["a100"])])
    built = bundle(foreign, replace(ANYWHERE, requirements=[("gpu", 1, ["b200"])]))
    yield refuses(
        "HOST/none-matches", "A bundle of which no segment matches is refused at its last one.",
        "PCB-HOST-005", built, "INCOMPATIBLE_ENVIRONMENT", built.segments[1].manifest_offset,
        base="HOST/exact-other", defect="the second segment requires another host, too",
        asked=here(),
    )  # fmt: skip
    yield accepts(
        "HOST/without-a-host", "Who does not ask for a host reads every segment.",
        "PCB-HOST-004", built,
    )  # fmt: skip
    yield from _opaque()
    yield from _current()
    yield from _union()


def _opaque() -> Cases:
    foreign = replace(
        ONE, artifacts=(Artifact("a", b"theirs"), Artifact("c", b"3")),
        requirements=[("gpu", 1, ["a100"])], removed=[("test.blob", "b")],
    )  # fmt: skip
    both = Segment(artifacts=(Artifact("a", b"1"), Artifact("b", b"2")))
    yield accepts(
        "HOST/opaque-changes-nothing", "A segment that does not match neither adds nor removes.",
        "PCB-HOST-006 PCB-CURR-001", bundle(both, foreign), asked=here(),
    )  # fmt: skip
    shared = Block(b"content that many share")
    owner = Segment(artifacts=(Artifact("x", b"content that many share"),), blocks=(shared,),
                    requirements=[("gpu", 1, ["a100"])])  # fmt: skip
    user = Segment(artifacts=(Artifact("y", b"content that many share"),),
                   blocks=(replace(shared, external=True),))  # fmt: skip
    yield accepts(
        "HOST/opaque-block-serves", "A block of an opaque segment serves as an external one.",
        "PCB-HOST-006 PCB-BLOCK-006", bundle(owner, user), asked=here(),
    )  # fmt: skip
    for_each = [
        replace(ONE, artifacts=(Artifact("a", gpu.encode()),), requirements=[("gpu", 1, [gpu])])
        for gpu in ("a100", "h100", "b200")
    ]
    yield accepts(
        "HOST/the-same-key-for-three-hosts", "Each host finds its own.",
        "PCB-HOST-006 PCB-CURR-001", bundle(*for_each), asked=here(),
    )  # fmt: skip


def _of(*artifacts: tuple[str, bytes], **options: Any) -> Segment:
    """A segment of blobs; `options` are further fields of it."""
    return Segment(artifacts=[Artifact(*one) for one in artifacts], **options)


def _current() -> Cases:
    stories = {
        "later-wins": ("PCB-CURR-002", [_of(("a", b"1"), ("b", b"2")), _of(("a", b"3"))]),
        "types-apart": (
            "PCB-CURR-002",
            [_of(("a", b"1")), Segment(artifacts=[Artifact("a", b"4", type="test.other")])],
        ),
        "first-recorded-order": (
            "PCB-CURR-004",
            [_of(("b", b"1"), ("a", b"2")), _of(("c", b"3"), ("b", b"4"))],
        ),
        "removed": (
            "PCB-CURR-003",
            [_of(("a", b"1"), ("b", b"2")), _of(removed=[("test.blob", "a")])],
        ),
        "removal-before-artifacts": (
            "PCB-CURR-001 PCB-CURR-004",
            [
                _of(("a", b"1"), ("b", b"2")),
                _of(("a", b"new"), removed=[("test.blob", "a")]),
            ],
        ),
        "removed-and-back-is-last": (
            "PCB-CURR-004",
            [
                _of(("a", b"1"), ("b", b"2")),
                _of(removed=[("test.blob", "a")]),
                _of(("a", b"1b")),
            ],
        ),
        "removal-of-nothing": (
            "PCB-CURR-003",
            [_of(("a", b"1"), removed=[("test.blob", "x"), ("test.blob", "x")])],
        ),
        "removal-of-another-type": (
            "PCB-CURR-003",
            [_of(("a", b"1")), _of(removed=[("test.other", "a")])],
        ),
        "removal-takes-none-of-later": (
            "PCB-CURR-001",
            [_of(removed=[("test.blob", "a")]), _of(("a", b"1"))],
        ),
    }
    for name, (rules, segments) in stories.items():
        yield accepts(f"CURR/{name}", name.replace("-", " ").capitalize() + ".", rules,
                      bundle(*segments))  # fmt: skip
    edit: Edit = lambda m: m.removed.add(type="test.blob", key="a", content_digest=b"x")
    yield accepts(
        "CURR/removal-with-a-digest", "The digest of a removed id is not looked at.",
        "PCB-CURR-003", bundle(_of(("a", b"1"), ("b", b"2")), _of(edit=edit)),
    )  # fmt: skip


GONE: dict[str, Any] = {"removed": [("test.blob", "a")]}
FOREIGN = [("gpu", 1, ["a100"])]
# Segments, and the keys that are current: a chain takes nothing from another.
UNIONS: dict[str, tuple[str, list[Segment], str]] = {
    "across-chains": (
        "A later chain's artifact stands in the place of an earlier one's.",
        [_of(("a", b"1"), ("b", b"2")), _of(("a", b"3"), chained=False)],
        "a b",
    ),
    "removal-across-chains": (
        "A removal takes nothing from another chain.",
        [_of(("a", b"1"), ("b", b"2")), _of(chained=False, **GONE)],
        "a b",
    ),
    "recorded-and-removed-behind-one-that-has-it": (
        "What a bundle recorded and removed stays where an earlier one has it.",
        [_of(("a", b"1")), _of(("a", b"2"), ("c", b"3"), chained=False), _of(**GONE)],
        "a c",
    ),
    "recorded-and-removed-before-one-that-has-it": (
        "What a bundle recorded and removed comes with a later one.",
        [_of(("a", b"1"), ("b", b"2")), _of(**GONE), _of(("a", b"3"), chained=False)],
        "b a",
    ),
    "removed-and-back-behind-one-that-has-it": (
        "Within its chain it is last; in the bundle it keeps the earlier one's place.",
        [_of(("a", b"1"), ("b", b"2")), _of(("a", b"3"), ("c", b"4"), chained=False),
         _of(**GONE), _of(("a", b"5"))],
        "a b c",
    ),
    "removal-in-the-own-chain": (
        "A removal takes from its own chain, behind another one.",
        [_of(("x", b"1")), _of(("a", b"2"), ("b", b"3"), chained=False), _of(**GONE)],
        "x b",
    ),
    "removal-in-the-first-of-two-chains": (
        "A removal takes from its own chain, before another one.",
        [_of(("a", b"2"), ("b", b"3")), _of(**GONE), _of(("x", b"1"), chained=False)],
        "b x",
    ),
    "three-chains": (
        "Chains are taken in their order, whatever each removed.",
        [_of(("a", b"1")), _of(("b", b"2"), chained=False), _of(("a", b"3")),
         _of(("b", b"4"), ("a", b"5"), chained=False), _of(removed=[("test.blob", "b")])],
        "a b",
    ),
    "opaque-between": (
        "A removal reaches back over an opaque segment of its chain.",
        [_of(("a", b"1"), ("b", b"2")), _of(("a", b"theirs"), requirements=FOREIGN), _of(**GONE)],
        "b",
    ),
    "opaque-that-begins-a-chain": (
        "An opaque segment begins a chain as others do.",
        [_of(("a", b"1"), ("b", b"2")), _of(requirements=FOREIGN, chained=False), _of(**GONE)],
        "a b",
    ),
    "opaque-that-ends-a-chain": (
        "What an opaque segment removes stays, and so does what a later chain removes.",
        [_of(("a", b"1"), ("b", b"2")), _of(requirements=FOREIGN, **GONE),
         _of(chained=False, removed=[("test.blob", "b")])],
        "a b",
    ),
}  # fmt: skip


def _union() -> Cases:
    for name, (shows, segments, keys) in UNIONS.items():
        rules = "PCB-CURR-006 PCB-CURR-003 PCB-APPD-010 PCB-CHAIN-003"
        made = accepts(f"CURR/{name}", shows, rules, bundle(*segments), asked=here())
        assert " ".join(one.key for one in made.message.expected.bundle.current) == keys, name
        yield made
