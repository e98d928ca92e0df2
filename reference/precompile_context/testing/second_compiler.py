"""A second compiler with its adapter, for a program that uses two."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from precompile_context.environment import Environment
from precompile_context.session import Adapter, Part, ServedArtifact, first_use
from precompile_context.session.patches import Patches


def look_up(word: str) -> bytes | None:
    """The compiler's cache, which never has anything."""
    return None


def spell(word: str) -> bytes:
    """What the compiler makes of a word."""
    found = look_up(word)
    return _compile(word) if found is None else found


def _compile(word: str) -> bytes:
    return word.upper().encode()


@dataclass(frozen=True)
class SpelledWord(ServedArtifact):
    """One word."""

    TYPE: ClassVar[str] = "second.word"


class SecondAdapter(Adapter):
    """Its adapter."""

    name = "second"
    types = (SpelledWord,)
    unit = "word"

    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        first_use.before(sys.modules[module], "spell", begin)

    def facts(self) -> Environment:
        return Environment.of(second__version="1")

    def start(self, part: Part) -> None:
        def spelled(original: Callable[..., Any], word: str) -> bytes:
            content: bytes = original(word)
            part.record(SpelledWord.TYPE, word, content)
            part.save()
            return content

        module = sys.modules[__name__]
        self._patches = Patches()
        self._patches.wrap(module, "look_up", lambda _, word: part.find(SpelledWord.TYPE, word))
        self._patches.wrap(module, "_compile", spelled)

    def stop(self) -> None:
        self._patches.undo()
