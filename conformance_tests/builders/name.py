"""NAME, and the sorted lists of REQ and ART: types, keys, names and their order."""

from collections.abc import Callable
from dataclasses import replace

from builders.bases import PLAIN, Edit, detail_of, edits, kind_of_first, set_in
from builders.case import Cases, accepts
from builders.decode import refused
from precompile_conformance.build import Artifact, Segment, bundle

SECOND = Segment(artifacts=(Artifact("a", b"0123456789"), Artifact("b", b"abcdefghij")))
BASE = "NAME/base"
ODD_NAMES = {
    "empty": "",
    "capital": "Test",
    "digit-first": "1a",
    "dot-first": ".a",
    "dash": "a-b",
    "space": "a b",
    "newline-last": "a\n",
    "not-ascii": "ä",
    "arabic-digit": "a\u0661",
    "129-bytes": "a" * 129,
}
ODD_KEYS = {
    "empty": "",
    "1025-bytes": "k" * 1025,
    "1026-bytes-in-342-characters": "€" * 342,
    "zero": "a\0b",
    "newline": "a\nb",
    "escape": "\x1b[2J",
    "delete": "\x7f",
    "c1-control": "a\x85b",
}


def _backend(type_name: str, key: str, kind: int = 3) -> Edit:
    return edits(kind_of_first(kind), lambda m: detail_of(m).backends.add(type=type_name, key=key))


NAMED: dict[str, Callable[[str], Edit]] = {
    "type": lambda name: lambda m: setattr(m.artifacts.types[0], "name", name),
    "attribute": lambda name: lambda m: detail_of(m).attributes.add(name=name, int_value=1),
    "requirement": lambda name: lambda m: m.requirements.add(name=name, match=1),
    "removed": lambda name: lambda m: m.removed.add(type=name, key="k"),
    "backend": lambda name: _backend(name, "k"),
    "backend-of-later-kind": lambda name: _backend(name, "k", kind=9),
}
KEYED: dict[str, Callable[[str], Edit]] = {
    "artifact": lambda key: set_in("key", 0, key),
    "removed": lambda key: lambda m: m.removed.add(type="t", key=key),
    "backend": lambda key: _backend("t", key),
}


def cases() -> Cases:
    """All cases of the area."""
    yield accepts(BASE, "The base of refused names.", "PCB-NAME-001", bundle(PLAIN, SECOND))
    places = [("type", odd) for odd in ODD_NAMES] + [(place, "dash") for place in NAMED]
    for place, odd in dict.fromkeys(places):
        rules = "PCB-NAME-001" + (" PCB-NAME-006" if place != "type" else "")  # fmt: skip
        yield refused(
            f"NAME/{place}-{odd}", f"What is no name as a {place}.", rules,
            replace(SECOND, edit=NAMED[place](ODD_NAMES[odd])), f"{place} {ODD_NAMES[odd][:20]!r}",
            "INVALID_NAME", base=BASE,
        )  # fmt: skip
    keyed = [("artifact", odd) for odd in ODD_KEYS] + [(place, "newline") for place in KEYED]
    for place, odd in dict.fromkeys(keyed):
        rules = "PCB-NAME-002" + (" PCB-NAME-006" if place != "artifact" else "")
        yield refused(
            f"NAME/key-{place}-{odd}", f"What is no key of a {place}.", rules,
            replace(SECOND, edit=KEYED[place](ODD_KEYS[odd])), f"key {ODD_KEYS[odd][:20]!r}",
            "INVALID_NAME", base=BASE,
        )  # fmt: skip
    yield from _accepted()
    yield from _twice()
    yield from _sorted_lists()


