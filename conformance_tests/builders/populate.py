"""POP: applying what is current, one artifact's failure stopping no other."""

from dataclasses import replace

from builders.bases import PLAIN, flip
from builders.case import Cases
from builders.scripting import BLOB, GRAPH, KERNEL, NOTED, REFUSED, STEP, Script
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.wire import sha256


def cases() -> Cases:
    """All cases of the area."""
    yield from _applied()
    yield from _failures()
    yield from _missing()
    yield from _loaded()


def _applied() -> Cases:
    yield (
        Script()
        .populate()
        .says("populated", applied=0)
        .built("POP/nothing", "Nothing is applied, and that is no failure.", "PCB-POP-001")
    )
    script = Script().blob("b", b"1").record(NOTED, "n", b"2").blob("a", b"3").populate()
    yield script.says(applied=3, outcomes="", need=True).built(
        "POP/caches-in-order", "Caches are populated in recorded order; nothing changes.",
        "PCB-POP-001 PCB-POP-003 PCB-POP-004",
    )  # fmt: skip
    script = Script().entry("s", "g").record(GRAPH, "g", b"graph").blob("a", b"1").populate()
    yield script.says(applied=3, stitched="s+g").built(
        "POP/caches-before-entries", "Caches go first; an entry needs no save to be stitched.",
        "PCB-POP-001",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").record(KERNEL, "g", b"2").record(
        STEP, "s", b"entry", [(KERNEL, "g"), (GRAPH, "g"), (KERNEL, "g")])  # fmt: skip
    yield script.populate().says(applied=3, stitched="s+g+g+g").built(
        "POP/backends-in-the-entrys-order", "Backends of two types and one key, one of them twice.",
        "PCB-POP-001",
    )  # fmt: skip
    yield (
        Script()
        .entry("s")
        .populate()
        .says(applied=1, stitched="s")
        .built("POP/entry-without-backends", "An entry may need no backend.", "PCB-POP-001")
    )
    yield (
        Script()
        .record(GRAPH, "g", b"1")
        .populate()
        .says(applied=0, outcomes="")
        .built("POP/backend-alone", "A backend is not applied by itself.", "PCB-POP-001")
    )
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").entry("t", "g").populate()
    yield script.says(applied=3, stitched="s+g t+g").built(
        "POP/backend-of-two-entries", "A backend may serve several entries.", "PCB-POP-001"
    )
    yield Script().entry("s", content=REFUSED).populate().says(applied=1, stitched="s").built(
        "POP/entry-is-not-deserialized", "Backends are deserialized, the entry itself is not.",
        "PCB-POP-001",
    )  # fmt: skip

    script = Script().blob("a", b"1").record(NOTED, "b", b"2").remove(BLOB, "a").blob("a", b"1")
    yield script.serialize().populate().says(applied=2, current="b a").built(
        "POP/info-in-the-order-of-what-is-current", "CacheInfo lists types by the first artifact"
        " of each.", "PCB-POP-001 PCB-CURR-004",
    )  # fmt: skip


