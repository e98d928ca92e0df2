"""Pieces in an OCI registry: a tag for each piece, a layer for each segment."""
