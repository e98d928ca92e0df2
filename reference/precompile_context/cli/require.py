"""What `precompile run --require` can ask for."""

import enum

# The status where it is not so: neither bad input nor wrong usage.
NOT_SO = 3


class Require(enum.StrEnum):
    """What must be so of a run.

    warm: all that is compiled comes from the bundle. saved: all that was new is in it.
    """

    WARM = "warm"
    SAVED = "saved"
