"""What torch built for CUDA says by itself where there is nvcc and no GPU."""

import re

_WARNING = re.compile(r"^W\d{4} .*No CUDA runtime is found, using CUDA_HOME=.*\n", re.MULTILINE)


def without_cuda_warning(stderr: str) -> str:
    """Standard error without that line, which a program gets without us, too."""
    return _WARNING.sub("", stderr)
