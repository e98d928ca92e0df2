"""JAX's adapter: what every adapter must do, and what is JAX's own."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import pytest

from precompile_context.testing import AdapterTests

pytestmark = pytest.mark.compilers

# Few and small: each array operation outside of jit is a program of its own.
PROGRAM = """
import jax
import jax.numpy as jnp
import numpy as np

weight = np.eye(8, dtype="float32") / 2

@jax.jit
def step(weight, x):
    for _ in range(3):
        x = jnp.tanh(x @ weight)
    return x.sum()

def main():
    gradient = jax.jit(jax.grad(step))(weight, np.ones((2, 8), "float32"))
    return f"{float(step(weight, np.ones((2, 8), 'float32'))):.3f} {np.asarray(gradient).sum():.3f}"
"""

FORKED = """
import os, program
pid = os.fork()
print(program.main(), flush=True)
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

    def test_why_an_executable_is_missed_is_told_by_its_parts(self, bundle: Path) -> None:
        self.recorded(bundle)
        changed = "import program\n"
        changed += "program.step(program.weight, program.np.ones((3, 8), 'float32'))\n"
        missed = self.run(bundle, changed, PRECOMPILE_WHY_MISS="1")
        assert missed.status == 0, missed.err
        assert "missed executable jit_step-" in missed.err
        assert "source: the digest of its program: " in missed.err
