"""The requirements as the index has them, by id."""

from precompile_conformance.spec import reviewed
from precompile_conformance.spec.reviewed import Reviewed


def by_id() -> dict[str, Reviewed]:
    """Every requirement of the index."""
    return {entry["id"]: entry for entry in reviewed.load()["requirements"]}
