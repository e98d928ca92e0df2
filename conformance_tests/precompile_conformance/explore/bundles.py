"""Bundles as hypothesis makes them: sound ones, and ones with defects of structure or bytes."""

from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st

from precompile.v1 import bundle_pb2
from precompile_conformance.build import NONE, ZSTD, Artifact, Block, BuiltBundle, Segment, bundle
from precompile_conformance.explore.encodings import ENCODINGS
from precompile_conformance.wire import FOOTER_SIZE, HEADER, footer, record, sha256

Edit = Callable[[bundle_pb2.Manifest], object]

KEYS = st.sampled_from(["a", "b", "ä", "../c", "k" * 1024])
TYPES = st.sampled_from(["test.blob", "test.graph", "t"])
CONTENTS = st.sampled_from([b"", b"1", b"same", b"content", bytes(300), bytes(range(256)) * 2])
VALUES = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(), st.binary(max_size=4),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)  # fmt: skip
ODD_NUMBERS = st.sampled_from([0, 1, 2, 9, 22, 23, 2**31, 2**32 - 1, 2**63, 2**64 - 1])
ODD_TEXTS = st.sampled_from(["", "A", "a\n", "a" * 129, "\x7f", "ok", "\u0085", "k" * 1025])
ODD_BYTES = st.sampled_from([b"", bytes(31), bytes(32), bytes(33), sha256(b"?")])


@st.composite
def segments(draw: st.DrawFn) -> Segment:
    """A sound segment."""
    artifacts = draw(
        st.lists(
            st.builds(
                Artifact, KEYS, CONTENTS, TYPES, st.sampled_from([1, 1, 2, 3, 9]),
                attributes=st.dictionaries(st.sampled_from(["x", "y.z"]), VALUES, max_size=2),
            ),
            max_size=3, unique_by=lambda one: (one.type, one.key),
        )
    )  # fmt: skip
    compression = draw(st.sampled_from([NONE, NONE, ZSTD]))
    facts = st.tuples(
        st.sampled_from(["f", "g"]), st.sampled_from([1, 2, 9]),
        st.lists(st.sampled_from(["u", "v"]), unique=True).map(sorted),
    )  # fmt: skip
    requirements = draw(st.lists(facts, max_size=2, unique_by=lambda one: one[0]).map(sorted))
    removed = draw(st.lists(st.tuples(TYPES, KEYS), max_size=2))
    chained = draw(st.booleans()) or draw(st.booleans())
    return Segment(artifacts, None, compression, requirements, removed, chained)


def _set_list_field(name: str, field: str, value: object) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        for element in list(getattr(message, name))[:1]:
            setattr(element, field, value)

    return edit


def _set_in_column(name: str, value: int | str) -> Edit:
    """The first element of a column of the table."""

    def edit(message: bundle_pb2.Manifest) -> None:
        column = getattr(message.artifacts, name)
        if len(column):
            column[0] = value % 2**32 if name in ("type", "block") else value

    return edit


def _lengthen(name: str, by: int) -> Edit:
    """A column with an element more, or one less."""

    def edit(message: bundle_pb2.Manifest) -> None:
        column = getattr(message.artifacts, name)
        if by > 0:
            column.extend(list(column)[:1] or [0])
        elif len(column):
            column.pop()

    return edit


def _set_type(field: str, value: object) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        for element in list(message.artifacts.types)[:1]:
            setattr(element, field, value)

    return edit


def _detail(artifact: int, backends: int) -> Edit:
    """A detail more, of this artifact."""

    def edit(message: bundle_pb2.Manifest) -> None:
        detail = message.artifacts.details.add(artifact=artifact)
        for index in range(backends):
            detail.backends.add(type="t", key=f"{index}")

    return edit


def _repeat_artifact(message: bundle_pb2.Manifest) -> None:
    table = message.artifacts
    for name in ("type", "key", "content_size", "block", "offset"):
        column = getattr(table, name)
        column.extend(column[:1])
    table.content_digest += table.content_digest[:32]


def _repeat(name: str) -> Edit:
    def edit(message: bundle_pb2.Manifest) -> None:
        for element in list(getattr(message, name))[:1]:
            getattr(message, name).append(element)

    return edit


