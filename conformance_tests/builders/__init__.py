"""Builders of the vectors: a file an area, about a dozen lines a vector.

They make bundles from the schema or from hand-annotated bytes with the suite's own
`precompile_conformance.build` and `wire`, and import no implementation. Each states
the outcome by hand; where the suite's own reader is of another opinion, nothing is
written.
"""
