"""What version 1.1 writes, version 1.0 reads, or refuses as a later version's: never as damage."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from precompile.conformance.v1 import reading_pb2, testee_pb2, writing_pb2
from precompile_conformance.build import Segment, bundle
from precompile_conformance.judge import code_name
from precompile_conformance.testee import Testee
from self_tests.version_1_1 import ARTIFACT, ignorable, of_another_encoding, with_a_feature

TESTEES = {
    "the suite's own reader": [sys.executable, "-m", "self_tests.testee", "honest"],
    "the standard library's": [sys.executable, str(Path(__file__).parents[1] / "testees/stdlib")],
    "the reference": [sys.executable, "-m", "testees.reference"],
}
LATER = {"a required feature": with_a_feature, "another payload_type": of_another_encoding}
REFERENCE = "the reference"


def ask(who: str, request: testee_pb2.Request) -> testee_pb2.Response:
    testee = Testee(TESTEES[who])
    try:
        return testee.ask(request)
    finally:
        testee.close()


def read(who: str, path: Path, data: bytes, *, recover: bool = False) -> testee_pb2.Response:
    path.write_bytes(data)
    request = reading_pb2.ReadRequest(path=str(path), recover=recover)
    return ask(who, testee_pb2.Request(read=request))


@pytest.mark.parametrize("who", TESTEES)
def test_what_can_be_ignored_is(tmp_path: Path, who: str) -> None:
    dump = read(who, tmp_path / "bundle", ignorable()).bundle
    assert [one.key for one in dump.current] == ["kernel", "later"]
    assert not dump.HasField("content_fault")
    (found,) = dump.segments[0].artifacts
    assert [one.string_value for one in found.attributes] == ["sm_90"]


@pytest.mark.parametrize("who", TESTEES)
@pytest.mark.parametrize("what", LATER)
def test_what_cannot_be_ignored_is_a_feature_that_is_lacking(
    tmp_path: Path, who: str, what: str
) -> None:
    at = len(bundle(Segment((ARTIFACT,))).data)
    response = read(who, tmp_path / "bundle", LATER[what]())
    assert code_name(response.rejection) == "UNSUPPORTED_FEATURE"
    assert response.rejection.offset > at


@pytest.mark.parametrize("who", [name for name in TESTEES if name != "the standard library's"])
@pytest.mark.parametrize("what", LATER)
def test_recovery_does_not_read_around_it(tmp_path: Path, who: str, what: str) -> None:
    for data in (LATER[what](), LATER[what]() + b"torn"):
        response = read(who, tmp_path / "bundle", data, recover=True)
        assert code_name(response.rejection) == "UNSUPPORTED_FEATURE"


@pytest.mark.parametrize("make", [*LATER.values(), ignorable])
def test_it_is_appended_to_where_it_can_be_read_alone(
    tmp_path: Path, make: Callable[[], bytes]
) -> None:
    path, data = tmp_path / "bundle", make()
    path.write_bytes(data)
    new = writing_pb2.ArtifactDescription(type="test.blob", key="new", kind=1, content=b"1")  # type: ignore[arg-type]
    segment = writing_pb2.SegmentDescription(artifacts=[new])
    request = writing_pb2.AppendRequest(path=str(path), segment=segment)
    response = ask(REFERENCE, testee_pb2.Request(append=request))
    if make is ignorable:
        assert response.WhichOneof("response") == "appended"
        assert path.read_bytes().startswith(data)
    else:
        assert code_name(response.rejection) == "UNSUPPORTED_FEATURE"
        assert path.read_bytes() == data
