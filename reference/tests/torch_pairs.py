"""Which torch has `torch.compiler.precompile`, whose capture writes a pair of files."""

from importlib.util import find_spec

import pytest

_HAS = find_spec("torch") is not None and find_spec("torch.compiler.precompile") is not None
needs_pairs = pytest.mark.skipif(
    not _HAS, reason="NOT RUN: torch.compiler.precompile is new in torch 2.15"
)
# Of a program: torch warns of each load that it runs what the files say.
QUIET = "import logging; logging.getLogger('torch._precompile').setLevel('ERROR')"
