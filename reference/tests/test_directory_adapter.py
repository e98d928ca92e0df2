"""The adapter of a directory does what every adapter must, as far as a tool without a hook can."""

from pathlib import Path
from typing import ClassVar

import pytest

from precompile_context.testing import AdapterTests
from tests.forking import Interpreters

pytestmark = pytest.mark.slow  # programs

KILLED = """
import os, pathlib, signal, program
print(program.main(), flush=True)
pathlib.Path("cache/more").write_text("more")
os.kill(os.getpid(), signal.SIGKILL)
"""


class TestDirectoryAdapter(AdapterTests):
    adapter = "tests.tool_adapter:ToolAdapter"
    module = "builtins"
    path = (str(Path(__file__).parents[1]),)
    refuses = False  # what is in its files is the tool's concern
    variables: ClassVar = {"PRECOMPILE_DIRECTORIES": '{"tool": "cache"}'}
    other_host: ClassVar = {"TOOL_CPU": "another"}
    program = """
import os, pathlib, threading

def main():
    folder = pathlib.Path("cache")
    folder.mkdir(exist_ok=True)
    total = 0
    for n in range(3):
        file = folder / f"square-{n}"
        if not file.exists():
            half = folder / f"{os.getpid()}-{threading.get_ident()}.tmp"
            half.write_text(str(n * n))
            half.replace(file)
        total += int(file.read_text())
    return total
"""

    @pytest.fixture(autouse=True)
    def forked(self, with_ours: Interpreters) -> None:
        self.python = with_ours.stand_in()

    def test_a_killed_process_leaves_what_it_compiled(self, bundle: Path) -> None:
        """What it found there, that is: what it wrote since the last look is lost with it."""
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        killed = self.run(bundle, KILLED, place="second")
        assert (killed.status < 0, killed.out) == (True, cold.out)
        assert bundle.read_bytes() == before
        self.is_warm(self.run(bundle, place="third"), cold.out)

    def test_in_a_directory_that_others_may_write_signatures_decide(self, bundle: Path) -> None:
        """And nothing is restored below it: others could put files of theirs in the place."""
        cold = self.recorded(bundle)
        before = bundle.read_bytes()
        bundle.parent.chmod(0o777)
        done = self.run(bundle, place="second")
        assert (done.status, done.out) == (0, cold.out)
        (line,) = self.lines(done)
        assert "everyone may " in line
        assert bundle.read_bytes() == before
