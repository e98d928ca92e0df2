"""CTX: what recording, removing, editing and finding mean, step by step."""

from builders.bases import two
from builders.case import Cases
from builders.scripting import BLOB, CACHE, GRAPH, KERNEL, NOTED, STEP, Script
from precompile_conformance.build import Artifact, Block, Segment, Value, bundle

TWO = two().data
FAR = bundle(Segment((Artifact("g", b"1", type="vendor.graph", kind=2),))).data
DAMAGED = Block(b"1", stored=b"2", entry={"digest": bytes(32)})
BAD = bundle(Segment((Artifact("b", b"1", type="vendor.blob"),), blocks=(DAMAGED,))).data


def cases() -> Cases:
    """All cases of these operations."""
    yield from _registering()
    yield from _recording()
    yield from _backends()
    yield from _removing()
    yield from _editing()
    yield from _finding()


def _registering() -> Cases:
    script = Script().register(BLOB, CACHE, {}).says("misuse").blob("a", b"1").says("done")
    yield script.built("CTX/register-twice", "A type is registered once.",
                       "PCB-CTX-003 PCB-CTX-002")  # fmt: skip
    script = Script().register("Bad Name", CACHE, {}).says("misuse")
    yield script.built("CTX/register-no-name", "A type's name follows the rules for names.",
                       "PCB-CTX-004")  # fmt: skip
    script = Script().use("two", types=()).blob("a", b"1").says("misuse", current="", need=False)
    script.register(BLOB, CACHE, {}).blob("a", b"1").says("done", current="a", need=True)
    yield script.built("CTX/record-of-an-unregistered-type", "What is recorded has a known type.",
                       "PCB-CTX-004 PCB-CTX-002")  # fmt: skip


def _recording() -> Cases:
    script = Script().blob("b", b"1").blob("a", b"2").record(NOTED, "b", b"3")
    script.says("done", current="b a b", need=True).blob("b", b"4").says(current="b a b")
    yield script.built("CTX/first-recorded-order", "What is current stands in the order of first"
                       " recording; types have names of their own.", "PCB-CTX-007")  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").serialize().blob("a", b"1")
    script.says("done", need=False, current="a b").serialize().says("serialized", segments=1)
    yield script.built("CTX/record-the-same", "Recording the same artifact changes nothing.",
                       "PCB-CTX-006 PCB-CTX-019 PCB-CTX-012")  # fmt: skip
    script = Script().blob("a", b"1").serialize().blob("a", b"2").says(need=True)
    script.serialize().says(segments=2).lookup(BLOB, "a").says("found", found=b"2")
    yield script.built("CTX/record-another-content", "Other content supersedes.",
                       "PCB-CTX-007 PCB-CTX-012")  # fmt: skip
    script = Script().blob("a", b"A").blob("a", b"B").blob("a", b"A").serialize()
    script.says(segments=1).lookup(BLOB, "a").says(found=b"A")
    yield script.built("CTX/a-b-a", "A, B, A ends with A.", "PCB-CTX-007 PCB-CTX-018")  # fmt: skip
    script = Script().blob("a", b"A").serialize().blob("a", b"B").says(need=True)
    script.blob("a", b"A").says(need=False).serialize().says(segments=1)
    yield script.built("CTX/back-to-what-was-saved", "Back to what was saved is saved.",
                       "PCB-CTX-012 PCB-CTX-018")  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").serialize().blob("b", b"3").blob("a", b"4")
    script.serialize().says(segments=2, current="a b").use("two").blob("x", b"1")
    script.record(NOTED, "y", b"2").remove(BLOB, "x").blob("x", b"1").serialize()
    yield script.says(segments=1, current="y x").built(
        "CTX/artifacts-in-first-recorded-order", "A segment lists artifacts in the order in which"
        " their names were first recorded since they were last removed.",
        "PCB-DET-004 PCB-CTX-018",
    )  # fmt: skip
    fields: dict[str, dict[str, Value]] = {
        "number": {"number": 5}, "text": {"text": "x"}, "raw": {"raw": b"x"},
        "ratio": {"ratio": -0.5}, "flag": {"flag": True}, "minus-zero": {"ratio": -0.0},
    }  # fmt: skip
    for name, other in fields.items():
        first: dict[str, Value] = {"ratio": 0.0} if name == "minus-zero" else {}
        script = Script().record(NOTED, "a", b"1", (), **first).serialize()
        script.record(NOTED, "a", b"1", (), **other).says(need=True).serialize().says(segments=2)
        yield script.built(f"CTX/another-{name}", "Another value of a field is another artifact.",
                           "PCB-CTX-006 PCB-CTX-007 PCB-ART-006")  # fmt: skip
    nan = float("nan")
    script = Script().record(NOTED, "a", b"1", ratio=nan).serialize()
    script.record(NOTED, "a", b"1", ratio=nan).says(need=False)
    yield script.built("CTX/nan-is-itself", "Doubles are compared bit by bit.",
                       "PCB-CTX-006")  # fmt: skip
    script = Script().record(NOTED, "a", b"1", number=1).serialize()
    script.record(NOTED, "a", b"1", number=True).says(need=True)
    yield script.built("CTX/true-is-not-1", "Values of different types differ.",
                       "PCB-CTX-006 PCB-CTX-017")  # fmt: skip
    for name, key in {"empty": "", "newline": "a\nb", "1025-bytes": "k" * 1025}.items():
        script = Script().blob(key, b"1").says("misuse", current="", need=False)
        yield script.built(f"CTX/key-{name}", "A key that no manifest can hold is misuse.",
                           "PCB-CTX-004 PCB-CTX-002 PCB-NAME-004")  # fmt: skip
        script = Script().record(NOTED, key, b"1", number=1).says("misuse", current="")
        yield script.built(f"CTX/key-{name}-of-a-type-with-fields", "A key that no manifest can"
                           " hold is misuse.", "PCB-CTX-004 PCB-CTX-002 PCB-NAME-004")  # fmt: skip
    script = Script().blob("../../etc/passwd", b"1").blob("ä😀", b"2").serialize()
    yield script.says(segments=1).built("CTX/keys-that-look-like-paths", "Keys are names.",
                                        "PCB-SEC-002 PCB-CTX-004")  # fmt: skip
    script = Script().record(BLOB, "a", b"1", number=1).says("misuse", current="")
    yield script.built("CTX/field-that-the-type-has-not", "Fields are those of the type.",
                       "PCB-CTX-004 PCB-CTX-002")  # fmt: skip
    script = Script().record(NOTED, "a", b"1", number=7, text="ä").lookup(NOTED, "a")
    script.says("found", found=b"1").serialize()
    saved = script.last
    script.use("two").load(saved)
    script.lookup(NOTED, "a").says(found=b"1")
    yield script.built("CTX/fields-travel", "Fields come back with their types, defaults, too.",
                       "PCB-CTX-017 PCB-ART-006 PCB-ART-004")  # fmt: skip


