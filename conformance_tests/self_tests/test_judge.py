"""The judge: what counts as the expected answer, and what does not."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from builders.append import appends
from builders.bases import MORE, PLAIN, Edit, detail_of, edits
from builders.ratio import contents
from builders.scripting import Script
from builders.trust import signature
from builders.write import NEW, writes
from precompile.conformance.v1 import case_pb2, reading_pb2, testee_pb2
from precompile.v1 import bundle_pb2
from precompile_conformance import model, reader, signing, writer_rules
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.judge import Answer, Verdict, judge
from precompile_conformance.tables import manifest_of, table_of
from precompile_conformance.wire import record

Change = Callable[[reading_pb2.BundleDump], object]


def judged(expected: reading_pb2.BundleDump, got: reading_pb2.BundleDump) -> Verdict:
    case = case_pb2.Case()
    case.expected.bundle.CopyFrom(expected)
    return judge(case, Answer(testee_pb2.Response(bundle=got)))


@pytest.mark.parametrize("code", ["DIGEST_MISMATCH", "TRUNCATED"])
def test_an_offset_that_a_case_leaves_out_is_open_but_for_another_bundle_digest(code: str) -> None:
    case = case_pb2.Case()
    case.expected.rejection.code = f"ERROR_CODE_{code}"  # type: ignore[assignment]
    got = testee_pb2.Response(rejection=case.expected.rejection)
    assert judge(case, Answer(got)).conforms
    got.rejection.offset = 0
    assert judge(case, Answer(got)).conforms is (code == "TRUNCATED")


CHANGES: dict[str, Change] = {
    "digest": lambda d: setattr(d, "bundle_digest", bytes(32)),
    "size": lambda d: setattr(d, "size", 1),
    "offset": lambda d: setattr(d.segments[1], "offset", 1),
    "order": lambda d: d.current.reverse(),
    "a segment too few": lambda d: d.segments.pop(),
    "a key": lambda d: setattr(d.segments[0].artifacts[0], "key", "x"),
    "a kind": lambda d: setattr(d.segments[0].artifacts[0], "kind", 9),
    "a content digest": lambda d: setattr(d.current[0], "content_digest", b""),
    "an attribute": lambda d: d.segments[0].artifacts[0].attributes.add(name="x"),
    "a fault": lambda d: setattr(d.content_fault, "code", 602),
}


@pytest.mark.parametrize("name", CHANGES)
def test_any_difference_of_a_dump_is_seen(name: str) -> None:
    expected = reader.read(bundle(PLAIN, MORE).data)
    got = reading_pb2.BundleDump()
    got.CopyFrom(expected)
    assert judged(expected, got).conforms
    CHANGES[name](got)
    verdict = judged(expected, got)
    assert not verdict.conforms
    assert verdict.observed.startswith("bundle, ")


def test_what_is_observed_names_the_places_and_what_came_there() -> None:
    expected = reader.read(bundle(PLAIN, MORE).data)
    got = reading_pb2.BundleDump()
    got.CopyFrom(expected)
    got.size = 1
    assert judged(expected, got).observed == "bundle, size: got 1"
    got.size = 2
    got.ignored, got.bundle_digest = 3, b"x"
    del got.segments[1:]
    assert judged(expected, got).observed == (
        "bundle, bundle_digest: got 78; size: got 2; ignored: got 3; 1 more"
    )


def test_what_is_observed_of_a_script_is_its_first_step_that_went_wrong() -> None:
    """Without what is for people, which may be another the next time."""
    case = case_pb2.Case()
    for _ in range(3):
        result = case.expected.script.results.add()
        result.done.SetInParent()
        result.snapshot.SetInParent()
    response = testee_pb2.Response()
    response.script.CopyFrom(case.expected.script)
    assert judge(case, Answer(response)).conforms
    response.script.results[1].misuse.detail = "at 0x7f00"
    response.script.results[2].rejection.code = 103  # type: ignore[assignment]
    verdict = judge(case, Answer(response))
    assert verdict.observed == "script, step 1: got misuse"
    assert "at 0x7f00" in "\n".join(verdict.differences)
    response.script.results[1].CopyFrom(case.expected.script.results[1])
    assert judge(case, Answer(response)).observed == "script, step 2: got rejection TRUNCATED"
    response.script.results[2].CopyFrom(case.expected.script.results[2])
    response.script.results[2].snapshot.need_serialize = True
    assert judge(case, Answer(response)).observed == (
        "script, step 2: snapshot.need_serialize: got True"
    )


def test_what_is_observed_of_another_kind_is_that_kind() -> None:
    case = case_pb2.Case()
    case.expected.rejection.code = 103  # type: ignore[assignment]
    case.expected.rejection.offset = 7
    assert judge(case, Answer(testee_pb2.Response(bundle={}))).observed == "bundle"
    other = testee_pb2.Response(rejection={"code": 104, "offset": 7})
    assert judge(case, Answer(other)).observed == "rejected MALFORMED_FRAME"
    elsewhere = testee_pb2.Response(rejection={"code": 103, "offset": 8})
    assert judge(case, Answer(elsewhere)).observed == "rejected TRUNCATED, offset: got 8"


def test_a_minus_zero_is_no_zero() -> None:
    zero, minus = (
        reader.read(bundle(Segment(artifacts=(Artifact("k", attributes={"a": value}),))).data)
        for value in (0.0, -0.0)
    )
    minus.bundle_digest = zero.bundle_digest
    minus.segments[0].payload_digest = zero.segments[0].payload_digest
    zero.size = minus.size
    zero.segments[0].size = minus.segments[0].size
    assert "double_value" in judged(zero, minus).differences[0]


def test_what_a_testee_says_of_a_refusal_stands_beside_the_difference() -> None:
    """It is for people: what is observed, and so what is expected to fail, is without it."""
    case = case_pb2.Case()
    case.expected.rejection.CopyFrom(rejection(103, 7))
    answer = Answer(testee_pb2.Response(rejection=rejection(104, 7, "no footer\nthere")))
    verdict = judge(case, answer)
    assert verdict.observed == "rejected MALFORMED_FRAME"
    assert verdict.differences[0].splitlines()[1:] == ["it says: no footer", "there"]
    expected = reader.read(bundle(PLAIN, MORE).data)
    got = reading_pb2.BundleDump()
    got.CopyFrom(expected)
    got.segments[1].artifacts[0].content_fault.CopyFrom(rejection(602, 9, "another digest"))
    (line,) = judged(expected, got).differences
    assert line.endswith("not expected (ERROR_CODE_DIGEST_MISMATCH)\nit says: another digest")
    assert judged(expected, got).observed.endswith("(ERROR_CODE_DIGEST_MISMATCH)")


def rejection(code: int, offset: int | None = None, detail: str = "") -> reading_pb2.Rejection:
    message = reading_pb2.Rejection(code=code, detail=detail)  # type: ignore[arg-type]
    if offset is not None:
        message.offset = offset
    return message


@pytest.mark.parametrize(
    ("expected", "got", "conforms"),
    [
        (rejection(101, 0), rejection(101, 0, "any words"), True),
        (rejection(101, 0), rejection(101, 1), False),
        (rejection(101, 0), rejection(101), False),
        (rejection(101), rejection(101, 5), True),
        (rejection(101), rejection(102), False),
    ],
)
def test_a_rejection_is_its_code_and_where_it_is_fixed_its_offset(
    expected: reading_pb2.Rejection, got: reading_pb2.Rejection, conforms: bool
) -> None:
    case = case_pb2.Case()
    case.expected.rejection.CopyFrom(expected)
    verdict = judge(case, Answer(testee_pb2.Response(rejection=got)))
    assert verdict.conforms is conforms


def test_an_alternative_conforms_too() -> None:
    case = case_pb2.Case()
    case.expected.rejection.CopyFrom(rejection(101))
    case.alternatives.add(reason="open").expected.rejection.CopyFrom(rejection(104))
    answer = Answer(testee_pb2.Response(rejection=rejection(104)))
    assert judge(case, answer).conforms
    assert not judge(case, Answer(testee_pb2.Response(rejection=rejection(103)))).conforms


def written(data: bytes, again: bytes | None = None) -> Answer:
    response, second = testee_pb2.Response(), testee_pb2.Response()
    response.written.bundle = data
    second.written.bundle = data if again is None else again
    return Answer(response, again=second)


def verdict_on(data: bytes, again: bytes | None = None) -> tuple[str, ...]:
    case = writes("SELF/x", "x", "PCB-FRAME-001", NEW).message
    return judge(case, written(data, again)).differences


def test_a_sound_bundle_of_what_was_asked_for_conforms() -> None:
    assert verdict_on(bundle(NEW).data) == ()


def test_a_writer_that_gives_other_bytes_the_second_time_fails() -> None:
    assert "other bytes" in verdict_on(bundle(NEW).data, bundle(NEW).data + b"\0")[0]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (bundle(NEW).data[:-1], "what was written is refused: TRUNCATED"),
        (bundle(MORE).data, "key"),
        (
            bundle(Segment(artifacts=NEW.artifacts, envelope_tail=record(0x7A, b"x"))).data,
            "fields that version 1.0 does not define",
        ),
        (
            bundle(
                Segment(
                    artifacts=NEW.artifacts, payload=bundle(NEW).segments[0].payload + b"\x1a\0"
                )
            ).data,
            "not the deterministic encoding",
        ),
    ],
)
def test_what_a_writer_must_not_write_is_seen(data: bytes, words: str) -> None:
    assert words in "\n".join(verdict_on(data))


UNSORTED = (Artifact("a", b"1"), Artifact("b", b"2", type="test.other"))
TABLES: dict[str, tuple[Edit, str]] = {
    "a type that no artifact has": (
        lambda m: m.artifacts.types.add(name="unused", kind=1),
        "types are not those in use",
    ),
    "types in another order": (
        edits(lambda m: m.artifacts.types.reverse(), lambda m: m.artifacts.type.reverse()),
        "types are not those in use",
    ),
    "a detail of nothing": (
        lambda m: m.artifacts.details.add(artifact=1), "the detail of artifact 1 says nothing"
    ),
    "backends of a cache": (
        lambda m: detail_of(m).backends.add(type="t", key="k"),
        "artifact 0 is no entry and names backends",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_what_a_writer_must_not_list_in_a_table_is_seen(name: str) -> None:
    edit, words = TABLES[name]
    data = bundle(Segment(artifacts=UNSORTED, edit=edit)).data
    assert words in "\n".join(writer_rules.faults(data))


def test_a_table_of_nothing_and_columns_that_are_not_packed_are_seen() -> None:
    nothing = bundle(Segment(edit=lambda m: m.artifacts.SetInParent()))
    assert "a table without anything" in "\n".join(writer_rules.faults(nothing.data))
    alone = Segment(artifacts=(Artifact("k"),))
    message = bundle_pb2.Manifest.FromString(bundle(alone).segments[0].payload)
    payload = manifest_of(message, table_of(message, type=b"\x10\x00"))
    data = bundle(replace(alone, payload=payload)).data
    assert "not the deterministic encoding" in "\n".join(writer_rules.faults(data))


def test_content_past_what_a_segments_end_allows_is_seen() -> None:
    """A later segment makes room for readers, and none for the writer of this one."""
    size = 65_536 * len(bundle(contents(64 << 20)).data) + 1
    data = bundle(contents(size), PLAIN).data
    reader.read(data)
    (fault,) = writer_rules.faults(data)
    assert fault.startswith("segment 0: content goes past")


def test_equal_content_that_is_stored_twice_is_seen() -> None:
    twice = Segment(
        artifacts=(
            Artifact("a", b"same", place=(0, 0)),
            Artifact("b", b"same", place=(1, 0)),
        ),
        blocks=(Block(b"same"), Block(b"same")),
    )
    case = writes("SELF/x", "x", "PCB-EXTENT-006", twice).message
    assert case.level == case_pb2.LEVEL_SHOULD
    assert "stored again" in judge(case, written(bundle(twice).data)).differences[0]


def test_an_append_that_changes_what_was_there_is_seen() -> None:
    first = bundle(PLAIN).data
    case = appends("SELF/x", "x", "PCB-APPD-001", first, NEW, [PLAIN], len(first)).message
    response = testee_pb2.Response()
    response.appended.SetInParent()
    grown = bundle(PLAIN, NEW).data
    assert judge(case, Answer(response, [first], file_after=grown)).conforms
    moved = bundle(NEW, PLAIN).data
    assert "not kept" in judge(case, Answer(response, [first], file_after=moved)).differences[0]


def test_a_refused_file_that_was_changed_is_seen() -> None:
    case = case_pb2.Case()
    case.expected.rejection.CopyFrom(rejection(101))
    answer = testee_pb2.Response(rejection=rejection(101))
    assert judge(case, Answer(answer, [b"x"], file_after=b"x")).conforms
    assert not judge(case, Answer(answer, [b"x"], file_after=b"")).conforms


def test_a_script_is_judged_step_by_step_and_by_its_bundles() -> None:
    script = Script().blob("a", b"1").serialize().blob("b", b"2").serialize()
    case = script.built("SELF/x", "x", "PCB-CTX-018").message
    response = testee_pb2.Response()
    response.script.CopyFrom(model.run(case.request.script, {}))
    first, second = (r.serialized for r in response.script.results if r.HasField("serialized"))
    one = Segment(artifacts=(Artifact("a", b"1"),))
    two = Segment(artifacts=(Artifact("b", b"2"),))
    first.bundle, second.bundle = bundle(one).data, bundle(one, two).data
    for result in (first, second):
        result.ClearField("holds")
        result.ClearField("extends_step")
    assert judge(case, Answer(response)).conforms
    second.bundle = bundle(two, one).data
    assert "does not begin with that of step" in judge(case, Answer(response)).differences[0]
    response.script.results[-1].snapshot.need_serialize = True
    assert "need_serialize" in judge(case, Answer(response)).differences[0]


def test_the_files_that_a_script_saves_to_are_judged() -> None:
    there = bundle(PLAIN).data
    script = Script(there=there).blob("a", b"1").save("there").blob("b", b"2").save("there")
    case = script.built("SELF/x", "x", "PCB-CTX-021").message
    response = testee_pb2.Response()
    response.script.CopyFrom(model.run(case.request.script, {"there.precompile": there}))
    first, second = (r.saved for r in response.script.results if r.HasField("saved"))
    one = Segment(artifacts=(Artifact("a", b"1"),))
    two = Segment(artifacts=(Artifact("b", b"2"),))
    for result, segments in ((first, [PLAIN, one]), (second, [PLAIN, one, two])):
        result.file = bundle(*segments).data
        for name in ("holds", "keeps", "extends_step"):
            result.ClearField(name)
    answer = Answer(response, [there, there])
    assert judge(case, answer).conforms
    second.file = bundle(PLAIN, two).data
    assert "does not begin with that of step" in judge(case, answer).differences[0]
    second.file = first.file
    assert "does not begin with that of step" in judge(case, answer).differences[0]
    first.file = bundle(one).data
    assert "are not kept" in judge(case, answer).differences[0]


def test_a_file_where_nothing_was_to_be_saved_is_none() -> None:
    case = Script().save().built("SELF/x", "x", "PCB-CTX-021").message
    response = testee_pb2.Response()
    response.script.CopyFrom(model.run(case.request.script, {}))
    saved = response.script.results[-1].saved
    saved.ClearField("holds")
    assert judge(case, Answer(response, [b""])).conforms
    saved.file = b"x"
    assert "is not empty" in judge(case, Answer(response, [b""])).differences[0]


SEED = b"\1" * 32  # of the key `a`


def test_a_file_that_is_signed_is_judged_by_its_signatures() -> None:
    payload = bundle(PLAIN).segments[0].payload
    a, b = signature("a", payload), signature("b", payload)
    bad = signature("a", payload, sig=bytes(64))
    unknown = record(0x7A, b"later")

    def faults(before: bytes, after: bytes) -> list[str]:
        one, other = (bundle(replace(PLAIN, envelope_tail=tail)).data for tail in (before, after))
        return list(signing.faults(one, other, SEED))

    assert faults(b, b + a) == faults(a + b, a + b) == faults(bad + b, b + a) == []
    for before, after in ((b, a + b), (b, a), (bad, bad + a), (a + b, b + a), (b, b), (b, b + bad)):
        assert faults(before, after)[0].startswith("segment 0: its signatures are not")
    assert "unknown fields" in faults(b + unknown, b + a)[0]
    assert faults(unknown + b, b + a + unknown) == []
    assert faults(a + unknown, unknown + a) == ["there was nothing to add, and the file is another"]
