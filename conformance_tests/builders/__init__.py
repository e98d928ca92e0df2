"""Builders of the vectors: a file an area, about a dozen lines a vector.

They make bundles from the schema or from hand-annotated bytes with the suite's own
`precompile_conformance.build` and `wire`, and import no implementation. Each states
the outcome by hand; where the suite's own reader is of another opinion, nothing is
written.

Of the draft before, whose index had rows and extents: EXTENT/* are PLACE/* and TABLE/*, the
WIRE/* cases of rows are of columns, LARGE/*-of-1-gib are of 64 MiB. What fell away, and why:
LIM/block-content-* and LIM/refused-block-does-not-count, because what a block holds is a rule of
the format now (BLOCK/content-*); CTX/removal-of-what-a-load-removed, because a load takes nothing
from another chain (CTX/removal-of-what-another-chain-brought); READ/payload-*-before-signatures,
because signatures are counted first (READ/signatures-before-payload-*); and of the extents
whole-blocks-in-any-order, two-from-the-middle, sizes-that-wrap-to-0, size-2-to-63 and empty, which
no table can say.
"""
