"""The environment that the adapters for several compilers are tested in."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest

pytestmark = pytest.mark.compilers

CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


@pytest.mark.parametrize("name", ["jax", "jaxlib", "numba", "triton", "torch"])
def test_the_compiler_is_of_the_version_that_is_tested(name: str) -> None:
    (pinned,) = re.findall(
        rf"^{name}==(.*)$", CONSTRAINTS.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert version(name).partition("+")[0] == pinned
