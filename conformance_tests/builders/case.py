"""Cases as builders state them, and the files that they become."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

from precompile.conformance.v1 import case_pb2, reading_pb2, testee_pb2
from precompile.v1 import error_pb2
from precompile_conformance import reader
from precompile_conformance.build import BuiltBundle, Segment, bundle
from precompile_conformance.corpus import write_case

READER = testee_pb2.CONFORMANCE_CLASS_READER
WRITER = testee_pb2.CONFORMANCE_CLASS_WRITER
CONTEXT = testee_pb2.CONFORMANCE_CLASS_CONTEXT
VERIFIER = testee_pb2.CONFORMANCE_CLASS_VERIFIER
ZSTD = testee_pb2.CAPABILITY_ZSTD
SIGNATURES = testee_pb2.CAPABILITY_SIGNATURES
RECOVERY = testee_pb2.CAPABILITY_RECOVERY
SIGNING = testee_pb2.CAPABILITY_SIGNING
LIMITS = testee_pb2.CAPABILITY_LIMITS

INPUT = "input.precompile"

Input = bytes | BuiltBundle | Segment


Classes = Sequence[testee_pb2.ConformanceClass]


class Bound(TypedDict, total=False):
    """Whom of its classes a case binds, and how: arguments of `case`."""

    needs: Sequence[testee_pb2.Capability]
    should: bool


class Options(Bound, total=False):
    """The same, and of which case it is a broken copy."""

    base: str
    defect: str


class DisputedError(Exception):
    """A builder states another outcome than the suite's own reader finds."""


@dataclass(frozen=True)
class Built:
    """A case and the files beside it."""

    message: case_pb2.Case
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, directory: Path) -> None:
        """Write the case below the directory of its version."""
        write_case(directory, self.message, self.files)


def bytes_of(source: Input) -> bytes:
    """The bytes of an input, however it is given."""
    if isinstance(source, Segment):
        source = bundle(source)
    return source if isinstance(source, bytes) else source.data


def case(
    id_: str,
    shows: str,
    rules: str,
    *,
    classes: Classes = (READER,),
    needs: Sequence[testee_pb2.Capability] = (),
    base: str = "",
    defect: str = "",
    should: bool = False,
) -> case_pb2.Case:
    """What every case has; `rules` are requirement ids, separated by blanks."""
    return case_pb2.Case(
        id=id_,
        shows=shows,
        requirements=rules.split(),
        level=case_pb2.LEVEL_SHOULD if should else case_pb2.LEVEL_MUST,
        classes=classes,
        capabilities=needs,
        base=base,
        defect=defect,
    )


def code(name: str) -> int:
    """The number of a code."""
    return int(error_pb2.ErrorCode.Value(f"ERROR_CODE_{name}"))


def rejection(name: str, at: int | None) -> reading_pb2.Rejection:
    """A refusal; without `at`, the offset is not compared."""
    message = reading_pb2.Rejection(code=f"ERROR_CODE_{name}")
    if at is not None:
        message.offset = at
    return message


def accepts(
    id_: str,
    shows: str,
    rules: str,
    source: Input,
    *,
    asked: reading_pb2.ReadRequest | None = None,
    fault: str = "",
    at: int | None = None,
    classes: Classes = (READER,),
    **options: Unpack[Options],
) -> Built:
    """A bundle that is read; its dump is what the suite's reader finds.

    `fault` and `at` are the code and offset that a full verification of its content
    is refused with, if it is.
    """
    data = bytes_of(source)
    request = asked or reading_pb2.ReadRequest()
    message = case(id_, shows, rules, classes=classes, **options)
    message.request.read.CopyFrom(request)
    message.request.read.path = INPUT
    dump = reader.read(data, request)
    found = dump.content_fault
    if found.code != (code(fault) if fault else 0) or (at is not None and found.offset != at):
        raise DisputedError(f"{id_}: content is {found}, the builder says {fault} at {at}")
    _forget_details(dump)
    message.expected.bundle.CopyFrom(dump)
    return Built(message, {INPUT: data})


def _forget_details(dump: reading_pb2.BundleDump) -> None:
    dump.content_fault.ClearField("detail") if dump.HasField("content_fault") else None
    for segment in dump.segments:
        for artifact in segment.artifacts:
            if artifact.HasField("content_fault"):
                artifact.content_fault.ClearField("detail")


def refuses(
    id_: str,
    shows: str,
    rules: str,
    source: Input,
    name: str,
    at: int | None,
    *,
    base: str,
    defect: str,
    asked: reading_pb2.ReadRequest | None = None,
    also: Sequence[tuple[str, str]] = (),
    classes: Classes = (READER,),
    **options: Unpack[Bound],
) -> Built:
    """A bundle with one defect, refused with a code at an offset.

    `also` are (code, reason) of other codes that the norm leaves open.
    """
    data = bytes_of(source)
    request = asked or reading_pb2.ReadRequest()
    message = case(id_, shows, rules, classes=classes, base=base, defect=defect, **options)
    message.request.read.CopyFrom(request)
    message.request.read.path = INPUT
    try:
        reader.read(data, request)
    except reader.Refused as fault:
        if fault.code != name or (at is not None and fault.offset != at):
            raise DisputedError(
                f"{id_}: refused as {fault.code} at {fault.offset}, the builder says {name} at {at}"
            ) from None
    else:
        raise DisputedError(f"{id_}: accepted, the builder says {name}")
    message.expected.rejection.CopyFrom(rejection(name, at))
    for other, reason in also:
        alternative = message.alternatives.add(reason=reason)
        alternative.expected.rejection.CopyFrom(rejection(other, None))
    return Built(message, {INPUT: data})


def of_host(**facts: Sequence[str]) -> reading_pb2.ReadRequest:
    """A request to read for a host with these facts."""
    request = reading_pb2.ReadRequest()
    request.host.SetInParent()
    for name, values in facts.items():
        request.host.facts.add(name=name, values=values)
    return request


def within(**limits: int) -> reading_pb2.ReadRequest:
    """A request to read within limits."""
    return reading_pb2.ReadRequest(limits=reading_pb2.ReadLimits(**limits))


def recovering(asked: reading_pb2.ReadRequest | None = None) -> reading_pb2.ReadRequest:
    """A request to read a bundle with a torn tail."""
    request = asked or reading_pb2.ReadRequest()
    request.recover = True
    return request


Cases = Iterator[Built]
