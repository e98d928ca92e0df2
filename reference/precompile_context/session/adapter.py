"""What an adapter is: how a compiler's cache is served from a bundle, and recorded into one.

A package announces its adapter by entry points of the group `precompile_context.adapters`.
The name of each is the module whose import means that the compiler is there, and the value
the adapter's class, which is made without arguments when that module has been imported:

    [project.entry-points."precompile_context.adapters"]
    "mycompiler.cache" = "mycompiler_precompile:MyAdapter"

Nothing of an adapter is imported before. Where several modules lead to the compiler, each
is a line, with the same class: it is made once in a process.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol

from precompile_context.artifact import AttributeValue, CacheArtifact
from precompile_context.bundle import Bundle, StoredArtifact
from precompile_context.environment import Environment, Requirement
from precompile_context.session.missing import Miss


class Part(Protocol):
    """One compiler's part in a session: what the session does for its adapter.

    Safe for threads. None of its methods raises for the sake of the bundle, the disk or a
    wrong key: what fails is told in one line, and the answer is that nothing is there. A
    part that has ended, or is another process's than this one's, finds and records nothing.

    Attributes:
        environment: the facts by which segments were chosen, and that new ones require.
    """

    environment: Environment

    def find(self, type: str, key: str) -> bytes | None:
        """The content under this key, checked against its digest; None where there is none.

        The bundle's index is asked, then what this process recorded; content is read when it
        is found, and never before. What is damaged is told, and is as if it were not there:
        what is recorded in its place is saved.
        """

    def stored(self, type: str) -> Iterable[StoredArtifact]:
        """What the bundle holds of this type for this host: keys, sizes and fields, no content."""

    def read(self, stored: StoredArtifact) -> bytes | None:
        """The content of what `stored` told, to compare with; counted as no look-up. None where
        it is damaged. Those that have ended read, too.
        """

    def is_unusable(self, type: str, key: str, detail: str) -> None:
        """What was found cannot be used by the compiler: told once, and replaced by the next
        content that is recorded under the key.
        """

    def record(
        self,
        type: str,
        key: str,
        content: bytes,
        *,
        replace: bool = False,
        **fields: AttributeValue,
    ) -> None:
        """Have this saved. Of several contents of a key the first one stays, with `replace`
        the last; the type is one of the adapter's `types`, `fields` are those of its class.
        """

    def save(self) -> None:
        """A compile is complete: append what was recorded. A killed process loses no more than
        what was recorded since; at the end of the program it is done anyway.
        """

    def tell(self, text: str) -> None:
        """Say this to the user, in one line, unless something was said of this adapter before."""


class UnsupportedCompilerError(Exception):
    """The compiler lacks something that its adapter needs. The text is for a person."""


class Adapter(ABC):
    """A compiler's, or a tool's that keeps a cache. One object in a process.

    What it raises, anywhere, breaks no program: it is told in one line, and the adapter takes
    no further part. Only what it has put into its compiler is its own to guard: a function
    that stands in a compiler's place catches what is its own fault, and goes on without.

    Attributes:
        name: names it in reports and lines: lower-case letters, digits and underscores.
        types: the classes of its artifacts, whose TYPE is registered in SPEC.md or begins with
            a prefix of the author's and a dot. No two adapters have one in common.
        unit: what a look-up is of, for a person: graph, kernel, executable.
        prefix: what its lines begin with, behind the bundle's name.
    """

    name: ClassVar[str]
    types: ClassVar[Sequence[type[CacheArtifact]]]
    unit: ClassVar[str] = "artifact"

    @property
    def prefix(self) -> str:
        return f"{self.name}: "

    def types_here(self) -> Sequence[type[CacheArtifact]]:
        """`types`, and those that only this process knows of."""
        return self.types

    @abstractmethod
    def watch(self, module: str, begin: Callable[[], bool]) -> None:
        """The module has just been imported: have `begin` called when the compiler is first used.

        `module` is the name of the entry point. Called once for each that is imported, in the
        thread that imports it. `begin` may be called as often as one likes, by any thread; it
        returns when `start` has, and says whether that was this call. `first_use.before` calls
        it before a function's calls. An adapter whose compiler is used as soon as it is there
        calls it at once. What is put in here stays for good: a forked child begins anew, when
        it first uses the compiler.
        """

    @abstractmethod
    def facts(self) -> Environment:
        """The facts of this host and process that what is recorded depends on.

        At least one of them tells the compiler's version; a fact that is not known, or does
        not exist here, is left out. Names are those of SPEC.md's registry, or begin with the
        adapter's. Called once, at the first use.
        """

    def ruled_out(self) -> str | None:
        """Why nothing is to be served or saved in this process: a switch of the compiler's that
        the user set, in a few words. None, as a rule. Asked once, at the first use.
        """
        return None

    def requirements(self, environment: Environment) -> Sequence[Requirement]:
        """What a segment that is recorded here requires of hosts: every fact, exactly."""
        return environment.requirements()

    def fitting(self, environment: Environment, bundle: Bundle) -> Environment:
        """The facts by which this host chooses among a bundle's segments: `facts()`, as a rule.

        An adapter that knows of a fact that does not matter on this host says so here.
        """
        return environment

    def observe(self, *, report: str | None, why_miss: bool) -> None:
        """Begin to count for `report()`, or to keep what `missed` needs: before `start`, and
        only where the user wants that. `report` is the path of the report, beside which other
        processes may leave what they did for this one.
        """
        return

    def leave_out(self, stored: StoredArtifact, content: bytes) -> None:  # noqa: B027
        """A program died after it was given this, and the user wants it compiled anew: where an
        earlier process put it into the compiler's own cache, take it away there, if it is still
        the same. Before `start`. By default nothing: what is served from memory leaves nothing.
        """

    @abstractmethod
    def start(self, part: Part) -> None:
        """Begin to serve from `part` and to record into it.

        From here on the compiler's look-ups are answered by `part.find`, and what it stores
        goes to `part.record`; its own cache goes on beside. Called after `facts`, while all
        other threads that use the compiler for the first time wait.
        """

    @abstractmethod
    def stop(self) -> None:
        """Serve and record no more; what was served stays with the compiler.

        Called at the end, in a forked child at once, where `start` may come again with a part
        of the child's own, after `start` has raised, and where `start` never came to be called:
        a method before it raised, or nothing is to be served. No other thread is waited for.
        """

    def report(self) -> Mapping[str, Any]:
        """Its part of the report: numbers, texts, lists and objects of JSON, keys that stay.

        The session adds what it knows itself: look-ups that hit and missed, what was recorded,
        refused and saved, and the seconds that `start` took. `compile_seconds` goes to those
        of the run. Called at any time after `start`.
        """
        return {}

    def summary(self) -> str | None:
        """What came from the bundle, of what was asked for, in a few words for a person: "3
        kernels of 4"; "" for nothing. By default, None, the session counts look-ups.
        """
        return None

    def missed(self, missed: Sequence[tuple[str, str]]) -> Sequence[Miss]:
        """Why these look-ups, (type, key), found nothing, for `--why-miss`.

        Called at the end, where the bundle has segments that fit; where it has none, the
        session tells which facts differ. By default, that the keys are not there.
        """
        return [Miss(key, None, ()) for _, key in missed]
