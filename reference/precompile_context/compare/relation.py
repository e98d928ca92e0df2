"""How two artifacts of one (type, key), made for one environment by different processes, relate."""

import enum

from precompile_context.artifact import ArtifactKind
from precompile_context.bundle import StoredArtifact


class Relation(enum.Enum):
    """Whether either may stand for both."""

    EQUAL = "equal"
    EQUIVALENT = "equivalent"
    CONFLICTING = "conflicting"


def relation(one: StoredArtifact, other: StoredArtifact) -> Relation:
    """EQUAL: the same in content, backends and attributes.

    EQUIVALENT: another content, that any process which asks for the key may be
    given, as with a cache: compilers write timings into what they make, so no two
    runs give equal bytes. Of entries, those whose backends have the same names.

    CONFLICTING: entries with other backends; another kind; a kind unknown to us.
    A backend by itself is never in conflict: an entry that names the one by its digest
    may name the other.
    """
    if one.identity == other.identity:
        return Relation.EQUAL
    if one.kind != other.kind:
        return Relation.CONFLICTING
    if one.kind == ArtifactKind.ENTRY:
        return _by_backends(one, other)
    known = one.kind in (ArtifactKind.CACHE, ArtifactKind.BACKEND)
    return Relation.EQUIVALENT if known else Relation.CONFLICTING


def _by_backends(one: StoredArtifact, other: StoredArtifact) -> Relation:
    names = [[(b.type, b.key) for b in entry.backends] for entry in (one, other)]
    return Relation.EQUIVALENT if names[0] == names[1] else Relation.CONFLICTING
