"""The reference with one check taken out each: do the vectors notice?

A mutant is a place in the reference's source and what stands there instead while the
module is imported; nothing on disk changes. `python -m mutants NAME` is a testee.
"""