EDITS: st.SearchStrategy[Edit] = st.one_of(
    st.builds(_set_list_field, st.just("blocks"), st.sampled_from(["size", "content_size"]),
              ODD_NUMBERS),
    st.builds(_set_list_field, st.just("blocks"), st.just("compression"),
              st.sampled_from([0, 1, 2, 9])),
    st.builds(_set_list_field, st.just("blocks"), st.just("digest"), ODD_BYTES),
    st.builds(_set_in_column, st.just("key"), ODD_TEXTS),
    st.builds(_set_in_column, st.sampled_from(["type", "content_size", "block", "offset"]),
              ODD_NUMBERS),
    st.builds(_lengthen, st.sampled_from(["type", "content_size", "block", "offset"]),
              st.sampled_from([-1, 1])),
    st.builds(_set_type, st.just("name"), ODD_TEXTS),
    st.builds(_set_type, st.just("kind"), st.sampled_from([0, 1, 2, 3, 9])),
    st.builds(lambda name: lambda m: m.artifacts.types.add(name=name, kind=1),
              st.sampled_from(["test.blob", "t", "unused", "A"])),
    st.builds(lambda value: lambda m: setattr(m.artifacts, "content_digest", value), ODD_BYTES),
    st.builds(_detail, st.sampled_from([0, 1, 9, 2**32 - 1]), st.integers(0, 2)),
    st.just(_repeat_artifact),
    st.builds(_set_list_field, st.just("requirements"), st.just("name"), ODD_TEXTS),
    st.builds(_set_list_field, st.just("removed"), st.sampled_from(["key", "type"]), ODD_TEXTS),
    st.builds(_repeat, st.sampled_from(["blocks", "requirements", "removed"])),
    st.builds(lambda value: lambda m: setattr(m, "previous_manifest_digest", value), ODD_BYTES),
    st.builds(lambda text: lambda m: m.required_features.append(text), ODD_TEXTS),
)  # fmt: skip
OVERRIDES: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.fixed_dictionaries({"header": st.sampled_from(
        [b"", HEADER[:-1] + b"\x02", HEADER[:-1] + b"\x00", HEADER[:21] + b"\x10\x81\x00",
         HEADER[:4] + b"P" + HEADER[5:]])}),
    st.fixed_dictionaries({"manifest_offset": ODD_NUMBERS}),
    st.fixed_dictionaries({"segment_size": ODD_NUMBERS}),
    st.fixed_dictionaries({"payload_type": st.sampled_from(["", "text/plain"])}),
    st.fixed_dictionaries({"payload_digest": ODD_BYTES}),
    st.fixed_dictionaries({"envelope_tail": st.sampled_from(
        [b"", record(0x0A, b""), record(0x7A, b"x"), record(0x1A, record(0x0A, bytes(64)))])}),
    st.fixed_dictionaries({"before_manifest": st.sampled_from([record(0x2A, b"x"), HEADER])}),
    st.fixed_dictionaries({"footer": st.sampled_from([b"", footer(0, 0), footer(23, 44)])}),
    st.fixed_dictionaries({"edit": EDITS}),
    st.fixed_dictionaries({"encode": ENCODINGS}),
    st.fixed_dictionaries({"encode": ENCODINGS, "edit": EDITS}),
)  # fmt: skip


@st.composite
def _damaged_bytes(draw: st.DrawFn, built: BuiltBundle) -> bytes:
    """Bytes flipped, cut, put in, repeated or moved; offsets near what matters are likelier."""
    data = built.data
    places = [0, len(data)]
    for segment in built.segments:
        places += [segment.offset, segment.manifest_offset, segment.envelope_offset,
                   segment.footer_offset, *segment.block_offsets]  # fmt: skip
    for _ in range(draw(st.integers(0, 2))):
        near = draw(st.sampled_from(places)) + draw(st.integers(-3, 24))
        at = min(max(0, near), max(0, len(data) - 1))
        way = draw(st.sampled_from(["flip", "cut", "drop", "put", "tail", "twice"]))
        if way == "flip" and data:
            data = data[:at] + bytes([data[at] ^ (1 << draw(st.integers(0, 7)))]) + data[at + 1 :]
        elif way == "cut":
            data = data[:at]
        elif way == "drop":
            data = data[:at] + data[at + draw(st.integers(1, FOOTER_SIZE)) :]
        elif way == "put":
            data = data[:at] + draw(st.binary(min_size=1, max_size=4)) + data[at:]
        elif way == "tail":
            data += draw(st.sampled_from([b"\0", HEADER, footer(23, 44), bytes(40)]))
        elif built.segments:
            data += draw(st.sampled_from(built.segments)).data
    return data


@st.composite
def inputs(draw: st.DrawFn) -> bytes:
    """An input for readers: a bundle, sound or with up to a few defects."""
    chosen = draw(st.lists(segments(), min_size=1, max_size=3))
    for _ in range(draw(st.integers(0, 2))):
        index = draw(st.integers(0, len(chosen) - 1))
        chosen[index] = replace(chosen[index], **draw(OVERRIDES))  # type: ignore[arg-type]
    try:
        built = bundle(*chosen)
    except (ValueError, TypeError):  # an override that the builder cannot write
        built = bundle(Segment(artifacts=(Artifact("a", b"1"),), blocks=(Block(b"1"),)))
    return draw(_damaged_bytes(built))
