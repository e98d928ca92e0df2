"""The pieces that an adapter is made of."""

import threading
import types

import pytest

from precompile_context.session import Part
from precompile_context.session.first_use import before
from precompile_context.testing import MemoryPart

pytestmark = pytest.mark.filterwarnings("error")


def _module() -> types.SimpleNamespace:
    return types.SimpleNamespace(compile=lambda text: text.upper())


def test_what_begins_is_called_before_the_first_use_and_sees_it() -> None:
    module = _module()
    seen: list[str] = []

    def begin() -> bool:
        if seen:
            return False
        seen.append("begun")
        original = module.compile

        def compile(text: str) -> str:
            seen.append(text)
            return str(original(text))

        module.compile = compile
        return True

    before(module, "compile", begin)
    assert module.compile("a") == "A"
    assert module.compile("b") == "B"
    assert seen == ["begun", "a", "b"]


def test_what_begins_may_use_the_compiler_itself() -> None:
    module, lock = _module(), threading.RLock()
    calls: list[int] = []

    def begin() -> bool:
        with lock:
            if calls:
                return False
            calls.append(1)
            return bool(module.compile("inner") == "INNER")

    before(module, "compile", begin)
    assert module.compile("outer") == "OUTER"
    assert calls == [1]


def test_a_part_in_memory_is_one_of_the_protocol() -> None:
    part: Part = MemoryPart()
    part.record("toy.kernel", "k", b"first")
    part.record("toy.kernel", "k", b"second")
    assert part.find("toy.kernel", "k") == b"first"
    part.record("toy.kernel", "k", b"third", replace=True)
    assert part.find("toy.kernel", "k") == b"third"
    part.is_unusable("toy.kernel", "k", "no magic")
    assert part.find("toy.kernel", "k") is None
