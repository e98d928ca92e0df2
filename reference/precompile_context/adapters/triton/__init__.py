"""Triton: kernels compiled for a GPU, served without compiling, and without a GPU."""
