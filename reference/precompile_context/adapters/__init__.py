"""Adapters from compilers' own caches to artifacts and back; each imports its compiler when used."""
