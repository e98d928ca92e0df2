"""A reader in the standard library, and the suite's testee over it."""
