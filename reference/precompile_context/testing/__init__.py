"""For the tests of who writes a store or an adapter. Needs pytest."""

from precompile_context.testing.adapter_tests import AdapterTests, Done
from precompile_context.testing.memory_part import MemoryPart
from precompile_context.testing.simulator import Fault, SimulatedStore
from precompile_context.testing.store_tests import StoreTests

__all__ = ["AdapterTests", "Done", "Fault", "MemoryPart", "SimulatedStore", "StoreTests"]
