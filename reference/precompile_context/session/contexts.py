"""What a part records into: where the first content of a key stays, and where the last."""

from collections.abc import Collection, Iterator, Sequence

from precompile_context.artifact import ArtifactId, ArtifactKind
from precompile_context.bundle import ArtifactName, Bundle, StoredArtifact
from precompile_context.context.context import PrecompileContext
from precompile_context.environment import Environment, Requirement
from precompile_context.session.trusting import Trusting


class Contexts:
    """Those of one part of a session.

    Attributes:
        main: of several contents of a key the first one stays.
        superseding: the last one does.
    """

    def __init__(
        self, environment: Environment, requirements: Sequence[Requirement], trusting_: Trusting
    ) -> None:
        self.main = PrecompileContext(
            environment=environment,
            requirements=requirements,
            policy=trusting_.policy,
            signer=trusting_.signer,
        )
        self.superseding = PrecompileContext(
            environment=environment,
            requirements=requirements,
            registry=self.main.registry,
            policy=trusting_.policy,
            signer=trusting_.signer,
        )
        self._before: set[ArtifactId] = set()
        self._left_out: set[ArtifactName] = set()
        self._elsewhere: dict[ArtifactName, StoredArtifact] = {}

    def by_rule(self) -> Iterator[tuple[PrecompileContext, bool]]:
        """Each context, and whether what the file holds under a key stays."""
        yield self.main, True
        yield self.superseding, False

    def load(self, bundle: Bundle) -> None:
        """Load what fits.

        Raises:
            PrecompileError: INCOMPATIBLE_ENVIRONMENT.
        """
        self.main.load(bundle)
        self._before = set(self.main.current())

    def found_elsewhere(self, bundle: Bundle) -> None:
        """As `load`, of a bundle that what is new is not appended to: it is held beside.

        Raises:
            PrecompileError: INCOMPATIBLE_ENVIRONMENT.
        """
        self._elsewhere = dict(bundle.current(bundle.matching(self.main.environment)))
        self._before = {
            ArtifactId(stored.type, stored.key, stored.content_digest)
            for stored in self._elsewhere.values()
        }

    def is_damaged(self, type_name: str, key: str) -> None:
        """What was loaded under this name is not to stand in the way of what replaces it."""
        self._elsewhere.pop((type_name, key), None)
        self.main.remove(type_name, key)

    def leave_out(self, names: Collection[ArtifactName]) -> None:
        """What was loaded under these names stays in the file, unless something else is recorded
        under them: that is to stand in its place.
        """
        self._left_out.update(names)

    def renew_left_out(self) -> None:
        """Before a save: have what was recorded in the place of what was left out written."""
        if not self._left_out:
            return
        for id_ in self.main.current():
            name = (id_.type, id_.key)
            if name in self._left_out and id_ not in self._before:
                self._elsewhere.pop(name, None)
                self.main.renew(*name)
                self._left_out.discard(name)

    def leave_out_known(self) -> None:
        """Record no more what lies elsewhere already, as far as a cache's rule lets it stay there.

        Entries and their backends are recorded where none served: they stay.
        """
        for context, keep_existing in self.by_rule():
            for id_ in context.current() if self._elsewhere else ():
                stored = self._elsewhere.get((id_.type, id_.key))
                if stored is None or stored.kind != ArtifactKind.CACHE:
                    continue
                if keep_existing or stored.content_digest == id_.content_digest:
                    context.remove(id_.type, id_.key)

    def recorded(self) -> tuple[ArtifactId, ...]:
        """What is current now and was not loaded."""
        current = (*self.main.current(), *self.superseding.current())
        return tuple(id_ for id_ in current if id_ not in self._before)
