"""Generated cases: bundles and scripts that nobody thought of, judged as the written ones are."""

from precompile_conformance.explore.search import Found, explore

__all__ = ["Found", "explore"]
