"""numba's adapter does what every adapter must."""

from collections.abc import Mapping
from typing import ClassVar

import pytest

from precompile_context.testing.adapter_tests import AdapterTests
from tests.forking import Interpreters

pytestmark = pytest.mark.compilers


class TestNumbaAdapter(AdapterTests):
    adapter = "precompile_context.adapters.numba.adapter:NumbaAdapter"
    module = "numba"
    program = """
import numpy as np
from numba import njit

@njit(cache=True)
def total(x):
    s = 0.0
    for value in x:
        s += value
    return s

def main():
    return total(np.arange(4.0))
"""
    other_host: ClassVar[Mapping[str, str]] = {"NUMBA_CPU_NAME": "generic"}

    @pytest.fixture(autouse=True)
    def forked(self, with_numba: Interpreters) -> None:
        self.python = with_numba.stand_in()
