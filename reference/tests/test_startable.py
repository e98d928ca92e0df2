"""What a with-block begins and ends can be started and stopped by calls."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from precompile_context import MisuseError, PrecompileContext, Startable
from precompile_context.startable import startable
from tests.toys import BLOB, toy_context


@startable
def _counting(steps: list[str], name: str = "a") -> Iterator[int]:
    """A block that tells what happens."""
    steps.append(f"begin {name}")
    try:
        yield len(steps)
    except ValueError:
        steps.append("refused")
    finally:
        steps.append(f"end {name}")


def test_a_block_is_begun_and_ended_by_with_by_calls_and_around_a_function() -> None:
    steps: list[str] = []
    block = _counting(steps, name="b")
    assert (steps, repr(block)) == ([], "<_counting: not started>")
    with block as value:
        assert (value, steps) == (1, ["begin b"])
        assert repr(block) == "<_counting: started>"
    assert block.start() == 3
    block.stop()
    assert steps == ["begin b", "end b"] * 2

    @block
    def work(again: bool) -> str:
        return work(False) if again else "done"

    assert work(True) == "done"
    assert steps[4:] == ["begin b", "begin b", "end b", "end b"]
    assert _counting.__doc__ == "A block that tells what happens."


def test_to_stop_twice_is_nothing_and_to_start_twice_is_a_mistake_that_changes_nothing() -> None:
    steps: list[str] = []
    block: Startable[int] = _counting(steps)
    block.stop()
    block.start()
    with pytest.raises(MisuseError, match=r"stop\(\) ends it"):
        block.start()
    assert steps == ["begin a"]
    block.stop()
    block.stop()
    assert steps == ["begin a", "end a"]


def test_a_block_that_cannot_begin_is_not_begun_and_what_is_raised_in_it_gets_there() -> None:
    @startable
    def failing() -> Iterator[None]:
        raise OSError("it cannot")
        yield

    block = failing()
    with pytest.raises(OSError, match="it cannot"):
        block.start()
    block.stop()
    steps: list[str] = []
    with _counting(steps):
        raise ValueError
    assert steps == ["begin a", "refused", "end a"]


def test_what_was_not_stopped_is_stopped_when_the_interpreter_ends() -> None:
    program = (
        "from precompile_context.startable import startable\n"
        "@startable\n"
        "def block():\n"
        "    yield\n"
        "    print('stopped')\n"
        "block().start()\n"
        "other = block(); other.start(); other.stop()\n"
        "print('end')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout == b"stopped\nend\nstopped\n"


def test_a_context_s_fresh_state_can_be_started() -> None:
    context: PrecompileContext = toy_context()
    context.record_artifact(BLOB, "one", b"1")
    block = context.fresh()
    block.start()
    assert context.serialize() is None
    block.stop()
    assert context.serialize() is not None
