"""Guards as they travel, and what makes them unfit for a frame."""

import dataclasses
from collections.abc import Mapping

Witnesses = tuple[tuple[str, str, str], ...]
# Names of one object, of each that has several.
Aliases = tuple[tuple[str, ...], ...]
# The size of a storage after no name, and tensors in it, each with its name and where it begins.
Overlaps = tuple[tuple[tuple[str, int], ...], ...]


class DiffersError(Exception):
    """What was saved is not for this frame; the text says what differs."""


@dataclasses.dataclass(frozen=True)
class SavedGuards:
    """Guards as they travel.

    Attributes:
        state: torch's GuardsState, pickled.
        classes: (module, qualified name, digest) of each class that a guarded value has.
        told: digests of the code that the identities and classes stand for.
        variant: tells these guards from those of other versions of the frame.
        shapes: by the name of its source, what `key_order` tells of an object.
        held: by the name of its source, a digest of what an object holds by name.
        aliases: which guarded objects are one object.
        overlaps: tensors that lie over each other in memory, in bytes.
        patched: (module, qualified name, digest) of torch's and Python's classes that guarded
            values have, with what the program has put in there.
    """

    state: bytes
    classes: Witnesses
    told: frozenset[str]
    variant: str
    shapes: Mapping[str, str]
    held: Mapping[str, str]
    aliases: Aliases
    overlaps: Overlaps
    patched: Witnesses
