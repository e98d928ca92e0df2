"""The names in a manifest: plain keys are looked at all at once, others one by one."""

import itertools
from collections.abc import Iterable, Sequence

from precompile_context.artifact import MAX_KEY_BYTES, ArtifactId, key_fault, name_fault
from precompile_context.bundle.manifest import Manifest
from precompile_context.bundle.table import ArtifactTable, Detail
from precompile_context.environment import MAX_VALUE_BYTES


def names_fault(manifest: Manifest) -> str | None:
    """What breaks the rules for names and sorted lists; None where nothing does."""
    table = manifest.artifacts
    # [PCB-NAME-001] [PCB-NAME-002] [PCB-NAME-006]
    return (
        _requirements_fault(manifest)
        or _first(_named(name_fault(name), name) for name in {t.name for t in table.types})
        or keys_fault(table.key)
        or _first(map(_detail_fault, table.details.values()))
        or _first(map(_id_fault, manifest.removed))
    )


def repeated_name(table: ArtifactTable) -> str | None:
    """A (type, key) that stands twice, for a person; None where none does."""
    # [PCB-NAME-003]
    if len(set(table.key)) == len(table):
        return None  # as where each type's keys are digests of their own
    if len(set(table.names())) == len(table):
        return None
    seen = set()
    for name in table.names():
        if name in seen:
            return f"{name[0]} {name[1]!r} stands twice in the manifest"
        seen.add(name)
    return None


def keys_fault(keys: Sequence[str]) -> str | None:
    """What the first of the keys that is none has against it; None where all are keys."""
    if not keys:
        return None
    joined = "".join(keys)
    # As nearly all are; what is printable in ASCII holds no control character.
    if (
        joined.isascii()
        and joined.isprintable()
        and "" not in keys
        and len(max(keys, key=len)) <= MAX_KEY_BYTES
    ):
        return None
    return _first(_named(key_fault(key), key) for key in keys)


def _requirements_fault(manifest: Manifest) -> str | None:
    for requirement in manifest.requirements:
        if fault := _named(name_fault(requirement.name), requirement.name):
            return fault
        # [PCB-REQ-004]
        if not _is_sorted(requirement.values):
            return f"values of requirement {requirement.name!r} are not sorted and distinct"
        if any(len(value.encode()) > MAX_VALUE_BYTES for value in requirement.values):
            return f"requirement {requirement.name!r} has a value over {MAX_VALUE_BYTES} bytes"
    # [PCB-REQ-002]
    if not _is_sorted(requirement.name for requirement in manifest.requirements):
        return "requirements are not sorted and distinct"
    return None


def _detail_fault(detail: Detail) -> str | None:
    return _first(map(_id_fault, detail.backends)) or (
        _attributes_fault([name for name, _ in detail.fields]) if detail.fields else None
    )


def _attributes_fault(names: list[str]) -> str | None:
    fault = _first(_named(name_fault(name), name) for name in names)
    # [PCB-ART-005]
    if fault is None and not _is_sorted(names):
        fault = f"attributes from {names[0]!r} on are not sorted and distinct"
    return fault


def _id_fault(id_: ArtifactId) -> str | None:
    return _named(name_fault(id_.type), id_.type) or _named(key_fault(id_.key), id_.key)


def _named(fault: str | None, name: str) -> str | None:
    return fault and f"{name[:80]!r}: {fault}"


def _first(faults: Iterable[str | None]) -> str | None:
    return next(filter(None, faults), None)


def _is_sorted(names: Iterable[str]) -> bool:
    encoded = [name.encode() for name in names]
    return all(a < b for a, b in itertools.pairwise(encoded))