def _backends() -> Cases:
    script = Script().record(BLOB, "a", b"1", [(GRAPH, "g")]).says("misuse", current="")
    yield script.built("CTX/backends-of-a-cache", "Only entries name backends.",
                       "PCB-CTX-005 PCB-CTX-002 PCB-ART-003")  # fmt: skip
    script = Script().record(STEP, "s", b"1", [(BLOB, "a")]).says("misuse", current="")
    script.record(STEP, "s", b"1", [("test.nobody", "a")]).says("misuse", current="")
    yield script.built("CTX/backend-of-another-kind", "Backends are of types of kind BACKEND.",
                       "PCB-CTX-005 PCB-CTX-002")  # fmt: skip
    script = Script().entry("s", "g").record(GRAPH, "g", b"graph").serialize().says(segments=1)
    yield script.built("CTX/backend-recorded-later", "An entry is bound when it is saved.",
                       "PCB-CTX-023 PCB-ART-001")  # fmt: skip
    script = Script().entry("s", "g").serialize().says(need=False).record(GRAPH, "g", b"graph")
    script.says(need=True).serialize().says(segments=2, need=False)
    yield script.built("CTX/backend-recorded-after-the-save", "The entry is unsaved again.",
                       "PCB-CTX-024 PCB-CTX-023")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize()
    script.record(GRAPH, "g", b"2").serialize().says(segments=2).populate()
    script.says(outcomes="s:MISSING_BACKEND")
    yield script.built("CTX/backend-superseded-after-the-save", "A saved entry names the content"
                       " that it was saved with.", "PCB-CTX-023 PCB-POP-006")  # fmt: skip
    script.entry("s", "g").says(need=True).serialize().says(segments=3).populate()
    script.says(stitched="s+g")
    yield script.built("CTX/entry-recorded-again", "Recorded again, an entry names the backend"
                       " of now.", "PCB-CTX-006 PCB-CTX-023")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize().entry("s", "g")
    script.says(need=False).record(GRAPH, "g", b"2").says(need=True).serialize().populate()
    script.says(stitched="s+g", outcomes="")
    yield script.built("CTX/entry-recorded-again-unchanged", "Recorded again, it goes with the"
                       " backend of the next save.", "PCB-CTX-023 PCB-CTX-024")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").record(GRAPH, "h", b"2").entry("s", "g", "h")
    script.serialize().entry("s", "h", "g").says(need=True)
    yield script.built("CTX/backends-in-another-order", "The order of backends counts.",
                       "PCB-CTX-006 PCB-CTX-007")  # fmt: skip


