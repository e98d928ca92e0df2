"""What is current: removals stay within their chain, and a bundle is the union of its chains."""

from collections.abc import Collection, Iterator, KeysView, Mapping, Sequence, ValuesView
from functools import cached_property

from precompile_context.bundle.rows import Rows
from precompile_context.bundle.segment import Segment
from precompile_context.bundle.stored import StoredArtifact
from precompile_context.bundle.table import ArtifactName, ArtifactTable


class CurrentRows:
    """Follows segments in file order; of each name that is current, the number of its row."""

    def __init__(self) -> None:
        self._earlier: dict[ArtifactName, int] = {}  # of the chains before, together
        self._chain: dict[ArtifactName, int] = {}

    def follow(self, segment: Segment, rows: range, *, matches: bool) -> None:
        """Take in the next segment, whose artifacts have these numbers.

        Of one that does not match, nothing counts but that it may begin a chain.
        """
        if segment.begins_chain and self._chain:
            # [PCB-CURR-006]
            self._earlier.update(self._chain)
            self._chain = {}
        if matches:
            # [PCB-CURR-001] [PCB-CURR-002] [PCB-CURR-003]
            for removed in segment.manifest.removed:
                self._chain.pop((removed.type, removed.key), None)
            self._chain.update(zip(segment.manifest.artifacts.names(), rows, strict=True))

    def get(self, name: ArtifactName) -> int | None:
        """The number of the name's row; None where it is not current."""
        row = self._chain.get(name)
        return self._earlier.get(name) if row is None else row

    def __contains__(self, name: ArtifactName) -> bool:
        return name in self._chain or name in self._earlier

    def merged(self) -> dict[ArtifactName, int]:
        """All of them, in first-recorded order; not to be changed."""
        # [PCB-CURR-004]
        if not self._earlier:
            return self._chain
        return self._earlier | self._chain if self._chain else self._earlier


class Current(Mapping[ArtifactName, StoredArtifact]):
    """The current artifacts by (type, key), in first-recorded order, each made when asked for."""

    def __init__(self, segments: Sequence[Segment], matching: Collection[int]) -> None:
        """`matching` are the indexes of the segments that count, of all of a bundle's."""
        self._segments = segments
        self._matching = matching

    @cached_property
    def _tables(self) -> Rows[ArtifactTable]:
        tables: Rows[ArtifactTable] = Rows()
        for segment in self._segments:
            tables.add(segment.manifest.artifacts)
        return tables

    @cached_property
    def rows(self) -> Mapping[ArtifactName, int]:
        """The number of each one's row, counted over all of the bundle's segments."""
        current, first = CurrentRows(), 0
        for segment in self._segments:
            rows = range(first, first := first + len(segment.manifest.artifacts))
            current.follow(segment, rows, matches=segment.index in self._matching)
        return current.merged()

    def __getitem__(self, name: ArtifactName) -> StoredArtifact:
        table, row = self._tables.find(self.rows[name])
        return table.artifact(row)

    def __iter__(self) -> Iterator[ArtifactName]:
        return iter(self.keys())

    def __len__(self) -> int:
        return len(self._only) if self._only is not None else len(self.rows)

    def __contains__(self, name: object) -> bool:
        return name in self.rows

    def keys(self) -> KeysView[ArtifactName]:
        """The names."""
        return self.rows.keys()

    def values(self) -> ValuesView[StoredArtifact]:
        """The artifacts."""
        return _Artifacts(self)

    @cached_property
    def _only(self) -> ArtifactTable | None:
        """The one segment's artifacts, where only one counts: they are current as they stand."""
        if len(self._matching) != 1:
            return None
        (index,) = self._matching
        return self._segments[index].manifest.artifacts

    def _artifacts(self) -> Iterator[StoredArtifact]:
        if self._only is not None:
            return iter(self._only)
        found = map(self._tables.find, self.rows.values())
        return (table.artifact(row) for table, row in found)


class _Artifacts(ValuesView[StoredArtifact]):
    _mapping: Current

    def __iter__(self) -> Iterator[StoredArtifact]:
        return self._mapping._artifacts()
