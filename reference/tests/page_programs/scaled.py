"""A program as pages run it: one function that numba compiles."""

import numba


@numba.njit(cache=True)  # type: ignore[untyped-decorator]
def scale(x: float) -> float:
    """Three times."""
    return 3.0 * x


print(scale(2.0))
