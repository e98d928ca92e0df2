"""JAX's adapter: what every adapter must do, and what is JAX's own."""

import os
import shutil
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from precompile_context.adapters.jax.adapter import JaxAdapter
from precompile_context.testing import AdapterTests
from tests.forking import Interpreters
from tests.programs import RUN

pytestmark = pytest.mark.compilers

# Few and small: each array operation outside of jit is a program of its own.
PROGRAM = """
import jax
import jax.numpy as jnp
import numpy as np

weight = np.eye(8, dtype="float32") / 2

@jax.jit
def step(weight, x):
    x = jnp.tanh(x @ weight)
    return x.sum()

def main():
    gradient = jax.jit(jax.grad(step))(weight, np.ones((2, 8), "float32"))
    return f"{float(step(weight, np.ones((2, 8), 'float32'))):.3f} {np.asarray(gradient).sum():.3f}"
"""

COUNTED = """
import jax, program
hits = []
jax.monitoring.register_event_listener(
    lambda event, **_: hits.append(event) if event.endswith("/cache_hits") else None
)
answer = program.main()
print(len(hits), "hits")
print(answer)
"""
FORKED = """
import os, program
pid = os.fork()
print(f"{program.main()}\\n", end="", flush=True)
if pid:
    os.waitpid(pid, 0)
"""


class TestJaxAdapter(AdapterTests):
    adapter = "precompile_context.adapters.jax.adapter:JaxAdapter"
    module = "jax._src.compiler"
    program = PROGRAM
    # The host's processor may do more: XLA compiles for what is in force.
    other_host: ClassVar[Mapping[str, str]] = {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
    variables: ClassVar[Mapping[str, str]] = {"JAX_PLATFORMS": "cpu"}

    @pytest.fixture(autouse=True)
    def forked(self, with_jax: Interpreters) -> None:
        self.python = with_jax.stand_in()

    @pytest.mark.parametrize("when", ["before the first use"])
    def test_a_forked_child_is_right_and_harms_nothing(self, bundle: Path, when: str) -> None:
        """Not after it: a fork has none of the threads that JAX runs programs in, and waits."""
        cold = self.run(bundle, FORKED)
        line, other = cold.out.splitlines()
        assert (cold.status, other, self.lines(cold)) == (0, line, [])
        self.is_warm(self.run(bundle, place="second"), f"{line}\n")

    def test_fewer_instructions_in_force_are_named(self, bundle: Path) -> None:
        cold = self.recorded(bundle)
        other = self.run(bundle, **self.other_host)
        (line,) = self.lines(other)
        assert "jax.flags: needs {none}, here {--xla_cpu_max_isa=AVX2}" in line
        assert (other.out, other.part["applied"]) == (cold.out, 0)

    def test_in_another_place_jaxs_own_cache_misses_and_the_bundle_hits(self, bundle: Path) -> None:
        def own(name: str) -> dict[str, str]:
            return {
                "JAX_COMPILATION_CACHE_DIR": str(bundle.parent / name),
                "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            }

        cold = self.run(bundle, COUNTED, **own("one"))
        assert (cold.status, cold.out.splitlines()[0]) == (0, "0 hits"), cold.err
        assert any((bundle.parent / "one").iterdir())
        shutil.copytree(bundle.parent / "one", bundle.parent / "two")
        unaided = self.run(bundle, COUNTED, place="own", PRECOMPILE_CACHE="", **own("two"))
        assert unaided.out == cold.out
        self.is_warm(self.run(bundle, COUNTED, place="ours", **own("two")), cold.out)

    def test_why_an_executable_is_missed_is_told_by_its_parts(self, bundle: Path) -> None:
        self.recorded(bundle)
        changed = "import program\n"
        changed += "program.step(program.weight, program.np.ones((3, 8), 'float32'))\n"
        (bundle.parent / "first" / "changed.py").write_text(changed)
        done = subprocess.run(
            [*self.python, *RUN, "--why-miss", "--bundle", str(bundle), "changed.py"],
            cwd=bundle.parent / "first",
            env={
                **os.environ,
                **self.variables,
                "PRECOMPILE_ADAPTERS": f"{self.module}={self.adapter}",
                "XDG_CONFIG_HOME": str(bundle.parent / "config"),
            },
            capture_output=True,
            text=True,
            check=True,
        )
        assert "missed executable jit_step-" in done.stderr
        assert "; nearest is jit_step-" in done.stderr
        assert "source: the digest of its program: " in done.stderr


def test_an_exported_function_travels_as_an_entry(tmp_path: Path, with_jax: Interpreters) -> None:
    program = """
        import jax, sys
        from precompile_context import UNSIGNED, PrecompileContext
        from precompile_context.adapters.jax import ExportedFunction
        path, role = sys.argv[1:]
        context = PrecompileContext(policy=UNSIGNED)
        context.register(ExportedFunction)
        if role == "save":
            exported = jax.export.export(jax.jit(lambda x: x * 3))(1.0)
            context.record(ExportedFunction.of("triple", exported))
            context.save_to(path)
        else:
            context.load(path)
            found = context.lookup(ExportedFunction, "triple")
            print(found.after_deserialization().call(2.0))
    """
    for role in ("save", "load"):
        arguments = [str(tmp_path / "exported.precompile"), role]
        done = with_jax.run(
            ["-c", textwrap.dedent(program), *arguments],
            env={**os.environ, **TestJaxAdapter.variables},
        )
        assert done.returncode == 0, done.stderr
    assert done.stdout == "6.0\n"


def test_a_lock_that_another_thread_had_at_a_fork_is_not_waited_for() -> None:
    adapter = JaxAdapter()
    with adapter._lock:  # another thread's
        adapter._clear()  # as the child's start does
        assert not adapter._lock.locked()
