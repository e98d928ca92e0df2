"""What the C++ compiler was asked before anything was compiled, and what it answered.

Inductor asks which compiler there is, of which make, and whether it, torch and the
processor together support an instruction set: for that it builds a library and loads
it in a process of its own. An equal host would answer the same, so the answers travel,
under the same EXACT requirements as all that was compiled by them.

A host without a compiler gives the answers of the one that was there. So it finds
what that one built; what is not there cannot be built, as torch then says itself.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from precompile_context.artifact import CacheArtifact
from precompile_context.session.patches import Patches

Answer = bool | str

# By question: the answers that came with bundles.
_GIVEN: dict[str, Answer] = {}
# Compilers that were answered with and are not on this host.
_ABSENT: set[str] = set()


@dataclass(frozen=True)
class CompilerAnswer(CacheArtifact):
    """The answer to the question that is the key, as JSON."""

    TYPE: ClassVar[str] = "compiler_answer"

    def populate_cache(self) -> None:
        """Give it when the question is asked.

        Raises:
            ValueError, TypeError: the content is no answer.
        """
        answer = json.loads(self.content)
        if not isinstance(answer, Answer):
            raise TypeError("an answer is a truth value or a text")
        _GIVEN[self.key] = answer


def install(patches: Patches) -> None:
    """Answer in the compiler's stead."""
    from torch._inductor import cpp_builder
    from torch._inductor.cpu_vec_isa import VecISA

    patches.wrap(VecISA, "check_build", _check_build)
    patches.wrap(cpp_builder, "cpp_compiler_search", _search)
    for name in _OF_A_COMPILER:
        patches.wrap(cpp_builder, name, _of_a_compiler(name))
    patches.wrap(cpp_builder.CppBuilder, "build", _build)


def watch(patches: Patches, record: Callable[[str, bytes], None]) -> None:
    """Tell `record` the key and content of each answer that may travel, once each."""
    from torch._inductor import cpp_builder
    from torch._inductor.cpu_vec_isa import VecISA

    seen: set[str] = set()

    def tell(question: str, answer: Answer) -> None:
        if question not in seen:
            seen.add(question)
            record(question, json.dumps(answer).encode())

    def check_build(original: Callable[..., bool], isa: Any, code: str) -> bool:
        question = _isa_question(isa, code)  # asked changes what a flag of the ISA says
        supported = original(isa, code)
        # No may have come of a full disk or a timeout; and a yes is what costs a build.
        if supported:
            tell(question, supported)
        return supported

    def search(original: Callable[..., str], names: Any) -> str:
        compiler = original(names)
        if compiler not in _ABSENT:
            tell(_question("compiler", names), compiler)
        return compiler

    def of_a_compiler(name: str) -> Callable[..., bool]:
        def ask(original: Callable[..., bool], compiler: str, *more: Any) -> bool:
            answer = original(compiler, *more)
            if shutil.which(compiler) is not None:
                tell(_question(name, compiler, *more), answer)
            return answer

        return ask

    patches.wrap(VecISA, "check_build", check_build)
    patches.wrap(cpp_builder, "cpp_compiler_search", search)
    for name in _OF_A_COMPILER:
        patches.wrap(cpp_builder, name, of_a_compiler(name))


def ask_again(record: Callable[[str, bytes], None]) -> None:
    """Have torch ask once more what it asks but once in a process, and `record` the answers.

    The libraries of its probes are in its cache: they are loaded again, not built.
    """
    from torch._inductor import cpp_builder
    from torch._inductor.cpu_vec_isa import valid_vec_isa_list

    patches = Patches()
    watch(patches, record)
    try:
        cpp_builder.get_cpp_compiler()
        cpp_builder.is_intel_compiler.__wrapped__()
        for isa in valid_vec_isa_list():
            for cls in type(isa).__mro__:
                for function in vars(cls).values():
                    getattr(function, "cache_clear", lambda: None)()
            # One that was asked keeps flags of what it found, and would put other questions.
            bool(type(isa)())
    finally:
        patches.undo()


# Functions of cpp_builder that run a compiler to tell of which make it is. Their answers decide
# on flags, and those on a library's name; without a compiler they answer no.
_OF_A_COMPILER = ("_is_intel_compiler", "_is_gcc_version_less_than")


def _check_build(original: Callable[..., bool], isa: Any, code: str) -> bool:
    return _GIVEN.get(_isa_question(isa, code)) is True or original(isa, code)


def _search(original: Callable[..., str], names: Any) -> str:
    from torch._inductor.exc import InvalidCxxCompiler

    answer = _GIVEN.get(_question("compiler", names))
    if not isinstance(answer, str):
        return original(names)
    if answer not in _ABSENT:  # else searched for in vain before: each search takes a process
        try:
            return original(names)
        except InvalidCxxCompiler:
            _ABSENT.add(answer)
    return answer


def _of_a_compiler(name: str) -> Callable[..., bool]:
    def ask(original: Callable[..., bool], compiler: str, *more: Any) -> bool:
        answer = _GIVEN.get(_question(name, compiler, *more)) if compiler in _ABSENT else None
        return answer if isinstance(answer, bool) else original(compiler, *more)

    return ask


def _build(original: Callable[..., Any], builder: Any) -> Any:
    """What was not found has to be built: torch's own error where it has no compiler."""
    from torch._inductor.exc import InvalidCxxCompiler

    if builder._compiler in _ABSENT:
        raise InvalidCxxCompiler
    return original(builder)


def _isa_question(isa: Any, code: str) -> str:
    from torch._inductor import config

    # What the probe's command line is made of beside what the environment's facts say.
    flags = isa.build_arch_flags()
    return _question("isa", type(isa).__name__, flags, code, config.cpp.cxx, config.cpp.march)


def _question(name: str, *arguments: Any) -> str:
    digest = hashlib.sha256(repr(arguments).encode(errors="backslashreplace")).hexdigest()
    return f"{name}:{digest[:32]}"
