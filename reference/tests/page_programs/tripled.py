"""A program as pages run it: one function that JAX compiles."""

import jax


def triple(x: float) -> float:
    """Three times."""
    return 3.0 * x


print(float(jax.jit(triple)(2.0)))
