"""Artifacts: their names, their kinds, their classes and the registry of types."""

import dataclasses
import enum
import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from precompile_context.errors import MisuseError
from precompile_context.fields import declared_fault

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

MAX_NAME_BYTES = 128
MAX_KEY_BYTES = 1024
_NAME = re.compile(r"[a-z][a-z0-9_.]*")

T = TypeVar("T")

# What a further field of an artifact may hold. bool is an int to Python; the wire tells them apart.
AttributeValue = bytes | str | int | float | bool
_ATTRIBUTE_TYPES = (bytes, str, int, float, bool)


class ArtifactKind(enum.IntEnum):
    """What applying an artifact means; `precompile.v1.ArtifactKind`."""

    CACHE = 1
    BACKEND = 2
    ENTRY = 3


def name_fault(name: str) -> str | None:
    """Why `name` is no type, fact or attribute name; None where it is one."""
    if not _NAME.fullmatch(name):
        return "a name is a lower-case letter, then lower-case letters, digits, '_' and '.'"
    if len(name) > MAX_NAME_BYTES:
        return f"a name is at most {MAX_NAME_BYTES} bytes"
    return None


def key_fault(key: str) -> str | None:
    """Why `key` is no artifact key; None where it is one."""
    if key.isascii() and key.isprintable() and 1 <= len(key) <= MAX_KEY_BYTES:
        return None  # as nearly all are
    try:
        size = len(key.encode())
    except UnicodeEncodeError:
        return "a key is UTF-8 and holds no lone surrogate"
    if not 1 <= size <= MAX_KEY_BYTES:
        return f"a key is 1 to {MAX_KEY_BYTES} bytes of UTF-8"
    # Control characters would forge lines in a log or a terminal.
    if not key.isprintable() and any(unicodedata.category(char) == "Cc" for char in key):
        return "a key holds no control character"
    return None


class ArtifactId(NamedTuple):
    """Names an artifact; `content_digest` is 32 bytes, or empty where any content is meant."""

    type: str
    key: str
    content_digest: bytes = b""


@dataclass(frozen=True)
class CacheArtifact(ABC):
    """One compile result that stands alone. A subclass names its TYPE and says where it goes.

    Fields that a subclass adds (bytes, str, int, float or bool) travel in the
    bundle and are back, with their types, on the other side.
    """

    TYPE: ClassVar[str]
    KIND: ClassVar[ArtifactKind] = ArtifactKind.CACHE

    key: str
    content: bytes = field(repr=False)

    @classmethod
    def precompile_compatible(cls) -> bool:
        """Whether the artifact is stitched into an entry rather than populating a cache."""
        return cls.KIND is not ArtifactKind.CACHE

    @abstractmethod
    def populate_cache(self) -> None:
        """Put the content where its compiler looks for it. May raise anything: it is reported."""


@dataclass(frozen=True)
class PrecompileCacheArtifact(CacheArtifact, Generic[T]):
    """A backend, or with KIND = ENTRY an entry, which names backends."""

    KIND: ClassVar[ArtifactKind] = ArtifactKind.BACKEND

    def populate_cache(self) -> None:
        """Never right: a precompile artifact is stitched, not put into a cache by itself."""
        # [PCB-POP-008]
        raise MisuseError(f"{self.TYPE} artifacts are stitched; populate_cache is not for them")

    @abstractmethod
    def after_deserialization(self) -> T:
        """What the content stands for. May raise anything: it is reported.

        `populate` calls it of each backend, and hands the value to the cache beside the
        entry. Of an entry it does not: whoever reads that from the cache calls it, if
        they want it. See `EntryArtifact` for one that stands for its bytes alone.
        """


@dataclass(frozen=True)
class EntryArtifact(PrecompileCacheArtifact[bytes]):
    """An entry that stands for its content as it is: nothing is to be deserialized."""

    KIND: ClassVar[ArtifactKind] = ArtifactKind.ENTRY

    def after_deserialization(self) -> bytes:
        """The content."""
        return self.content


def attributes_of(artifact: CacheArtifact) -> dict[str, AttributeValue]:
    """The fields that the artifact's class adds, by name, sorted."""
    # [PCB-ART-004]
    return {name: getattr(artifact, name) for name in attribute_names(type(artifact))}


# Classes may be made on the fly: none is kept for the sake of this.
_names: WeakKeyDictionary[type, tuple[str, ...]] = WeakKeyDictionary()


def attribute_names(cls: type[CacheArtifact]) -> tuple[str, ...]:
    """Names of the fields that an artifact class adds to key and content, sorted."""
    names = _names.get(cls)
    if names is None:
        own = {f.name for f in dataclasses.fields(cls)} - {"key", "content"}
        names = _names[cls] = tuple(sorted(own))
    return names


def takes_anything(cls: type[CacheArtifact]) -> bool:
    """Whether the class does no more than hold a key and a content: making one cannot fail."""
    if attribute_names(cls) or cls.__abstractmethods__ or hasattr(cls, "__post_init__"):
        return False
    code = getattr(cls.__init__, "__code__", None)
    # A constructor that is not the one which dataclass makes may refuse what it is given.
    return cls.__new__ is object.__new__ and code is not None and code.co_filename == "<string>"


