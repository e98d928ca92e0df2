"""Pieces in a build cache that speaks REAPI v2: blobs in its CAS, slots in its action cache."""
