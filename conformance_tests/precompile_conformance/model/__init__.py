"""A small abstract model of PrecompileContext: values alone, no bytes, no bundles.

It says what a script of operations must give. Cases of contexts are written down with
it and looked at by a person; `explore` compares testees with it.
"""

from precompile_conformance.model.script import run

__all__ = ["run"]
