"""The norm as data: its requirements, examples and tables, and the checks that hold it together."""
