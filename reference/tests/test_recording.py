"""What may be recorded, typed or by parts; each mistake is a MisuseError that says the way out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, NewType

import pytest

from precompile_context import (
    UNSIGNED,
    Bundle,
    BundleFile,
    CacheArtifact,
    EntryArtifact,
    Environment,
    MemoryPrecompileCache,
    MisuseError,
    PrecompileContext,
    Requirement,
    SigningKey,
    TrustPolicy,
    VerifyingKey,
)
from precompile_context.files.merging import merge_files
from tests.signing import ALICE
from tests.toys import (
    BLOB,
    GRAPH,
    KERNEL,
    STEP,
    Blob,
    Graph,
    Kernel,
    Step,
    blobs,
    contents,
    graph_and_step,
    names,
    serialized,
    sha256,
    stored_backend_digest,
    toy_context,
)

Grid = NewType("Grid", int)


@dataclass(frozen=True)
class Tuned(CacheArtifact):
    """A field of each annotation that names types which can travel."""

    TYPE: ClassVar[str] = "test.tuned"

    grid: Grid
    mode: Literal["fast", "small"]
    ratio: float
    size: int | str
    note: Annotated[str, "free"] = ""
    anything: Any = b""

    def populate_cache(self) -> None:
        """Nothing."""


def _tuned(**fields: Any) -> Tuned:
    all_of_them: dict[str, Any] = {"grid": 1, "mode": "fast", "ratio": 0.5, "size": 1} | fields
    return Tuned("k", b"", **all_of_them)


# record and lookup, typed


def test_an_artifact_is_recorded_and_looked_up_by_its_class() -> None:
    context = toy_context()
    context.record(Kernel("k", b"code", warps=8))
    kernel = context.lookup(Kernel, "k")
    assert kernel == context.lookup(KERNEL, "k") == Kernel("k", b"code", warps=8)
    assert context.lookup(Kernel, "other") is None
    assert context.remove(Kernel, "k")
    assert names(context) == []


def test_record_is_record_artifact_of_its_parts() -> None:
    one, other = toy_context(), toy_context()
    one.record(Graph("g", b"graph"))
    one.record(Step("s", b"step", guard="x"), backends=[Graph("g", b"graph")])
    other.record_artifact(GRAPH, "g", b"graph")
    other.record_artifact(STEP, "s", b"step", guard="x", backends=[(GRAPH, "g")])
    assert serialized(one) == serialized(other)


def test_backends_may_be_any_iterable_of_pairs() -> None:
    context = toy_context()
    context.record(Graph("g", b"graph"))
    context.record(Step("s", b"step"), backends=((GRAPH, key) for key in "g"))
    assert stored_backend_digest(serialized(context)) == sha256(b"graph")


def test_record_keeps_a_copy_of_a_buffer() -> None:
    buffer = bytearray(b"before")
    context = toy_context()
    context.record(Blob("a", buffer))  # type: ignore[arg-type]
    buffer[:] = b"behind"
    assert contents(context) == {(BLOB, "a"): b"before"}


def test_an_entry_that_stands_for_its_bytes_needs_no_method() -> None:
    @dataclass(frozen=True)
    class Plain(EntryArtifact):
        TYPE: ClassVar[str] = "test.plain"

    context = toy_context()
    context.register(Plain)
    context.record(Graph("g", b"graph"))
    context.record(Plain("p", b"as it is"), backends=[(GRAPH, "g")])
    cache = MemoryPrecompileCache()
    assert not context.populate(cache).outcomes
    stitched = cache.read("test.plain", "p")
    assert stitched is not None
    assert stitched.entry.after_deserialization() == b"as it is"
    assert stitched.values == ("graph",)


# fields


@pytest.mark.parametrize(
    "fields", [{}, {"size": "x"}, {"ratio": 1}, {"anything": 3}, {"grid": True}], ids=str
)
def test_a_value_of_a_declared_type_is_recorded(fields: dict[str, Any]) -> None:
    context = toy_context()
    context.register(Tuned)
    context.record(_tuned(**fields))
    assert context.lookup(Tuned, "k") == _tuned(**fields)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"grid": "1"}, "'grid' of test.tuned: it is declared int, and this is str"),
        ({"mode": 1}, "declared str"),
        ({"ratio": "half"}, "declared float"),
        ({"size": b"1"}, "declared int or str"),
        ({"note": 5}, "declared str"),
        ({"anything": None}, "NoneType cannot travel"),
    ],
)
def test_a_value_of_another_type_than_declared_is_misuse(fields: dict[str, Any], says: str) -> None:
    context = toy_context()
    context.register(Tuned)
    with pytest.raises(MisuseError, match=says):
        context.record(_tuned(**fields))
    assert names(context) == []


@pytest.mark.parametrize(
    "annotation",
    [list, list[int], dict[str, int], int | None, None, Path, "list[int]", Literal[None]],
    ids=str,
)
def test_a_field_that_no_value_can_travel_in_is_misuse_when_it_is_registered(
    annotation: Any,
) -> None:
    @dataclass(frozen=True)
    class Wrong(Blob):
        TYPE = "test.wrong"
        grid: annotation = None

    with pytest.raises(MisuseError, match="field 'grid': bytes, str, int, float and bool"):
        PrecompileContext().register(Wrong)


def test_an_annotation_that_only_a_type_checker_can_read_is_left_to_the_values() -> None:
    @dataclass(frozen=True)
    class Hidden(Blob):
        TYPE = "test.hidden"
        grid: "Nowhere" = 1  # type: ignore[name-defined]  # noqa: F821
        warps: "int" = 1

    context = PrecompileContext()
    context.register(Hidden)
    context.record(Hidden("k", b"", grid="x"))
    with pytest.raises(MisuseError, match=r"'warps' of test.hidden: it is declared int"):
        context.record(Hidden("k", b"", warps="x"))  # type: ignore[arg-type]


# register


def test_what_cannot_be_registered_is_misuse() -> None:
    @dataclass(frozen=True)
    class Unfinished(CacheArtifact):
        TYPE: ClassVar[str] = "test.unfinished"

    @dataclass(frozen=True)
    class NoKind(Blob):
        TYPE = "test.nokind"
        KIND = 1  # type: ignore[assignment]

    wrong: list[tuple[Any, str]] = [
        (Blob("k", b""), "Blob, not an instance"),
        (int, "not int"),
        ("test.blob", "subclass of CacheArtifact"),
        (None, "subclass of CacheArtifact"),
        (Unfinished, "must define populate_cache"),
        (NoKind, "KIND of NoKind is an ArtifactKind"),
    ]
    for given, says in wrong:
        with pytest.raises(MisuseError, match=says):
            PrecompileContext().register(given)


# each mistake, by the call that it is made in

_KEY = VerifyingKey(ALICE.verifying_key.raw)
_RECORD: list[tuple[Any, str]] = [
    (lambda c: c.record_artifact(BLOB, "k", "text"), r"content.encode\(\)"),
    (lambda c: c.record_artifact(BLOB, b"k", b""), r"a key is a str, not bytes"),
    (lambda c: c.record_artifact(BLOB, 5, b""), "a key is a str, not int"),
    (lambda c: c.record_artifact(KERNEL, b"k", b"", warps=2), "a key is a str, not bytes"),
    (lambda c: c.record_artifact(Blob, "k", b""), r"Kernel.TYPE; record\(Kernel"),
    (lambda c: c.record_artifact(5, "k", b""), "a type is a str"),
    (lambda c: c.record_artifact("test.none", "k", b""), "call context.register"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends=["g"]), r"\(type, key\) pairs"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends=[("g",)]), r"\(type, key\) pairs"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends=[5]), r"\(type, key\) pairs"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends="gh"), "not str"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends=5), "not int"),
    (lambda c: c.record_artifact(STEP, "s", b"", backends=[(GRAPH, 5)]), r"\(type, key\) pairs"),
    (lambda c: c.record(b"bytes"), "an instance of a registered class"),
    (lambda c: c.record(Blob), "an instance of a registered class"),
    (lambda c: c.record(Blob(b"k", b"")), "a key is a str, not bytes"),  # type: ignore[arg-type]
    (lambda c: c.record(Blob("k", "text")), r"content.encode\(\)"),  # type: ignore[arg-type]
    (lambda c: c.record(_tuned()), r"call context.register\(Tuned\)"),
    (lambda c: c.record_artifacts(BLOB, [("k", "text")]), r"content.encode\(\)"),
    (lambda c: c.record_artifacts(BLOB, [(b"k", b"")]), "a key is a str"),
    (lambda c: c.record_artifacts(BLOB, ["k"]), r"\(key, content\) pairs"),
    (lambda c: c.record_artifacts(BLOB, {"kk": b""}), "pairs|content"),
    (lambda c: c.record_artifacts(KERNEL, 5), r"\(key, content\) pairs"),
    (lambda c: c.lookup(Tuned, "k"), r"call context.register\(Tuned\)"),
    (lambda c: c.lookup(int, "k"), "int is not registered"),
    (lambda c: c.remove(Tuned, "k"), r"call context.register\(Tuned\)"),
    (lambda c: c.edit_artifact("k", "text"), "a function of the content"),
    (lambda c: c.load(5), "not from a int"),
    (lambda c: c.load(None), "not from a NoneType"),
    (lambda c: c.load(["a"]), "not from a list"),
    (lambda c: c.load(""), "named by a path"),
    (lambda c: c.save_to(5), "not to a int"),
    (lambda c: c.save_to(b"model.precompile"), "not to a bytes"),
    (lambda c: c.save_to(None), "not to a NoneType"),
    (lambda c: c.populate("cache"), "not to a str"),
]


@pytest.mark.parametrize(("call", "says"), _RECORD, ids=[says for _, says in _RECORD])
def test_a_mistake_in_a_call_is_misuse_that_says_the_way_out(call: Any, says: str) -> None:
    context = graph_and_step()
    before = serialized(context)
    with pytest.raises(MisuseError, match=says):
        call(context)
    assert serialized(context) == before


_MAKING: list[tuple[Any, str]] = [
    (lambda: PrecompileContext(environment={"cpu": "x"}), r"Environment.of"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(requirements=["cpu"]), "Requirement"),  # type: ignore[list-item]
    (lambda: PrecompileContext(registry=[Blob]), r"Registry\(\)"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(limits=5), "Limits"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(producer="me"), "Producer"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(signer="key.pem"), "from_pem"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(signer=b"PEM"), "from_pem"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(signer=_KEY), "public half"),  # type: ignore[arg-type]
    (lambda: PrecompileContext(policy=[_KEY]), r"TrustPolicy\(\["),  # type: ignore[arg-type]
    (lambda: PrecompileContext(requirements=[Requirement("a", 1, "text")]), "several texts"),  # type: ignore[arg-type]
    (lambda: TrustPolicy(_KEY), "a list of keys"),  # type: ignore[arg-type]
    (lambda: TrustPolicy("key.pub"), "a list of keys"),  # type: ignore[arg-type]
    (lambda: TrustPolicy(["key.pub"]), "not a str"),  # type: ignore[list-item]
    (lambda: TrustPolicy([_KEY], threshold="1"), "a number of keys"),  # type: ignore[arg-type]
    (lambda: VerifyingKey("ab" * 32), "from_pem"),  # type: ignore[arg-type]
    (lambda: VerifyingKey.from_pem("PEM"), r"text.encode\(\)"),  # type: ignore[arg-type]
    (lambda: SigningKey.from_pem(Path("key")), r"read_bytes\(\)"),  # type: ignore[arg-type]
    (lambda: Environment(5), "Environment.of"),  # type: ignore[arg-type]
    (lambda: Environment.of(cpu=5), "a set of texts"),  # type: ignore[arg-type]
    (lambda: Environment.of(cpu=[5]), "a set of texts"),  # type: ignore[list-item]
    (lambda: BundleFile(5), "named by a path"),  # type: ignore[arg-type]
    (lambda: BundleFile("a\0b"), "named by a path"),
    (lambda: Bundle.open("x.precompile", policy=UNSIGNED), r"BundleFile\(path\)"),  # type: ignore[arg-type]
    (lambda: Bundle.open(5, policy=UNSIGNED), "not int"),  # type: ignore[arg-type]
    (lambda: merge_files("out", "one", policy=UNSIGNED), "a list of them"),
]


@pytest.mark.parametrize(("make", "says"), _MAKING, ids=[says for _, says in _MAKING])
def test_a_mistake_in_making_something_is_misuse_that_says_the_way_out(
    make: Any, says: str
) -> None:
    with pytest.raises(MisuseError, match=says):
        make()


# paths


@pytest.mark.parametrize("kind", [str, Path])
def test_a_path_goes_in_wherever_a_bundle_does(kind: Any, tmp_path: Path) -> None:
    path, merged = kind(tmp_path / "a.precompile"), kind(tmp_path / "b.precompile")
    assert len(blobs(a=b"1").save_to(path).appended) == 1
    merge_files(merged, [path, path], policy=UNSIGNED)
    context = toy_context()
    context.load(merged)
    assert contents(context) == {(BLOB, "a"): b"1"}


def test_a_file_that_is_not_there_is_said_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        toy_context().load(tmp_path / "none.precompile")
    assert caught.value.filename == str(tmp_path / "none.precompile")


# what is shown


def test_reprs_say_what_is_in_a_thing_and_no_secret() -> None:
    context = blobs(a=b"1")
    data = serialized(context)
    bundle = Bundle.open(data, policy=UNSIGNED)
    report = toy_context().load(data)
    shown = {
        repr(PrecompileContext(signer=ALICE)): "0 artifacts; 0 facts, <TrustPolicy: nobody>",
        repr(context): "1 artifacts; 0 facts, UNSIGNED, signer None",
        repr(bundle): "segments 1, artifacts 1, bytes",
        repr(report): "current 1, segments 1, opaque 0",
        repr(report.info): "1 test.blob",
        repr(context.populate()): "applied 1, not applied 0",
        repr(BundleFile("a")): "BundleFile('a')",
        repr(TrustPolicy([_KEY])): f"1 of 1 keys: {_KEY.keyid[:12]}",
        repr(ALICE): f"<SigningKey {ALICE.keyid[:12]}",
        repr(_KEY): f"<VerifyingKey {_KEY.keyid[:12]}",
        repr(Environment.of(cpu="x")): "1 facts",
    }
    for text, part in shown.items():
        assert part in text
        assert len(text) < 250


def test_notebooks_get_tables_in_which_a_bundle_s_texts_are_texts() -> None:
    context = toy_context()
    context.record(Blob("<script>", b"refused"))
    report = context.populate()
    (line,) = [part for part in report._repr_html_().split("<tr>") if "script" in part]
    assert "&lt;script&gt;" in line
    bundle = Bundle.open(serialized(context), policy=UNSIGNED)
    for shown in (bundle, context.load(serialized(context)), report):
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert html.endswith("</table>")


def test_equal_public_keys_are_equal() -> None:
    assert ALICE.verifying_key == _KEY
    assert len({_KEY, ALICE.verifying_key}) == 1
    assert SigningKey.generate().verifying_key != _KEY