def _removing() -> Cases:
    script = Script().blob("a", b"1").blob("b", b"2").remove(BLOB, "a").says("removed", current="b")
    script.remove(BLOB, "a").says("removed", current="b").remove(NOTED, "b").says(current="b")
    yield script.built("CTX/remove", "Removing takes away what is there, once.",
                       "PCB-CTX-009")  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").serialize().remove(BLOB, "a")
    script.says(need=True, current="b").serialize().says(segments=2, need=False)
    yield script.built("CTX/removal-of-what-was-saved", "The removal is saved, too.",
                       "PCB-CTX-009 PCB-CTX-012 PCB-CTX-018")  # fmt: skip
    script = Script().blob("a", b"1").remove(BLOB, "a").says(need=False, current="").serialize()
    yield script.built("CTX/removal-of-what-was-never-saved", "Nothing is left to save.",
                       "PCB-CTX-009 PCB-CTX-012 PCB-CTX-018")  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").serialize().remove(BLOB, "a").blob("a", b"1")
    script.says(current="b a", need=True).serialize().says(segments=2)
    yield script.built("CTX/remove-and-record", "Recorded again it stands at the end.",
                       "PCB-CTX-007 PCB-CTX-009 PCB-CURR-004")  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").blob("c", b"3").serialize()
    script.remove(BLOB, "c").remove(BLOB, "a").blob("c", b"4").remove(BLOB, "c").serialize()
    yield script.says(segments=2, current="b").built(
        "CTX/removals-in-order", "Removals stand in the order in which they were first made.",
        "PCB-DET-005 PCB-CTX-009",
    )  # fmt: skip
    script = Script(two=TWO).load("two").remove(BLOB, "one").says(need=True, current="two three")
    script.serialize().says(segments=3)
    saved = script.last
    script.use("two").load(saved)
    script.says(current="two three")
    yield script.built("CTX/removal-of-what-was-loaded", "What came with a bundle can go.",
                       "PCB-CTX-009 PCB-CTX-027")  # fmt: skip

    only_removes = bundle(Segment(removed=[(BLOB, "a")])).data
    script = Script(gone=only_removes).blob("a", b"1").serialize().load("gone").says(current="a")
    script.remove(BLOB, "a").says(need=True, current="").serialize().says(segments=3, need=False)
    script.serialize().says(segments=3, current="")
    last = script.last
    yield script.use("two").load(last).says(current="a").built(
        "CTX/removal-of-what-another-chain-brought", "A removal is written where `saved` holds the"
        " name, and takes for readers from the last chain alone.",
        "PCB-CTX-018 PCB-CTX-009 PCB-CTX-012 PCB-CURR-003 PCB-CURR-006",
    )  # fmt: skip
    for name, segments in {"recorded": 2, "serialized": 2}.items():
        script = Script(gone=only_removes).blob("a", b"1")
        script = script.serialize() if name == "serialized" else script
        script.load("gone").says(current="a", need=name == "recorded").lookup(BLOB, "a")
        script.says(found=b"1").serialize().says(segments=segments, need=False)
        yield script.built(
            f"CTX/load-that-removes-what-was-{name}", "A bundle's removals take nothing from what"
            " is in no chain of it.", "PCB-CTX-026 PCB-CTX-012 PCB-CURR-003",
        )  # fmt: skip


