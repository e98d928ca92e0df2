"""Prints what a page leaves to its reader to fill in: `digest FILE`, or `key FILE TYPE`."""

import sys
from pathlib import Path

from precompile_context import UNSIGNED, Bundle

bundle = Bundle.open(Path(sys.argv[2]).read_bytes(), policy=UNSIGNED)
if sys.argv[1] == "digest":
    print(bundle.digest.hex())
else:
    print(next(key for type_, key in bundle.current() if type_ == sys.argv[3]))
