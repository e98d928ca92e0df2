"""All mutants, in the order of the norm."""

from mutants import content, context, frame, manifest, saving, table, trust, writing
from mutants.mutant import Mutant

FAMILIES = (frame, manifest, table, content, trust, writing, context, saving)


def by_id() -> dict[str, Mutant]:
    """Every mutant by its id, which none shares with another."""
    found: dict[str, Mutant] = {}
    for family in FAMILIES:
        for mutant in family.MUTANTS:
            if mutant.id in found:
                raise ValueError(f"two mutants are called {mutant.id}")
            found[mutant.id] = mutant
    return found
