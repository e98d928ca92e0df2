"""What the C++ compiler was asked, answered in its stead."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from precompile_context.adapters.pytorch import answers
from precompile_context.adapters.pytorch.answers import CompilerAnswer
from precompile_context.session.patches import Patches

pytestmark = pytest.mark.torch

NAMES = ("no-such-compiler-c++",)


class Isa:
    """As much of an instruction set of inductor's as is asked for."""

    def __init__(self, flags: str = "-mavx2") -> None:
        self.flags = flags

    def build_arch_flags(self) -> str:
        return self.flags


@pytest.fixture(autouse=True)
def _nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_GIVEN", {})
    monkeypatch.setattr(answers, "_ABSENT", set())


@pytest.fixture
def recorded() -> dict[str, bytes]:
    """What a watch tells."""
    return {}


def watched(told: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, **originals: Any) -> Any:
    """torch, watched; with `originals` in the place of what is wrapped."""
    from torch._inductor import cpp_builder
    from torch._inductor.cpu_vec_isa import VecISA

    for name, original in originals.items():
        monkeypatch.setattr(VecISA if name == "check_build" else cpp_builder, name, original)
    patches = Patches()
    answers.watch(patches, told.__setitem__)
    return SimpleNamespace(check_build=VecISA.check_build, builder=cpp_builder, undo=patches.undo)


def give(told: dict[str, bytes]) -> None:
    for question, content in told.items():
        CompilerAnswer(question, content).populate_cache()


def test_a_supported_instruction_set_is_not_probed_for_again(
    recorded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = watched(recorded, monkeypatch, check_build=lambda isa, code: True)
    assert torch.check_build(Isa(), "code")
    torch.undo()
    assert len(recorded) == 1
    probed = []

    def probe(isa: Isa, code: str) -> bool:
        probed.append((isa.flags, code))
        return False

    assert not answers._check_build(probe, Isa(), "code")
    give(recorded)
    assert answers._check_build(probe, Isa(), "code")
    assert not answers._check_build(probe, Isa(), "other code")
    assert not answers._check_build(probe, Isa("-mavx512f"), "code")
    assert probed == [("-mavx2", "code"), ("-mavx2", "other code"), ("-mavx512f", "code")]


def test_a_no_does_not_travel_and_is_not_taken(
    recorded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have come of a full disk."""
    torch = watched(recorded, monkeypatch, check_build=lambda isa, code: False)
    assert not torch.check_build(Isa(), "code")
    torch.undo()
    assert recorded == {}
    give({answers._isa_question(Isa(), "code"): b"false"})
    assert answers._check_build(lambda isa, code: True, Isa(), "code")


def test_a_missing_compiler_is_named_by_the_bundle(
    recorded: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor.exc import InvalidCxxCompiler

    torch = watched(recorded, monkeypatch, cpp_compiler_search=lambda names: names[0])
    assert torch.builder.cpp_compiler_search(NAMES) == NAMES[0]
    torch.undo()
    searches = []

    def search(names: tuple[str, ...]) -> str:
        searches.append(names)
        raise InvalidCxxCompiler

    with pytest.raises(InvalidCxxCompiler):
        answers._search(search, NAMES)
    give(recorded)
    assert [answers._search(search, NAMES) for _ in range(3)] == [NAMES[0]] * 3
    assert len(searches) == 2  # looked for in vain once more, and then no more
    with pytest.raises(InvalidCxxCompiler):
        answers._search(search, ("another",))


def test_a_compiler_that_is_there_counts_whatever_the_bundle_says() -> None:
    give({answers._question("compiler", NAMES): b'"there"'})
    assert answers._search(lambda names: "here", NAMES) == "here"
    give({answers._question("_is_intel_compiler", "here"): b"true"})
    assert not answers._of_a_compiler("_is_intel_compiler")(lambda compiler: False, "here")


def test_a_missing_compiler_is_of_the_make_that_the_bundle_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "_ABSENT", {"icx"})
    ask = answers._of_a_compiler("_is_gcc_version_less_than")
    assert not ask(lambda compiler, major: False, "icx", 13)
    give({answers._question("_is_gcc_version_less_than", "icx", 13): b"true"})
    assert ask(lambda compiler, major: False, "icx", 13)
    assert not ask(lambda compiler, major: False, "icx", 12)


def test_what_a_missing_compiler_would_have_to_build_fails_as_without_a_bundle(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from torch._inductor.exc import InvalidCxxCompiler

    monkeypatch.setattr(answers, "_ABSENT", {"g++"})
    with pytest.raises(InvalidCxxCompiler):
        answers._build(lambda builder: None, SimpleNamespace(_compiler="g++"))
    assert answers._build(lambda builder: "built", SimpleNamespace(_compiler="c++")) == "built"


@pytest.mark.parametrize("content", [b"", b"[1]", b"null", b"1", b"\xff"])
def test_what_is_no_answer_is_refused(content: bytes) -> None:
    with pytest.raises((ValueError, TypeError)):
        CompilerAnswer("question", content).populate_cache()
    assert answers._GIVEN == {}


def test_answers_are_json() -> None:
    give({"q": json.dumps("é").encode()})
    assert answers._GIVEN == {"q": "é"}
