"""What the protocol's comments call misuse, or Unsupported, is that to the reference's testee."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from precompile.conformance.v1 import reading_pb2, script_pb2, testee_pb2, writing_pb2
from precompile.v1 import artifact_pb2
from precompile_conformance.testee import Testee

KEY = bytes(range(32))
ARTIFACT = writing_pb2.ArtifactDescription(type="t", key="k", kind=artifact_pb2.ARTIFACT_KIND_CACHE)
USE = script_pb2.Step(use_context=script_pb2.UseContext(name="a"))
UNKNOWN_STEP = script_pb2.Step()
NO_VALUE = artifact_pb2.Attribute(name="n")


@pytest.fixture(scope="module")
def testee() -> Iterator[Testee]:
    one = Testee([sys.executable, "-m", "testees.reference"])
    yield one
    one.close()


def without_value() -> writing_pb2.ArtifactDescription:
    """An artifact of which an attribute has no value."""
    made = writing_pb2.ArtifactDescription()
    made.CopyFrom(ARTIFACT)
    made.attributes.append(NO_VALUE)
    return made


def asked(**request: object) -> testee_pb2.Request:
    return testee_pb2.Request(**request)  # type: ignore[arg-type]


def policy(*keys: bytes, threshold: int) -> reading_pb2.TrustPolicy:
    return reading_pb2.TrustPolicy(trusted_keys=keys, threshold=threshold)


@pytest.mark.parametrize(
    "segments", [[], [writing_pb2.SegmentDescription(artifacts=[without_value()])]]
)
def test_a_bundle_of_nothing_and_an_attribute_without_value_are_misuse(
    testee: Testee, segments: list[writing_pb2.SegmentDescription]
) -> None:
    request = writing_pb2.WriteRequest(segments=segments, spec_version="1.0")
    assert testee.ask(asked(write=request)).WhichOneof("response") == "misuse"


@pytest.mark.parametrize("what", ["append", "sign", "read"])
def test_misuse_comes_before_the_rejection_of_the_file(
    testee: Testee, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "no-bundle"
    path.write_bytes(b"this is no bundle")
    segment = writing_pb2.SegmentDescription(artifacts=[ARTIFACT, ARTIFACT])
    request = {
        "append": asked(append=writing_pb2.AppendRequest(path=str(path), segment=segment)),
        "sign": asked(sign=writing_pb2.SignRequest(path=str(path), seed=KEY[:31])),
        "read": asked(read=reading_pb2.ReadRequest(path=str(path), trust=policy(KEY, threshold=0))),
    }[what]
    assert testee.ask(request).WhichOneof("response") == "misuse"
    assert path.read_bytes() == b"this is no bundle"


def test_a_key_that_is_not_32_bytes_is_misuse_and_one_given_twice_counts_once(
    testee: Testee, tmp_path: Path
) -> None:
    path = tmp_path / "bundle"
    request = writing_pb2.WriteRequest(
        segments=[writing_pb2.SegmentDescription(artifacts=[ARTIFACT])], spec_version="1.0"
    )
    path.write_bytes(testee.ask(asked(write=request)).written.bundle)
    for trust, outcome in (
        (policy(KEY[:31], threshold=1), "misuse"),
        (policy(KEY, KEY, threshold=1), "rejection"),
    ):
        read = reading_pb2.ReadRequest(path=str(path), trust=trust)
        assert testee.ask(asked(read=read)).WhichOneof("response") == outcome


@pytest.mark.parametrize(
    "step",
    [
        script_pb2.Step(register=script_pb2.Register(type="t")),
        script_pb2.Step(
            register=script_pb2.Register(
                type="t", kind=artifact_pb2.ARTIFACT_KIND_CACHE, fields=[NO_VALUE]
            )
        ),
        script_pb2.Step(
            use_context=script_pb2.UseContext(name="b", trust=policy(KEY, threshold=0))
        ),
    ],
)
def test_a_step_that_can_never_be_is_misuse_and_the_script_goes_on(
    testee: Testee, step: script_pb2.Step
) -> None:
    response = testee.ask(asked(script=script_pb2.ScriptRequest(steps=[USE, step, USE])))
    kinds = [one.WhichOneof("result") for one in response.script.results]
    assert kinds == ["done", "misuse", "done"]


def test_a_step_that_is_not_known_makes_the_whole_request_unsupported(testee: Testee) -> None:
    response = testee.ask(asked(script=script_pb2.ScriptRequest(steps=[USE, UNKNOWN_STEP])))
    assert response.WhichOneof("response") == "unsupported"
