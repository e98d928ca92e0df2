"""What a session says: a line for a person, and all of it in the report."""

import os
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from precompile_context.errors import ErrorCode, PrecompileError, Stage
from precompile_context.session.adapter import UnsupportedCompilerError
from precompile_context.session.part_report import PartReport
from precompile_context.stores.store import StoreError

_WHOM_TO_TRUST = (
    "trust the signer's public key (--trust KEY.pub, or trust=), vouch for the file yourself "
    "(precompile sign), or accept it unsigned (--unsigned, or trust=UNSIGNED)"
)


class Telling:
    """One line on loading and one on saving; what comes after is in the reports alone."""

    def __init__(
        self,
        where: str,
        say: Callable[[str], None],
        reports: Mapping[str, PartReport] = MappingProxyType({}),
        *,
        prefix: str = "",
        told: set[str] | None = None,
    ) -> None:
        """`reports` are told what could not be saved, and why a part is cold; `told` is of whom
        one shares lines with.
        """
        self._where = where
        self._say = say
        self._reports = reports
        self._prefix = prefix
        self._told: set[str] = set() if told is None else told

    def of(self, report: PartReport, prefix: str) -> "Telling":
        """What a part says: its own lines, and those on saving together with the others."""
        return Telling(self._where, self._say, {prefix: report}, prefix=prefix, told=self._told)

    def tell(self, text: str, about: str = "load") -> None:
        """Say it, unless something was said about this already."""
        line = " ".join(text.split())
        if about == "save":
            for report in self._reports.values():
                report.not_saved = line
        else:
            about = f"{self._prefix}{about}"
        if about not in self._told:
            self._told.add(about)
            self._say(printable(f"precompile: {self._where}: {self._prefix}{line}"))

    def tell_cold(self, reason: str) -> None:
        """Why nothing is applied."""
        for report in self._reports.values():
            report.reason = " ".join(reason.split())
        self.tell(f"the program runs cold: {reason}")

    def silence(self, about: str) -> None:
        """Say nothing of it any more: it is old news."""
        self._told.add(about)


def printable(line: str) -> str:
    """Without control sequences for the terminal: part of a line may come from a file."""
    return "".join(char if char.isprintable() else "?" for char in line)


def refusal(error: PrecompileError) -> str:
    """Why a file is not opened, and what a person can do where that is a matter of trust."""
    if error.code.stage is Stage.TRUST:
        return f"{error.code.name}: {error.detail}; {_WHOM_TO_TRUST}"
    return f"{error}; the file is left as it is"


def difference(error: PrecompileError) -> str:
    """Which fact differs: the first one, and how many more do."""
    if error.code is not ErrorCode.INCOMPATIBLE_ENVIRONMENT:
        return str(error)
    return otherwise(error.detail.split("; "))


def otherwise(facts: Sequence[object]) -> str:
    """As `difference`, from the mismatches themselves."""
    first, *more = facts
    others = f" (and {len(more)} more)" if more else ""
    return f"it was saved in another environment: {first}{others}"


def failure(error: Exception) -> str:
    """What went wrong: its kind too, where the text is not ours."""
    if isinstance(error, OSError) and error.strerror and isinstance(error.filename, str | bytes):
        file = os.fsdecode(error.filename)
        folder = os.path.dirname(file)
        if isinstance(error, FileNotFoundError) and folder and not os.path.exists(folder):
            return f"there is no folder {folder}"
        return f"{error.strerror}: {file}"
    known = isinstance(error, (PrecompileError, StoreError, UnsupportedCompilerError))
    return str(error) if known else f"{type(error).__name__}: {error}"
