"""What `precompile run` tells the interpreters that it starts, by an environment variable."""

import dataclasses
import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path

from precompile_context.trust import UNSIGNED, TrustPolicy, VerifyingKey

VARIABLE = "PRECOMPILE_RUN"


@dataclass(frozen=True)
class Settings:
    """One run. Paths are absolute: the program may change its directory.

    Attributes:
        bundle: the bundle file, present or not; None to observe a run and no more.
        read_only: use the bundle, append nothing.
        report: where the JSON report goes; None for none.
        trust: public keys that are trusted beside the user's own, 32 bytes each in hex;
            None to accept what is unsigned.
        pid: the program's process; others that see the variable are its children.
    """

    bundle: str | None
    read_only: bool
    report: str | None
    pid: int
    trust: tuple[str, ...] | None = ()

    @classmethod
    def read(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of the run that this process belongs to; KeyError where it is none."""
        values = json.loads(environ[VARIABLE])
        if values["trust"] is not None:
            values["trust"] = tuple(values["trust"])
        return cls(**values)

    def trusted(self) -> TrustPolicy | list[VerifyingKey]:
        """What a warm start takes as `trust`."""
        if self.trust is None:
            return UNSIGNED
        return [VerifyingKey(bytes.fromhex(raw)) for raw in self.trust]

    def write(self, environ: MutableMapping[str, str]) -> None:
        """Switch the start-up hook on for processes started with `environ`."""
        environ[VARIABLE] = json.dumps(dataclasses.asdict(self))

    def is_main(self) -> bool:
        """Whether this process is the program itself."""
        return os.getpid() == self.pid

    def tally_file(self, pid: int) -> Path | None:
        """Where other processes count the compiler's runs that they make for `pid`."""
        return None if self.report is None else Path(f"{self.report}.{pid}.tally")
