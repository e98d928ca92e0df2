"""Where this user's programs remember what they have seen."""

import os
from collections.abc import Mapping
from pathlib import Path


def state_directory(environ: Mapping[str, str] = os.environ) -> Path | None:
    """$XDG_STATE_HOME/precompile or ~/.local/state/precompile, which need not be there; None
    where no home directory is known.
    """
    state = environ.get("XDG_STATE_HOME", "")
    if not os.path.isabs(state):  # a relative one is to be ignored, as the XDG specification says
        try:
            state = str(Path.home() / ".local" / "state")
        except RuntimeError:
            return None
    return Path(state, "precompile")
