"""The runner: each way in which a testee misbehaves has its own status and stops no other case."""

import sys
from pathlib import Path

import pytest

from builders.bases import PLAIN
from builders.case import INPUT, READER, WRITER, accepts, case
from precompile_conformance import running
from precompile_conformance.corpus import Case, load_case
from precompile_conformance.status import Result, Status
from precompile_conformance.testee import (
    BabbledError,
    CrashedError,
    HungError,
    StartError,
    Testee,
    TesteeError,
)

# Only what hangs is asked for that long.
SECONDS = 300.0


def command(mode: str) -> list[str]:
    return [sys.executable, "-m", "self_tests.testee", mode]


def sound(directory: Path, count: int = 1) -> list[Case]:
    """So many cases of a sound bundle."""
    cases = []
    for index in range(count):
        made = accepts(f"SELF/sound-{index}", "A sound bundle.", "PCB-READ-008", PLAIN)
        made.write(directory)
        cases.append(load_case(directory / made.message.id / "case.textproto"))
    return cases


def run(mode: str, cases: list[Case], seconds: float = SECONDS, jobs: int = 1) -> list[Result]:
    claims = running.ask_claims(command(mode), SECONDS)
    return running.run_all(cases, command(mode), claims, seconds=seconds, jobs=jobs)


def test_a_sound_answer_passes(tmp_path: Path) -> None:
    assert [r.status for r in run("honest", sound(tmp_path, 3))] == [Status.PASS] * 3


@pytest.mark.parametrize(
    ("mode", "status", "words"),
    [
        ("liar", Status.FAIL, "expected bundle, got rejection NOT_A_BUNDLE"),
        ("crash", Status.CRASH, "exit status 3"),
        ("garbage", Status.FAIL, "no Response"),
        ("endless", Status.FAIL, "that is no message"),
        ("chatty", Status.FAIL, "that is no message"),
        ("too_little", Status.CRASH, "exit status 0"),
        ("too_much", Status.FAIL, "more than one answer"),
        ("out_of_order", Status.FAIL, "got an answer to request"),
        ("nothing", Status.FAIL, "got nothing"),
        ("vandal", Status.FAIL, "changed its input"),
    ],
)
def test_each_misbehaviour_has_its_status(
    tmp_path: Path, mode: str, status: Status, words: str
) -> None:
    """And the next case gets a new process: both are told alike."""
    results = run(mode, sound(tmp_path, 2))
    assert [result.status for result in results] == [status, status]
    for result in results:
        assert words in "\n".join(result.lines)


def test_a_crash_shows_what_the_testee_said_last(tmp_path: Path) -> None:
    (result,) = run("crash", sound(tmp_path))
    assert "the bad testee dies now" in "\n".join(result.lines)


def test_a_testee_that_hangs_is_ended_and_the_next_case_runs(tmp_path: Path) -> None:
    results = run("hang", sound(tmp_path, 2), seconds=0.3)
    assert [result.status for result in results] == [Status.TIMEOUT] * 2


def test_a_crash_costs_one_case(tmp_path: Path) -> None:
    statuses = [result.status for result in run("once", sound(tmp_path, 5))]
    assert statuses == [Status.PASS, Status.CRASH, Status.PASS, Status.CRASH, Status.PASS]


def test_several_testees_side_by_side_give_the_results_in_order(tmp_path: Path) -> None:
    cases = sound(tmp_path, 12)
    results = run("honest", cases, jobs=3)
    assert [result.case_id for result in results] == [one.id for one in cases]
    assert {result.status for result in results} == {Status.PASS}


@pytest.mark.parametrize("mode", ["mute", "wrong_hello"])
def test_a_testee_that_does_not_say_who_it_is_cannot_be_run(mode: str) -> None:
    with pytest.raises(TesteeError):
        running.ask_claims(command(mode), 0.5 if mode == "mute" else SECONDS)


@pytest.mark.parametrize(
    ("line", "error", "words"),
    [
        (["true"], CrashedError, "true, at hello: it ended with exit status 0"),
        (["false"], CrashedError, "false, at hello: it ended with exit status 1"),
        (
            ["echo", "hello"],
            BabbledError,
            r"echo hello, at hello: .*b'hello\\n'; that is no message",
        ),
        (["echo", "a"], CrashedError, r"echo a, at hello: .*its output b'a\\n' is no message"),
        (["sleep", "1000"], HungError, "sleep 1000, at hello: no answer within 0.5 seconds"),
        (["cat"], BabbledError, "cat, at hello: no HelloResponse"),
        (command("mute"), HungError, "mute, at hello"),
        (
            command("old"),
            BabbledError,
            "old, at hello: the testee speaks protocol 1, this suite 2: make its code anew",
        ),
    ],
)
def test_what_is_wrong_at_hello_names_the_testee_and_what_came(
    line: list[str], error: type[TesteeError], words: str
) -> None:
    with pytest.raises(error, match=words):
        running.ask_claims(line, 0.5 if error is HungError else SECONDS)


def test_a_crash_shows_what_was_said_since_the_request_alone(tmp_path: Path) -> None:
    results = run("once", sound(tmp_path, 2))
    assert "\n".join(results[1].lines).count("now answering") == 1


def test_a_command_that_is_not_there_is_the_callers_mistake() -> None:
    with pytest.raises(StartError):
        running.ask_claims(["/no/such/testee"], SECONDS)


def test_what_is_not_claimed_is_not_applicable(tmp_path: Path) -> None:
    (one,) = sound(tmp_path)
    one.message.classes.append(WRITER)
    (result,) = run("honest", [one])
    assert (result.status, result.observed) == (
        Status.NOT_APPLICABLE,
        "not claimed: class writer",
    )


def test_what_is_claimed_and_not_done_fails(tmp_path: Path) -> None:
    message = case("SELF/write", "Writing.", "PCB-FRAME-001", classes=[READER, WRITER])
    message.request.write.spec_version = "1.0"
    message.expected.written.SetInParent()
    (result,) = run("claims_all", [Case(message, tmp_path)])
    assert result.status is Status.FAIL
    assert "unsupported" in result.lines[0]


def test_a_fault_of_the_harness_is_an_error_and_no_failure(tmp_path: Path) -> None:
    (one,) = sound(tmp_path)
    (one.directory / INPUT).unlink()
    (result,) = run("honest", [one])
    assert (result.status, result.observed) == (Status.ERROR, "harness")


def test_the_testee_is_told_nothing_of_the_case(tmp_path: Path) -> None:
    """Paths say nothing of what is expected, and are another each time."""
    (one,) = sound(tmp_path)
    request = type(one.message.request)()
    request.CopyFrom(one.message.request)
    (path,) = running._lay_out(one, request, tmp_path / "place")
    assert request.read.path == str(path)
    assert "sound" not in path.name
    assert path.read_bytes() == (one.directory / INPUT).read_bytes()


def test_each_request_has_names_of_its_own_and_nothing_is_left_behind_it() -> None:
    testee = Testee(["no such testee"])
    with testee.place() as first:
        first.with_name(f"{first.name}-0.precompile").write_bytes(b"an input")
        (first.parent / "made by the testee" / "within").mkdir(parents=True)
        (first.parent / "link").symlink_to("/")
    with testee.place() as second:
        assert second.parent == first.parent
        assert second != first
        assert list(second.parent.iterdir()) == []
    testee.close()
    assert not first.parent.exists()