def _editing() -> Cases:
    script = Script().record(KERNEL, "k", b"1", symbol="f").edit("k", b"2").says("done", need=True)
    script.find("k").says("found", found=b"2")
    yield script.built("CTX/edit", "An edit replaces content and keeps fields.",
                       "PCB-CTX-011 PCB-CTX-013")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize().edit("g", b"2")
    script.says(need=True).serialize().says(segments=2).populate().says(stitched="s+g")
    yield script.built("CTX/edit-binds-entries", "Entries that named the content follow.",
                       "PCB-CTX-011 PCB-CTX-012")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize()
    saved = script.last
    script.use("two").load(saved).says(current="g s", need=False)
    script.edit("g", b"2").says(need=True).serialize().says(segments=2).populate()
    script.says(stitched="s+g")
    yield script.built("CTX/edit-of-what-was-loaded", "Loaded entries follow, too.",
                       "PCB-CTX-011 PCB-CTX-027")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").serialize().edit("g", b"1").says("done", need=False)
    yield script.built("CTX/edit-that-changes-nothing", "The same content is no change.",
                       "PCB-CTX-011 PCB-CTX-012")  # fmt: skip
    script = Script().blob("a", b"1").edit("a", b"2").says("misuse", need=True)
    script.edit("nobody", b"2").says("misuse").record(GRAPH, "g", b"1").record(KERNEL, "g", b"2")
    script.edit("g", b"3").says("misuse")
    yield script.built("CTX/edit-of-none-or-several", "Exactly one backend has the key.",
                       "PCB-CTX-010 PCB-CTX-002")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").serialize().edit("g", b"2", fails=True)
    script.says("raised", need=False).find("g").says(found=b"1")
    yield script.built("CTX/edit-that-fails", "An error of the caller's passes and changes"
                       " nothing.", "PCB-CTX-002")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize()
    script.record(GRAPH, "g", b"2").serialize().edit("g", b"3").serialize().populate()
    script.says(outcomes="s:MISSING_BACKEND")
    yield script.built("CTX/edit-of-other-content", "An entry that names other content stays.",
                       "PCB-CTX-011 PCB-POP-006")  # fmt: skip

    script = Script().record(GRAPH, "g", b"1").entry("s", "g").serialize().edit("g", b"2")
    script.says(need=True).edit("g", b"1").says(need=False).serialize().says(segments=1)
    yield script.built("CTX/edit-back-to-what-was-saved", "Back to what was saved is saved,"
                       " the entries too.", "PCB-CTX-011 PCB-CTX-012 PCB-CTX-018")  # fmt: skip
    script = Script(far=FAR).load("far").edit("g", b"2").says("done", need=True).serialize()
    yield script.says(segments=2, current="g", need=False).built(
        "CTX/edit-of-an-unregistered-type", "An edit takes a backend whatever is registered.",
        "PCB-CTX-010 PCB-CTX-011",
    )  # fmt: skip


def _finding() -> Cases:
    script = Script(far=FAR).load("far").find("g").says(refused="UNKNOWN_ARTIFACT_TYPE")
    yield script.lookup("vendor.graph", "g").says(refused="UNKNOWN_ARTIFACT_TYPE").built(
        "CTX/find-backend-of-an-unregistered-type", "What nobody registered is handed out by"
        " neither way.", "PCB-CTX-031 PCB-CTX-013",
    )  # fmt: skip
    script = Script(bad=BAD).load("bad").lookup("vendor.blob", "b")
    yield script.says(refused="UNKNOWN_ARTIFACT_TYPE").built(
        "CTX/lookup-looks-at-the-type-first", "A type that is unknown counts before content that is"
        " damaged.", "PCB-CTX-031",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").find("g").says("found", found=b"1").serialize()
    script.find("g").says(found=b"1").find("nobody").says("found", found=None)
    script.blob("b", b"2").find("b").says("found", found=None)
    yield script.built("CTX/find-backend", "A backend is found by its key, saved or not.",
                       "PCB-CTX-013")  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").record(KERNEL, "g", b"2").find("g").says("misuse")
    yield script.built("CTX/find-one-of-several", "A key of several backends is misuse.",
                       "PCB-CTX-013 PCB-CTX-002")  # fmt: skip
    script = Script().lookup(BLOB, "a").says("found", found=None).blob("a", b"1")
    script.lookup(NOTED, "a").says("found", found=None).lookup(BLOB, "a").says(found=b"1")
    yield script.built("CTX/lookup", "An artifact is looked up by type and key.",
                       "PCB-CTX-017 PCB-CTX-031")  # fmt: skip
