"""Small programs of torch and of Triton, for a device; none knows of bundles.

Each prints an object of JSON at its end: `values` as float.hex writes them, and how many
CUDA graphs were recorded.
"""
