"""Names, kinds, attributes and the registry of types."""

import dataclasses
import gc
import unicodedata
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from precompile.v1 import artifact_pb2
from precompile_context import PrecompileContext
from precompile_context.artifact import (
    MAX_KEY_BYTES,
    MAX_NAME_BYTES,
    ArtifactId,
    ArtifactKind,
    CacheArtifact,
    PrecompileCacheArtifact,
    Registry,
    attribute_fault,
    attributes_of,
    key_fault,
    name_fault,
    takes_anything,
)
from precompile_context.errors import MisuseError
from tests.toys import BLOB, Blob, Graph, Kernel, Step


def test_artifact_kind_equals_the_proto_enum() -> None:
    proto = {
        name.removeprefix("ARTIFACT_KIND_"): number
        for name, number in artifact_pb2.ArtifactKind.items()
    }
    assert proto.pop("UNSPECIFIED") == 0
    assert {kind.name: kind.value for kind in ArtifactKind} == proto


@pytest.mark.parametrize("name", ["a", "a0_.", "torch.inductor", "a" * MAX_NAME_BYTES, "a..b_"])
def test_name_is_accepted(name: str) -> None:
    assert name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", "A", "0a", "_a", ".a", "a-b", "a/b", "a b", "a\n", "é", "a" * (MAX_NAME_BYTES + 1)]
)
def test_name_is_refused(name: str) -> None:
    assert name_fault(name)


