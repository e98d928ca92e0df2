"""A part of a session without a session: for an adapter's tests that need no file."""

from collections.abc import Iterable
from typing import Any

from precompile_context.artifact import AttributeValue
from precompile_context.bundle import StoredArtifact
from precompile_context.environment import Environment


class MemoryPart:
    """What was recorded is found. `Part` of `precompile_context.session`, over a dict.

    Attributes:
        contents: by (type, key), with the further fields.
        saves: how often `save` was called.
        told: what was said.
    """

    def __init__(self, environment: Environment | None = None) -> None:
        self.environment = environment or Environment()
        self.contents: dict[tuple[str, str], tuple[bytes, dict[str, Any]]] = {}
        self.hits: list[tuple[str, str]] = []
        self.missed: list[tuple[str, str]] = []
        self.saves = 0
        self.told: list[str] = []

    def find(self, type: str, key: str) -> bytes | None:
        found = self.contents.get((type, key))
        (self.missed if found is None else self.hits).append((type, key))
        return None if found is None else found[0]

    def stored(self, type: str) -> Iterable[StoredArtifact]:
        return ()

    def read(self, stored: StoredArtifact) -> bytes | None:
        return None

    def is_unusable(self, type: str, key: str, detail: str) -> None:
        self.contents.pop((type, key), None)
        self.told.append(detail)

    def record(
        self,
        type: str,
        key: str,
        content: bytes,
        *,
        replace: bool = False,
        **fields: AttributeValue,
    ) -> None:
        if replace:
            self.contents.pop((type, key), None)
        self.contents.setdefault((type, key), (content, fields))

    def save(self) -> None:
        self.saves += 1

    def tell(self, text: str) -> None:
        self.told.append(text)