def attribute_fault(name: str, value: Any) -> str | None:
    """Why the pair cannot travel as an attribute; None where it can."""
    if fault := name_fault(name):
        return fault
    # [PCB-CTX-004]
    if type(value) not in _ATTRIBUTE_TYPES:
        return f"{type(value).__name__} cannot travel: bytes, str, int, float and bool can"
    if type(value) is str and not is_unicode(value):
        return "text holds no lone surrogate"
    if type(value) is int and not -(2**63) <= value < 2**63:
        return "an int attribute is of 64 bits"
    return None


def is_unicode(text: str) -> bool:
    """Whether the text can be written as UTF-8: it holds no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class Registry:
    """The artifact classes that a context can apply, by type.

    Attributes:
        plain_caches: types of kind CACHE that were asked for by now, of which making one of a
            key and a content cannot fail.
    """

    def __init__(self) -> None:
        self._classes: dict[str, type[CacheArtifact]] = {}
        self._plain: set[str] = set()  # the types of those that take anything
        self.plain_caches: set[str] = set()  # those among them of kind CACHE
        # What installed distributions announce, read once: that takes milliseconds.
        self._announced: dict[str, list[EntryPoint]] | None = None

    def register(self, cls: type[CacheArtifact]) -> type[CacheArtifact]:
        """Make `cls` known under its TYPE; usable as a decorator.

        Raises:
            MisuseError: the type is taken or no name, a field cannot travel, or `cls` is
                no frozen dataclass that can be made.
        """
        if not (isinstance(cls, type) and issubclass(cls, CacheArtifact)):
            text = "what is registered is a subclass of CacheArtifact"
            if isinstance(cls, CacheArtifact):
                raise MisuseError(f"{text}: {type(cls).__name__}, not an instance of it")
            raise MisuseError(f"{text}, not {getattr(cls, '__name__', repr(cls))[:80]}")
        type_name = getattr(cls, "TYPE", None)
        if not isinstance(type_name, str):
            raise MisuseError(f'{cls.__name__} has no TYPE, a name such as "mycompiler.kernel"')
        if fault := name_fault(type_name):
            raise MisuseError(f"type {type_name!r}: {fault}")
        # [PCB-CTX-003]
        if type_name in self._classes:
            raise MisuseError(f"type {type_name!r} is registered already")
        params = getattr(cls, "__dataclass_params__", None)
        if params is None or not params.frozen or "__dataclass_params__" not in vars(cls):
            raise MisuseError(f"{cls.__name__} must be a frozen dataclass: @dataclass(frozen=True)")
        for name in attribute_names(cls):
            if fault := name_fault(name):
                raise MisuseError(f"field {name!r} of {cls.__name__}: {fault}")
            if name == "backends":
                raise MisuseError(f"{cls.__name__}: record_artifact has another use for 'backends'")
        if fault := declared_fault(cls):
            raise MisuseError(f"{cls.__name__}: {fault}")
        if not isinstance(cls.KIND, ArtifactKind):
            raise MisuseError(f"KIND of {cls.__name__} is an ArtifactKind, not {cls.KIND!r}")
        if cls.__abstractmethods__:
            missing = ", ".join(sorted(cls.__abstractmethods__))
            raise MisuseError(f"{cls.__name__} must define {missing}")
        self._classes[type_name] = cls
        return self._noted(type_name, cls)

    def add(self, cls: type[CacheArtifact]) -> None:
        """Register a class, unless one is registered for its type. Announced ones are not asked
        for, which takes milliseconds.

        Raises:
            MisuseError: as `register` does.
        """
        if getattr(cls, "TYPE", None) not in self._classes:
            self.register(cls)

    def get(self, type_name: str) -> type[CacheArtifact] | None:
        """The class of a type; a well-known type's is found when first asked for.

        Raises:
            MisuseError: a distribution announces the type, and cannot be imported.
        """
        cls = self._classes.get(type_name)
        if cls is None:
            if self._announced is None:
                self._announced = _announced()
            cls = _well_known(type_name, self._announced.get(type_name, ()))
            if cls is not None:
                return self._noted(type_name, self._classes.setdefault(type_name, cls))
        return cls

    def is_plain(self, type_name: str) -> bool:
        """Whether the type is known, and making one of a key and a content cannot fail."""
        return type_name in self._plain

    def _noted(self, type_name: str, cls: type[CacheArtifact]) -> type[CacheArtifact]:
        if takes_anything(cls):
            self._plain.add(type_name)
            if cls.KIND == ArtifactKind.CACHE:
                self.plain_caches.add(type_name)
        return cls


def _announced() -> dict[str, list["EntryPoint"]]:
    """By type, what distributions announce under `precompile_context.artifact_types`."""
    from importlib.metadata import entry_points

    announced: dict[str, list[EntryPoint]] = {}
    for entry_point in entry_points(group="precompile_context.artifact_types"):
        announced.setdefault(entry_point.name, []).append(entry_point)
    return announced


def _well_known(type_name: str, announced: Iterable["EntryPoint"]) -> type[CacheArtifact] | None:
    """The class of a type that an installed distribution announces."""
    for entry_point in announced:
        try:
            cls = entry_point.load()
        except Exception as error:  # another package's code, as it is installed here
            text = f"type {type_name!r} is announced by {entry_point.value}, which fails: {error}"
            raise MisuseError(text) from error
        if isinstance(cls, type) and issubclass(cls, CacheArtifact) and type_name == cls.TYPE:
            return cls
    return None