@pytest.mark.parametrize(
    "key",
    [
        "a",
        " ",
        "../etc/passwd",
        "/",
        "C:\\x",
        "é" * (MAX_KEY_BYTES // 2),
        "\U0001f600" * (MAX_KEY_BYTES // 4),
        "\u00a0\u2028\u2029\ufeff",  # separators and a mark, no control characters
        "\u200e",  # Cf
    ],
)
def test_key_is_accepted(key: str) -> None:
    assert key_fault(key) is None


@pytest.mark.parametrize("key", ["", "é" * (MAX_KEY_BYTES // 2) + "x", "a" * (MAX_KEY_BYTES + 1)])
def test_key_is_refused_by_its_bytes(key: str) -> None:
    assert key_fault(key)


def test_key_is_refused_for_every_control_character_and_no_other() -> None:
    control = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cc"]
    assert len(control) == 65
    assert all(key_fault(f"a{char}b") for char in control)


@pytest.mark.parametrize("key", ["\ud800", "a\udfffb", "\ud83d\ude00"])
def test_key_is_refused_for_a_lone_surrogate(key: str) -> None:
    assert key_fault(key)


@pytest.mark.parametrize(
    "value", [b"", b"\xff", "", "é\0", 0, -(2**63), 2**63 - 1, 0.0, float("nan"), True]
)
def test_attribute_accepts_what_can_travel(value: Any) -> None:
    assert attribute_fault("name", value) is None


@pytest.mark.parametrize(
    "value",
    [None, 2**63, -(2**63) - 1, bytearray(b"x"), (1,), [b"x"], {}, 1j, ArtifactKind.CACHE],
)
def test_attribute_rejects_what_cannot_travel(value: Any) -> None:
    assert attribute_fault("name", value)


def test_attribute_rejects_text_that_is_not_unicode() -> None:
    assert attribute_fault("name", "\ud800")


def test_attribute_rejects_a_bad_name() -> None:
    assert attribute_fault("Name", 1)


def test_attributes_are_the_added_fields_sorted() -> None:
    kernel = Kernel("k", b"", symbol="f", warps=8)
    assert list(attributes_of(kernel).items()) == [
        ("pinned", False),
        ("seconds", 0.5),
        ("signature", b""),
        ("symbol", "f"),
        ("warps", 8),
    ]
    assert attributes_of(Blob("k", b"")) == {}


def test_precompile_compatible_is_true_of_backends_and_entries_alone() -> None:
    assert not Blob.precompile_compatible()
    assert Graph.precompile_compatible()
    assert Step.precompile_compatible()


@pytest.mark.parametrize("cls", [Graph, Step])
def test_populate_cache_of_a_precompile_artifact_is_misuse(
    cls: type[PrecompileCacheArtifact[Any]],
) -> None:
    with pytest.raises(MisuseError):
        cls("k", b"").populate_cache()


def test_artifacts_are_frozen_and_do_not_print_their_content() -> None:
    blob = Blob("k", b"secret")
    with pytest.raises(dataclasses.FrozenInstanceError):
        blob.key = "other"  # type: ignore[misc]
    assert "secret" not in repr(blob)
    assert ArtifactId("a", "k") == ArtifactId("a", "k", b"")


def test_an_artifact_without_what_its_kind_must_do_cannot_be_made() -> None:
    @dataclass(frozen=True)
    class Half(PrecompileCacheArtifact[int]):
        TYPE = "test.half"

    with pytest.raises(TypeError):
        Half("k", b"")  # type: ignore[abstract]


def test_register_makes_a_class_known_and_works_as_a_decorator() -> None:
    registry = Registry()
    assert registry.get(BLOB) is None
    assert registry.register(Blob) is Blob
    assert registry.get(BLOB) is Blob


def test_register_rejects_the_same_type_twice() -> None:
    registry = Registry()
    registry.register(Blob)
    with pytest.raises(MisuseError, match="registered already"):
        registry.register(Blob)

    @dataclass(frozen=True)
    class Other(Blob):
        pass

    with pytest.raises(MisuseError, match="registered already"):
        registry.register(Other)
    assert registry.get(BLOB) is Blob


def test_registries_share_nothing() -> None:
    Registry().register(Blob)
    assert Registry().get(BLOB) is None


def test_register_rejects_a_class_without_a_type() -> None:
    @dataclass(frozen=True)
    class Nameless(CacheArtifact):
        def populate_cache(self) -> None: ...

    with pytest.raises(MisuseError, match="no TYPE"):
        Registry().register(Nameless)


@pytest.mark.parametrize("name", ["", "Test", "test blob", "a" * 129])
def test_register_rejects_a_bad_type(name: str) -> None:
    @dataclass(frozen=True)
    class Misnamed(Blob):
        TYPE = name

    with pytest.raises(MisuseError):
        Registry().register(Misnamed)


def test_register_rejects_what_is_not_a_frozen_dataclass_itself() -> None:
    class Undecorated(Blob):
        TYPE: ClassVar[str] = "test.undecorated"
        extra: int = 0

    with pytest.raises(MisuseError, match="frozen"):
        Registry().register(Undecorated)


def test_register_rejects_a_field_whose_name_cannot_travel() -> None:
    @dataclass(frozen=True)
    class Camel(Blob):
        TYPE = "test.camel"
        numWarps: int = 0  # noqa: N815

    with pytest.raises(MisuseError, match="numWarps"):
        Registry().register(Camel)


def test_register_rejects_a_field_that_record_artifact_cannot_pass() -> None:
    @dataclass(frozen=True)
    class Entry(Blob):
        TYPE = "test.entry"
        backends: str = ""

    with pytest.raises(MisuseError, match="backends"):
        Registry().register(Entry)


@pytest.fixture
def announce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Installs, for one test, a distribution that announces `type = module:attribute`."""

    def install(entry_point: str) -> None:
        info = tmp_path / "toy_compiler-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-compiler\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            f"[precompile_context.artifact_types]\n{entry_point}\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))

    return install


def test_a_well_known_type_is_found_when_first_asked_for(announce: Any) -> None:
    announce("test.blob = tests.toys:Blob")
    registry = Registry()
    assert registry.get(BLOB) is Blob
    assert registry.get("test.other") is None
    with pytest.raises(MisuseError):
        registry.register(Blob)


def test_a_registered_class_goes_before_a_well_known_one(announce: Any) -> None:
    announce("test.blob = tests.toys:Blob")

    @dataclass(frozen=True)
    class Mine(Blob):
        pass

    registry = Registry()
    registry.register(Mine)
    assert registry.get(BLOB) is Mine


@pytest.mark.parametrize("target", ["tests.toys:Graph", "tests.toys:toy_registry"])
def test_an_announced_object_of_another_type_is_not_taken(announce: Any, target: str) -> None:
    announce(f"test.blob = {target}")
    assert Registry().get(BLOB) is None


@dataclass(frozen=True)
class Refusing(CacheArtifact):
    """Takes no empty content."""

    TYPE = "test.refusing"

    def __post_init__(self) -> None:
        if not self.content:
            raise ValueError("empty")

    def populate_cache(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Constructed(CacheArtifact):
    """Has a constructor of its own."""

    TYPE = "test.constructed"

    def __init__(self, key: str, content: bytes) -> None:
        object.__setattr__(self, "key", key)
        object.__setattr__(self, "content", content)

    def populate_cache(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Plain(CacheArtifact):
    """Holds what it is given."""

    TYPE = "test.plain"

    def populate_cache(self) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Further(Plain):
    """Has one field more."""

    size: int = 0


class Abstract(CacheArtifact):
    """Cannot be made."""


@pytest.mark.parametrize("cls", [Refusing, Constructed, Further, Abstract])
def test_a_class_that_may_refuse_what_it_is_given_is_told_from_one_that_cannot(
    cls: type[CacheArtifact],
) -> None:
    assert not takes_anything(cls)
    assert takes_anything(Plain)


def test_a_class_made_on_the_fly_is_not_kept_for_ever() -> None:
    def used() -> weakref.ref[type[CacheArtifact]]:
        @dataclass(frozen=True)
        class Local(CacheArtifact):
            TYPE = "test.local"
            size: int = 0

            def populate_cache(self) -> None:
                """Nothing."""

        context = PrecompileContext()
        context.register(Local)
        context.record_artifact("test.local", "key", b"content", size=7)
        context.populate()
        return weakref.ref(Local)

    cls = used()
    gc.collect()
    assert cls() is None
