"""Bundles beside each other, and beside a host."""
