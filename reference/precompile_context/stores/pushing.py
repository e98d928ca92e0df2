"""What a file holds and a store lacks, put there as pieces."""

from collections.abc import Iterator
from dataclasses import dataclass

from precompile_context.bundle import (
    Batch,
    Bundle,
    Chain,
    Current,
    Segment,
    SegmentWriter,
    StoredArtifact,
)
from precompile_context.bundle.fold import is_fully_known, unwritten
from precompile_context.bundle.runs import split
from precompile_context.bundle.source import ranges
from precompile_context.environment import Requirement
from precompile_context.stores.ranges import Traffic
from precompile_context.stores.store import Store
from precompile_context.stores.waiting import Patience
from precompile_context.trust import UNSIGNED, Signer

_Requirements = tuple[Requirement, ...]


@dataclass(frozen=True)
class Pushed:
    """One piece that was put, or was there.

    Attributes:
        name: its bundle digest in hex.
        size: bytes.
        is_new: whether it was not there.
    """

    name: str
    size: int
    is_new: bool


def push(store: Store, data: bytes, *, patience: Patience, traffic: Traffic) -> Pushed:
    """Put a whole bundle as one piece.

    Raises:
        PrecompileError: it is none; nothing was put.
        StoreError: it is not known to be there.
    """
    # [STORE-001]
    name = Bundle.open(data, policy=UNSIGNED).digest.hex()
    traffic.requests += 1
    is_new = patience.wait(store.put(name, data))
    traffic.sent += len(data)
    return Pushed(name, len(data), is_new)


def lacking(bundle: Bundle, there: Bundle | None, signer: Signer | None) -> Iterator[bytes]:
    """Bundles that hold what `bundle` holds and `there` does not, each as one piece.

    A chain of which nothing is there goes as it is, with its signatures. Of others, what
    is new is written anew, signed by `signer`: whoever pushes vouches for it.

    Raises:
        PrecompileError: a CONTENT code.
    """
    known: dict[_Requirements, Current] = {}
    if there is not None:
        for requirements, segments in there.by_requirements().items():
            known[requirements] = there.current(segments)
    fresh: list[tuple[_Requirements, list[StoredArtifact]]] = []
    for first, last in _chains(bundle):
        chain_segments = bundle.segments[first:last]
        groups: dict[_Requirements, list[Segment]] = {}
        for segment in chain_segments:
            groups.setdefault(segment.manifest.requirements, []).append(segment)
        new: dict[_Requirements, list[StoredArtifact]] = {}
        is_all_new = True
        for requirements, group in groups.items():
            had = known.get(requirements)
            current = bundle.current(group)
            new[requirements] = [
                artifact
                for name, artifact in current.items()
                if had is None or name not in had or had[name].identity != artifact.identity
            ]
            is_all_new = is_all_new and len(new[requirements]) == len(current)
        if not any(new.values()):
            continue
        if is_all_new or not all(map(is_fully_known, chain_segments)):
            last_one = chain_segments[-1]
            start, end = chain_segments[0].offset, last_one.offset + last_one.size
            yield b"".join(ranges(bundle.source, start, end))
        else:
            fresh += [(r, artifacts) for r, artifacts in new.items() if artifacts]
    if fresh:
        chain = Chain()
        chunks: list[bytes | memoryview] = []
        for requirements, artifacts in fresh:
            batch = Batch.of(unwritten(bundle, artifact) for artifact in artifacts)
            for run, removals in split(batch, ()):
                writer = SegmentWriter(chain, requirements=requirements, signer=signer)
                chunks += writer.chunks(run, removals)
        yield b"".join(chunks)


def _chains(bundle: Bundle) -> Iterator[tuple[int, int]]:
    """First and last-but-one index of the segments of each chain."""
    starts = [s.index for s in bundle.segments if s.begins_chain or s.index == 0]
    return zip(starts, [*starts[1:], len(bundle.segments)], strict=True)
