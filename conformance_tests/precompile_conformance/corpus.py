"""The vectors: cases on disk, their checksums, and which of them a frozen version claims.

A version's directory holds AREA/CASE/case.textproto with the files it names, SHA256SUMS
over all of them, and, once the version is released, FROZEN: the lines of SHA256SUMS on
that day. What is frozen never changes and never goes; cases may be added.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from google.protobuf import text_format

from precompile.conformance.v1 import case_pb2, testee_pb2

CASE_FILE = "case.textproto"
_HEAD = """\
# proto-file: precompile/conformance/v1/case.proto
# proto-message: precompile.conformance.v1.Case
"""
SUMS_FILE = "SHA256SUMS"
FROZEN_FILE = "FROZEN"
_HERE = Path(__file__).parent
# Of a wheel, below this package; of a checkout, beside it.
VECTORS = _HERE / "vectors" if (_HERE / "vectors").is_dir() else _HERE.parent / "vectors"


class CorpusError(Exception):
    """The vectors are not as they must be; no testee is at fault."""


@dataclass(frozen=True)
class Case:
    """A case and where its inputs lie; `made` is the only input of one made while testees run."""

    message: case_pb2.Case
    directory: Path = Path()
    made: bytes | None = None

    @property
    def id(self) -> str:
        """AREA/NAME."""
        return self.message.id

    @property
    def area(self) -> str:
        """The first part of the id."""
        return self.id.partition("/")[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """Lower-case names of the classes that it is for."""
        return tuple(class_name(number) for number in self.message.classes)

    @property
    def is_large(self) -> bool:
        """Whether its inputs have gigabytes, and it is asked on demand alone."""
        return bool(self.message.recipe)

    def counts_for(self, claimed: Collection[str]) -> bool:
        """Whether a run for who claims these classes is not whole without it."""
        return not self.is_large and not {*self.classes}.isdisjoint(claimed)


def class_name(number: int) -> str:
    """`reader` for CONFORMANCE_CLASS_READER."""
    return _short(testee_pb2.ConformanceClass.Name, number, "CONFORMANCE_CLASS_")


def capability_name(number: int) -> str:
    """`zstd` for CAPABILITY_ZSTD."""
    return _short(testee_pb2.Capability.Name, number, "CAPABILITY_")


def _short(name: Callable[[int], str], number: int, prefix: str) -> str:
    try:
        return str(name(number)).removeprefix(prefix).lower()
    except ValueError:
        return str(number)


# What `--class` takes.
CLASS_NAMES = tuple(class_name(number) for number in testee_pb2.ConformanceClass.values() if number)


def versions(vectors: Path = VECTORS) -> list[str]:
    """The versions that there are vectors of, oldest first."""
    found = [path.name[1:] for path in vectors.glob("v*.*") if path.is_dir()]
    return sorted(found, key=lambda version: tuple(map(int, version.split("."))))


def load(directory: Path) -> list[Case]:
    """The cases of one version, sorted by id.

    Raises:
        CorpusError: there are none, or one cannot be read.
    """
    paths = sorted(directory.glob(f"*/*/{CASE_FILE}"))
    if not paths:
        raise CorpusError(f"{directory}: no cases")
    return [load_case(path) for path in paths]


def load_case(path: Path) -> Case:
    """One case from its case.textproto.

    Raises:
        CorpusError: it cannot be read, or is not named after its directory.
    """
    message = case_pb2.Case()
    try:
        text_format.Parse(path.read_text(encoding="utf-8"), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        raise CorpusError(f"{path}: {error}") from None
    case = Case(message, path.parent)
    if case.id != f"{path.parent.parent.name}/{path.parent.name}":
        raise CorpusError(f"{path}: the case calls itself {case.id!r}")
    return case


def write_case(directory: Path, message: case_pb2.Case, files: Mapping[str, bytes]) -> Path:
    """Write a case and the files beside it below the directory of its version; its folder."""
    place = directory / message.id
    place.mkdir(parents=True)
    text = _HEAD + text_format.MessageToString(message, as_utf8=True)
    (place / CASE_FILE).write_text(text, encoding="utf-8")
    for name, data in files.items():
        (place / name).write_bytes(data)
    return place


def sums(directory: Path) -> Iterator[str]:
    """A line `DIGEST  PATH` for each file of a version, sorted by path."""
    for path in sorted(directory.glob("*/*/*")):
        name = path.relative_to(directory).as_posix()
        yield f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {name}"


def write_sums(directory: Path) -> None:
    """Write SHA256SUMS anew."""
    (directory / SUMS_FILE).write_text("".join(line + "\n" for line in sums(directory)))


def digest(directory: Path) -> str:
    """The corpus digest: SHA-256 of SHA256SUMS, 64 hex digits. Names exactly these vectors."""
    return hashlib.sha256((directory / SUMS_FILE).read_bytes()).hexdigest()


def frozen_ids(directory: Path) -> frozenset[str] | None:
    """The cases that the version was released with; None where it is not released."""
    path = directory / FROZEN_FILE
    if not path.exists():
        return None
    names = [line.split("  ", 1)[1] for line in path.read_text().splitlines()]
    return frozenset(name.rpartition("/")[0] for name in names if name.endswith(CASE_FILE))


def frozen_digest(directory: Path) -> str:
    """The SHA-256 of the list of what the version was released with; empty where it is not."""
    path = directory / FROZEN_FILE
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def freeze(directory: Path) -> int:
    """Release a version as it is now; the number of its cases.

    Raises:
        CorpusError: it is released already, or its files are not those of SHA256SUMS.
    """
    if (directory / FROZEN_FILE).exists():
        raise CorpusError(f"{directory.name} is frozen already")
    if found := faults(directory):
        raise CorpusError("; ".join(found))
    (directory / FROZEN_FILE).write_bytes((directory / SUMS_FILE).read_bytes())
    return len(load(directory))


def faults(directory: Path) -> list[str]:
    """What is edited, missing, unlisted, or changed since the version was frozen."""
    try:
        listed = _lines((directory / SUMS_FILE).read_text().splitlines())
    except FileNotFoundError:
        return [f"{directory.name}: {SUMS_FILE} is missing"]
    there = _lines(sums(directory))
    found = _differences(listed, there, "listed")
    found += [f"{name}: not listed" for name in sorted(there.keys() - listed.keys())]
    frozen = directory / FROZEN_FILE
    if frozen.exists():
        found += _differences(_lines(frozen.read_text().splitlines()), there, "frozen")
    return [f"{directory.name}/{fault}" for fault in found]


def _differences(wanted: dict[str, str], there: dict[str, str], how: str) -> list[str]:
    found = []
    for name, wanted_digest in wanted.items():
        if name not in there:
            found.append(f"{name}: {how} and missing")
        elif there[name] != wanted_digest:
            found.append(f"{name}: {how} and edited")
    return found


def _lines(lines: Iterable[str]) -> dict[str, str]:
    return {name: value for value, name in (line.split("  ", 1) for line in lines)}