def _failures() -> Cases:
    script = Script().blob("a", REFUSED).blob("b", b"1").populate()
    yield script.says(applied=1, outcomes="a:APPLY_FAILED").built(
        "POP/cache-fails", "A cache that refuses one artifact gets the next.",
        "PCB-POP-002 PCB-POP-004",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", REFUSED).record(GRAPH, "h", b"1").entry("s", "g")
    script.entry("t", "h").populate()
    yield script.says(applied=2, outcomes="s:APPLY_FAILED", stitched="t+h").built(
        "POP/backend-fails", "An entry whose backend does not deserialize is not written.",
        "PCB-POP-002 PCB-POP-004",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", REFUSED).entry("s", "g").entry("t", "g").populate()
    yield script.says(applied=0, outcomes="s:APPLY_FAILED t:APPLY_FAILED", stitched="").built(
        "POP/backend-of-two-entries-fails", "Both entries are refused.", "PCB-POP-002 PCB-POP-004"
    )


def _missing() -> Cases:
    script = Script().record(GRAPH, "h", b"1").entry("s", "g", "h").blob("a", b"1").populate()
    yield script.says(applied=1, outcomes="s:MISSING_BACKEND", stitched="").built(
        "POP/backend-missing", "An entry is not written without all of its backends.",
        "PCB-POP-006 PCB-POP-002",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").remove(GRAPH, "g").populate()
    yield script.says(outcomes="s:MISSING_BACKEND").built(
        "POP/backend-removed", "A removed backend is missing.", "PCB-POP-006"
    )
    wrong = Artifact("s", b"entry", type=STEP, kind=3, backends=[(GRAPH, "g", sha256(b"other"))])
    graph = Artifact("g", b"graph", type=GRAPH, kind=2)
    script = Script(b=bundle(Segment(artifacts=(graph, wrong))).data).load("b").populate()
    yield script.says(outcomes="s:MISSING_BACKEND").built(
        "POP/another-producers-backend", "Other content under the same name is not stitched in.",
        "PCB-POP-006",
    )  # fmt: skip
    unbound = replace(wrong, backends=[(GRAPH, "g", b"")])
    script = Script(b=bundle(Segment(artifacts=(graph, unbound))).data).load("b").populate()
    yield script.says(outcomes="s:MISSING_BACKEND").built(
        "POP/saved-without-its-backend", "An entry that was saved without a backend stays so.",
        "PCB-POP-006 PCB-CTX-018",
    )  # fmt: skip
    cache = replace(graph, kind=1)
    named = replace(wrong, backends=[(GRAPH, "g", sha256(b"graph"))])
    script = Script(b=bundle(Segment(artifacts=(cache, named))).data).load("b").populate()
    yield script.says(outcomes="g:UNKNOWN_ARTIFACT_TYPE s:MISSING_BACKEND").built(
        "POP/no-backend-under-the-name", "What is stitched in is a BACKEND.",
        "PCB-POP-006 PCB-POP-003",
    )  # fmt: skip


def _loaded() -> Cases:
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").blob("a", b"2").serialize()
    at = script.last
    yield (
        script.use("two")
        .load(at)
        .populate()
        .says(applied=3, stitched="s+g")
        .built("POP/after-a-load", "After a load the same is applied.", "PCB-POP-001")
    )
    unknown = (Artifact("x", b"1", type="vendor.unknown"), Artifact("a", b"2"),
               Artifact("y", b"3", kind=9), Artifact("z", b"4", type=GRAPH, kind=3))  # fmt: skip
    script = Script(b=bundle(Segment(artifacts=unknown)).data).load("b").populate()
    yield script.says(
        applied=1,
        outcomes="x:UNKNOWN_ARTIFACT_TYPE y:UNKNOWN_ARTIFACT_TYPE z:UNKNOWN_ARTIFACT_TYPE",
    ).built("POP/unknown-types-and-kinds", "What nobody registered is skipped and told.",
            "PCB-POP-003 PCB-EXT-003")  # fmt: skip
    other = Artifact("g", b"1", type="vendor.graph", kind=2)
    entry = Artifact("s", b"entry", type=STEP, kind=3,
                     backends=[("vendor.graph", "g", sha256(b"1"))])  # fmt: skip
    script = Script(b=bundle(Segment(artifacts=(other, entry))).data).load("b").populate()
    yield script.says(outcomes="s:UNKNOWN_ARTIFACT_TYPE").built(
        "POP/backend-of-an-unknown-type", "An entry is not written with what nobody deserializes.",
        "PCB-POP-003 PCB-POP-006",
    )  # fmt: skip
    built = bundle(PLAIN)
    damaged = flip(built.data, built.segments[0].block_offsets[0] + 6)
    script = Script(b=damaged).load("b").populate()
    yield script.says(applied=1, outcomes="one:DIGEST_MISMATCH").built(
        "POP/damaged-content", "Damage is the outcome of the artifact that it hit.",
        "PCB-POP-005 PCB-POP-002 PCB-POP-009",
    )  # fmt: skip
    graph = Artifact("g", b"graph", type=GRAPH, kind=2)
    step = Artifact("s", b"entry", type=STEP, kind=3, backends=[(GRAPH, "g", sha256(b"graph"))])
    block = Block(b"graph", stored=b"GRAPH", entry={"digest": bytes(32)})
    broken = Segment(artifacts=(graph, step), blocks=(block, Block(b"entry")))
    script = Script(b=bundle(broken).data).load("b").populate()
    yield script.says(outcomes="s:DIGEST_MISMATCH", stitched="").built(
        "POP/damaged-backend", "An entry with a damaged backend is not written.",
        "PCB-POP-005 PCB-POP-006",
    )  # fmt: skip
    vendor = tuple(Artifact(key, b"graph", type="vendor.later", kind=kind)
                   for key, kind in (("c", 1), ("g", 2)))  # fmt: skip
    entry = replace(step, type="vendor.step")
    broken = Segment((*vendor, graph, entry), blocks=(block, Block(b"entry", stored=b"ENTRY",
                     entry={"digest": bytes(32)})))  # fmt: skip
    script = Script(b=bundle(broken).data).load("b").populate()
    yield script.says(
        applied=0, outcomes="c:UNKNOWN_ARTIFACT_TYPE s:UNKNOWN_ARTIFACT_TYPE", stitched=""
    ).built(
        "POP/type-before-content", "The type is looked at before the content; a backend has no"
        " outcome of its own.", "PCB-POP-001 PCB-POP-003",
    )  # fmt: skip
    bare = Artifact("n", b"1", type=NOTED, attributes={"number": 9, "surplus": 1})
    script = Script(b=bundle(Segment(artifacts=(bare,))).data).load("b").lookup(NOTED, "n")
    yield script.says("found", found=b"1").populate().says(applied=1).built(
        "POP/fields-of-another-version", "Missing fields have defaults, surplus ones stay behind.",
        "PCB-CTX-017 PCB-POP-001",
    )  # fmt: skip
