"""SPEC.md as data: its requirements, its examples and tables, and the checks that hold it together."""
