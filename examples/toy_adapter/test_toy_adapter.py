"""The tests of the toy compiler's adapter: those that every adapter passes."""

from pathlib import Path
from typing import ClassVar

from precompile_context.testing import AdapterTests


class TestToyAdapter(AdapterTests):
    """Inherits all of them."""

    adapter = "toy_adapter:ToyAdapter"
    module = "toylang"
    path = (str(Path(__file__).parent),)
    refuses = False  # it runs whatever its cache gives
    other_host: ClassVar = {"TOYLANG_TARGET": "two"}
    program = """
import toylang

def main():
    return [toylang.evaluate(f"x * {n} + 1", x=2.0) / toylang.evaluate("1") for n in range(5)]
"""
