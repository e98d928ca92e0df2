"""Tests that authors of stores inherit, and a store that fails as it is told. Needs pytest."""

from precompile_context.testing.simulator import Fault, SimulatedStore
from precompile_context.testing.store_tests import StoreTests

__all__ = ["Fault", "SimulatedStore", "StoreTests"]