def _accepted() -> Cases:
    names = ("a", "a" * 128, "a_b.c9", "a..b", "a.")
    at_the_edge = tuple(Artifact("k", bytes([i]), type=name) for i, name in enumerate(names))
    yield accepts(
        "NAME/names-at-the-edge", "Names of one and of 128 bytes, with dots and underscores.",
        "PCB-NAME-001", Segment(artifacts=at_the_edge),
    )  # fmt: skip
    keys = ("k" * 1024, "€" * 341, "../../etc/passwd", "C:\\con", "a b", "ä", "\u2028", "\ufeff",
            "😀")  # fmt: skip
    odd = tuple(Artifact(key, bytes([i])) for i, key in enumerate(keys))
    yield accepts(
        "NAME/keys-at-the-edge", "Keys that only a path would refuse, and one of 1,024 bytes.",
        "PCB-NAME-002 PCB-NAME-007", Segment(artifacts=odd),
    )  # fmt: skip
    spellings = tuple(
        Artifact(key, bytes([i])) for i, key in enumerate(("\u00e4", "a\u0308", "A", "a"))
    )
    yield accepts(
        "NAME/keys-are-bytes", "Two spellings of one letter are two keys.",
        "PCB-NAME-005 PCB-NAME-003", Segment(artifacts=spellings),
    )  # fmt: skip
    yield accepts(
        "NAME/backends-of-others-ignored", "Backends of CACHE and BACKEND are not looked at.",
        "PCB-ART-002 PCB-NAME-006",
        Segment(artifacts=tuple(
            Artifact(f"k{kind}", b"c", kind=kind, backends=[("No Name", "\n", b"short")])
            for kind in (1, 2)
        )),
    )  # fmt: skip


def _twice() -> Cases:
    for name, content in {"equal": b"0123456789", "other": b"another"}.items():
        yield refused(
            f"NAME/twice-{name}", "A manifest holds a type and key once.", "PCB-NAME-003",
            replace(SECOND, artifacts=(*SECOND.artifacts, Artifact("a", content))),
            f"an artifact twice, its content {name}", "DUPLICATE_ARTIFACT", base=BASE,
        )  # fmt: skip
    both = (*SECOND.artifacts, Artifact("a", b"another", type="test.other"))
    yield accepts(
        "NAME/key-of-two-types", "Types have name spaces of their own.", "PCB-NAME-003",
        Segment(artifacts=both),
    )  # fmt: skip


def _attributes(*names: str) -> Edit:
    return lambda m: [detail_of(m).attributes.add(name=n, int_value=1) for n in names]


def _requirements(*names: str) -> Edit:
    return lambda m: [m.requirements.add(name=n, match=1, values=["v"]) for n in names]


def _values(*values: str) -> Edit:
    return lambda m: m.requirements.add(name="fact", match=2, values=values)


def _sorted_lists() -> Cases:
    unsorted: dict[str, tuple[str, Edit]] = {
        "ART/attributes-out-of-order": ("PCB-ART-005", _attributes("b", "a")),
        "ART/attribute-twice": ("PCB-ART-005", _attributes("a", "a")),
        "REQ/out-of-order": ("PCB-REQ-002", _requirements("b", "a")),
        "REQ/twice": ("PCB-REQ-002", _requirements("a", "a")),
        "REQ/values-out-of-order": ("PCB-REQ-004", _values("b", "a")),
        "REQ/value-twice": ("PCB-REQ-004", _values("a", "a")),
        "REQ/values-in-utf16-order": ("PCB-REQ-004", _values("\U00010000", "\uffff")),
        "REQ/value-of-1025-bytes": ("PCB-REQ-004", _values("v" * 1025)),
    }
    for name, (rule, edit) in unsorted.items():
        yield refused(
            name, "Lists are sorted by bytes and hold nothing twice.", rule,
            replace(SECOND, edit=edit), name.partition("/")[2].replace("-", " "), "INVALID_NAME",
            base=BASE,
        )  # fmt: skip
    ordered: dict[str, tuple[str, Edit]] = {
        "ART/attributes-in-order": ("PCB-ART-005", _attributes("a", "a.b", "a_b", "ab")),
        "REQ/in-order": ("PCB-REQ-002", _requirements("a", "b")),
        "REQ/values-in-order": (
            "PCB-REQ-004",
            _values("", "\0", "B", "a", "\uffff", "\U00010000"),
        ),
        "REQ/value-of-1024-bytes": ("PCB-REQ-004", _values("v" * 1024)),
        "REQ/no-values": ("PCB-REQ-004", _values()),
    }
    for name, (rule, edit) in ordered.items():
        yield accepts(
            name, "Sorted by bytes, also where that is not the order of UTF-16.", rule,
            bundle(PLAIN, replace(SECOND, edit=edit)),
        )  # fmt: skip
