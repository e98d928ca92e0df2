"""What can become of a case."""

import enum
from dataclasses import dataclass


class Status(enum.StrEnum):
    """The status of one case with one testee."""

    PASS = "PASS"
    FAIL = "FAIL"  # another answer than the case allows, or none that is one
    XFAIL = "XFAIL"  # a failure that is listed as expected, with what was observed
    XPASS = "XPASS"  # listed as a failure, and passes, or fails otherwise than listed
    CRASH = "CRASH"
    TIMEOUT = "TIMEOUT"
    NOT_APPLICABLE = "NOT_APPLICABLE"  # a class or capability that the testee does not claim
    ERROR = "ERROR"  # the harness, or the case, is at fault

    @property
    def is_good(self) -> bool:
        """Whether a run may hold it and still succeed."""
        return self in (Status.PASS, Status.XFAIL, Status.NOT_APPLICABLE)


@dataclass(frozen=True)
class Result:
    """What became of one case.

    `observed` is the outcome in few words, the same as often as it is run; `lines` say how
    it differs from what is expected, `seconds` is how long the testee took.
    """

    case_id: str
    status: Status
    observed: str = ""
    lines: tuple[str, ...] = ()
    seconds: float = 0.0
