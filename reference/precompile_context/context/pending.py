"""What changed in a context since its last save to one destination."""

from collections.abc import Collection
from dataclasses import dataclass, field

from precompile_context.bundle import ArtifactName


@dataclass(slots=True)
class Pending:
    """Names changed and names removed since the last save to one destination.

    `holds` are the names that were ever saved there, or that a save was about: no removal of
    another is written.
    """

    changed: set[ArtifactName] = field(default_factory=set)
    removed: dict[ArtifactName, None] = field(default_factory=dict)
    holds: set[ArtifactName] = field(default_factory=set)

    def forget(self, name: ArtifactName) -> None:
        """An artifact was taken away; its removal is to be saved where the destination has it."""
        self.changed.discard(name)
        # [PCB-CTX-009]
        if name in self.holds:
            # [PCB-DET-005]
            self.removed[name] = None

    def loaded(self, names: Collection[ArtifactName]) -> None:
        """These came with a bundle: they are saved there as they are."""
        self.holds.update(names)
        if self.changed:
            self.changed.difference_update(names)
        self.removed = {n: None for n in self.removed if n not in names}

    def is_unsaved_beside(self, other: "Pending") -> bool:
        """Whether anything that is pending here is saved at the other destination neither."""
        # [PCB-CTX-012]
        if not self.changed.isdisjoint(other.changed):
            return True
        pairs = (self, other), (other, self)
        return any(
            name in there.removed or name not in there.holds
            for here, there in pairs
            for name in here.removed
        )
