"""The reference implementation as a testee of the conformance suite."""
