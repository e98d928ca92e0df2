"""Every builder, in the order of the norm."""

from builders import (
    append,
    columns,
    content,
    context,
    context_binding,
    context_files,
    context_loading,
    context_saving,
    decode,
    envelope,
    extract,
    frame,
    future,
    golden,
    host,
    large,
    least,
    limit,
    name,
    order,
    place,
    populate,
    ratio,
    recover,
    ref,
    spec_examples,
    trust,
    verification,
    write,
    zstd,
)
from builders.case import Built

AREAS = (
    spec_examples, frame, envelope, decode, least, columns, name, ref, place, content,
    verification, order, extract, zstd, limit, ratio, host, recover, write, append, context,
    context_binding, context_saving, context_loading, context_files, populate, future, trust,
    golden, large,
)  # fmt: skip


def build() -> list[Built]:
    """All cases, none of which has the id of another."""
    built = [one for area in AREAS for one in area.cases()]
    ids = [one.message.id for one in built]
    if twice := {id_ for id_ in ids if ids.count(id_) > 1}:
        raise ValueError(f"ids that are given twice: {sorted(twice)}")
    return built
