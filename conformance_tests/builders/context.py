"""CTX: what recording, removing, editing, saving and loading mean, step by step."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, flip, two
from builders.case import Cases
from builders.decode import payload_of
from builders.scripting import BACKEND, BLOB, CACHE, GRAPH, KERNEL, NOTED, STEP, Script
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, Value, bundle
from precompile_conformance.wire import record

TWO = two().data


def cases() -> Cases:
    """All cases of the area."""
    yield from _registering()
    yield from _recording()
    yield from _backends()
    yield from _removing()
    yield from _editing()
    yield from _finding()
    yield from _serializing()
    yield from _loading()
    yield from _foreign()
    yield from _scopes()


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


def _finding() -> Cases:
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


def _serializing() -> Cases:
    script = Script().serialize().says("serialized", need=False)
    yield script.built("CTX/serialize-nothing", "Nothing recorded, nothing serialized.",
                       "PCB-CTX-018")  # fmt: skip
    script = Script().blob("a", b"1").serialize().says(segments=1).blob("b", b"2").serialize()
    script.says(segments=2).serialize().says(segments=2).blob("b", b"3").serialize()
    script.says(segments=3)
    yield script.built("CTX/serialize-appends", "Each save appends what is new.",
                       "PCB-CTX-018 PCB-CTX-019 PCB-CTX-020")  # fmt: skip
    script = Script()
    for name in ("three", "four"):
        script.use(name).record(GRAPH, "g", b"1").entry("s", "g").blob("a", b"2").serialize()
    yield script.built("CTX/the-same-calls", "The same calls give the same bytes.",
                       "PCB-DET-001 PCB-CTX-019")  # fmt: skip
    script = Script().use("here", {"gpu": ["h100"], "flags": ["b", "a"]}).blob("a", b"1")
    script.serialize().says(segments=1)
    yield script.built("CTX/requirements-by-default", "Segments require every fact, exactly.",
                       "PCB-CTX-025 PCB-REQ-001 PCB-REQ-003 PCB-SEC-003")  # fmt: skip
    script = Script().use("here", {"gpu": ["h100"]}, requirements=[("gpu", 2, [])])
    script.blob("a", b"1").serialize()
    yield script.built("CTX/requirements-as-told", "Segments require what the context was told.",
                       "PCB-CTX-025")  # fmt: skip
    script = Script().record(NOTED, "e", b"").blob("e", b"").serialize().says(segments=1)
    yield script.built("CTX/empty-content", "Content may be empty.", "PCB-CTX-018")  # fmt: skip


def _loading() -> Cases:
    script = Script(two=TWO).load("two").says("loaded", current="one two three", need=False)
    script.serialize().says(segments=2).lookup(BLOB, "three").says(found=b"third content")
    yield script.built("CTX/load", "What is loaded is current and saved.",
                       "PCB-CTX-026 PCB-CTX-027")  # fmt: skip
    script = Script(two=TWO).blob("two", b"mine").blob("new", b"1").load("two")
    script.says(current="two new one three", need=True).lookup(BLOB, "two")
    script.says(found=b"second content").serialize().says(segments=3)
    yield script.built("CTX/load-supersedes", "What is loaded supersedes what was recorded.",
                       "PCB-CTX-029 PCB-CTX-026")  # fmt: skip
    script = Script(two=TWO).load("two").blob("new", b"1").serialize().says(segments=3)
    yield script.built("CTX/warm-save-is-a-superset", "A warm process saves a superset.",
                       "PCB-CTX-027 PCB-CTX-018")  # fmt: skip
    script = Script(two=TWO).load("two").load("two").load("two").says(need=False)
    script.serialize().says(segments=2)
    yield script.built("CTX/load-again", "The same bundle again adds no segment.",
                       "PCB-CTX-028")  # fmt: skip
    script = Script().blob("a", b"1").serialize()
    script.load(script.last).serialize().says(segments=1)
    yield script.built("CTX/load-its-own", "A context's own bundle changes nothing.",
                       "PCB-CTX-028")  # fmt: skip
    script = Script(two=TWO).blob("a", b"1").serialize().load("two").load("two").serialize()
    yield script.says(segments=3, need=False).built(
        "CTX/load-again-behind-others", "What is held last already is not appended again.",
        "PCB-CTX-028",
    )  # fmt: skip
    grown = (
        Script(one=bundle(PLAIN).data, two=TWO)
        .load("one")
        .load("two")
        .says(current="one two three")
    )
    grown.serialize().says(segments=2)
    yield grown.built("CTX/load-grown", "A bundle that continues what is held takes its place.",
                      "PCB-CTX-028")  # fmt: skip
    other = bundle(replace(PLAIN, artifacts=(Artifact("two", b"theirs"),))).data
    script = Script(two=TWO, other=other).load("two").load("other").says(current="one two three")
    script.serialize().says(segments=3).lookup(BLOB, "two").says(found=b"theirs")
    yield script.built("CTX/load-two", "Loads follow one another as if concatenated.",
                       "PCB-CTX-026 PCB-CTX-029 PCB-APPD-010")  # fmt: skip
    script = Script(two=TWO).blob("a", b"1").serialize().load("two").serialize()
    script.says(segments=3)
    yield script.built("CTX/load-behind-a-save", "Loaded segments come behind those so far.",
                       "PCB-CTX-026 PCB-CTX-027")  # fmt: skip
    script = Script(two=TWO).load("two").remove(BLOB, "one").load("two")
    script.says(current="two three one", need=False)
    yield script.built("CTX/load-brings-back", "A load brings back what was removed and not"
                       " saved.", "PCB-CTX-026 PCB-CTX-029")  # fmt: skip
    gone = bundle(PLAIN, replace(MORE, removed=[(BLOB, "one")])).data
    script = Script(gone=gone).load("gone").says(current="two three").blob("one", b"first content")
    script.says(need=True, current="two three one").serialize().says(segments=3)
    yield script.built("CTX/recorded-behind-a-loaded-removal", "What a loaded bundle removed is"
                       " saved when it is recorded again.", "PCB-CTX-012 PCB-CTX-026")  # fmt: skip
    torn = TWO + b"torn"
    script = Script(torn=torn).load("torn").says("loaded").serialize().says(segments=2)
    yield script.built("CTX/load-of-a-torn-bundle", "A torn tail is left out and counted.",
                       "PCB-RECV-002 PCB-CTX-026")  # fmt: skip


def _foreign() -> Cases:
    refused = {
        "no-bundle": (b"no bundle", "NOT_A_BUNDLE"),
        "digest": (bundle(PLAIN, replace(MORE, payload_digest=bytes(32))).data, "MALFORMED_FRAME"),
        "feature": (bundle(replace(PLAIN, edit=lambda m: m.required_features.append("x"))).data,
                    "UNSUPPORTED_FEATURE"),
        "reference": (bundle(replace(PLAIN, edit=lambda m: m.blocks.pop())).data, "BAD_REFERENCE"),
    }  # fmt: skip
    for name, (data, code) in refused.items():
        script = Script(bad=data).blob("a", b"1").load("bad").says(refused=code)
        script.serialize().says(segments=1)
        yield script.built(f"CTX/load-refused-{name}", "A load that is refused changes nothing.",
                           "PCB-CTX-026 PCB-CTX-002")  # fmt: skip
    foreign = replace(PLAIN, requirements=[("gpu", 1, ["a100"])])
    mixed = bundle(foreign, MORE).data
    script = Script(mixed=mixed).use("here", {"gpu": ["h100"]}).load("mixed").says(current="three")
    script.blob("new", b"1").serialize().says(segments=3)
    yield script.built("CTX/load-opaque", "Opaque segments are kept and never current.",
                       "PCB-CTX-027 PCB-HOST-006")  # fmt: skip
    script = Script(foreign=bundle(foreign).data).use("here", {"gpu": ["h100"]}).blob("a", b"1")
    script.load("foreign").says(refused="INCOMPATIBLE_ENVIRONMENT").serialize().says(segments=1)
    yield script.built("CTX/load-of-another-host", "A bundle for other hosts is refused.",
                       "PCB-HOST-005 PCB-CTX-026 PCB-CTX-002")  # fmt: skip
    pickle = b"cos\n_exit\n(I3\ntR."  # unpickled, it ends the process
    script = Script(p=bundle(Segment(artifacts=(Artifact("p", pickle),))).data).load("p")
    script.lookup(BLOB, "p").says(found=pickle).populate().says(applied=1)
    yield script.built("CTX/pickle-that-ends-the-process", "Content is not interpreted.",
                       "PCB-READ-006 PCB-POP-009")  # fmt: skip
    other = bundle(Segment(artifacts=(Artifact("k", b"1", type=GRAPH, kind=3),))).data
    script = Script(other=other).load("other").lookup(GRAPH, "k")
    yield script.says(refused="UNKNOWN_ARTIFACT_TYPE").built(
        "CTX/lookup-of-another-kind", "A type under another kind than its own is not handed out.",
        "PCB-CTX-031",
    )  # fmt: skip
    wrong = Segment(
        artifacts=(Artifact("k", b"0123456789"), Artifact("m", b"45")),
        blocks=(Block(b"0123456789"),),
        edit=lambda m: setattr(m.artifacts[1], "content_digest", bytes(32)),
    )
    script = Script(wrong=bundle(wrong).data).load("wrong").lookup(BLOB, "m")
    yield script.says(refused="DIGEST_MISMATCH").populate().says(applied=1).built(
        "CTX/content-under-another-digest", "Content of another digest is not handed out.",
        "PCB-CONT-001 PCB-CTX-030 PCB-POP-005",
    )  # fmt: skip
    unknown = (Artifact("x", b"1", type="vendor.unknown"), Artifact("y", b"2", kind=9),
               Artifact("z", b"3", type="vendor.later", kind=9,
                        backends=[("vendor.b", "k", bytes(32))]))  # fmt: skip
    script = Script(far=bundle(Segment(artifacts=unknown)).data).load("far").says(current="x y z")
    script.lookup("vendor.unknown", "x").says(refused="UNKNOWN_ARTIFACT_TYPE")
    script.blob("new", b"1").serialize().says(segments=2, current="x y z new")
    yield script.built("CTX/unknown-types-and-kinds", "What a context does not know travels.",
                       "PCB-CTX-016 PCB-CTX-031 PCB-EXT-003 PCB-EXT-004")  # fmt: skip
    message = bundle_pb2.Manifest.FromString(payload_of())
    later = record(0x0A, b"later") + record(0x3A, b"value of field 7")
    wide = message.artifacts[0].SerializeToString() + record(0x42, later)
    payload = record(0x2A, message.blocks[0].SerializeToString()) + record(0x32, wide)
    script = Script(later=bundle(replace(MORE, payload=payload)).data).load("later")
    script.lookup(BLOB, "three").says(found=b"third content").serialize().says(segments=1)
    yield script.built("CTX/attribute-of-a-later-type", "It is kept, and handed out to no one.",
                       "PCB-EXT-007")  # fmt: skip
    noted = Artifact("n", b"1", type=NOTED)
    message = bundle_pb2.Manifest.FromString(payload_of(Segment(artifacts=(noted,))))
    later = record(0x0A, b"text") + record(0x3A, b"value of field 7")
    wide = message.artifacts[0].SerializeToString() + record(0x42, later)
    payload = record(0x2A, message.blocks[0].SerializeToString()) + record(0x32, wide)
    segment = Segment(artifacts=(noted,), payload=payload)
    script = Script(later=bundle(segment).data).load("later").lookup(NOTED, "n")
    yield script.says(found=b"1").serialize().says(segments=1).built(
        "CTX/field-of-a-later-type", "A field whose value is of a later type has its default.",
        "PCB-EXT-007 PCB-CTX-017",
    )  # fmt: skip
    block = Block(b"third content", stored=b"THIRD content", entry={"digest": bytes(32)})
    damaged = bundle(PLAIN, replace(MORE, blocks=(block,))).data
    script = Script(damaged=damaged).load("damaged").says("loaded", current="one two three")
    script.lookup(BLOB, "three").says(refused="DIGEST_MISMATCH").lookup(BLOB, "one")
    script.says(found=b"first content").serialize().says(segments=2)
    yield script.built("CTX/load-of-damaged-content", "Damage costs the artifact when it is asked"
                       " for.", "PCB-CTX-030 PCB-CTX-027")  # fmt: skip
    kernel = bundle(Segment(artifacts=(Artifact("g", b"graph", type=GRAPH, kind=BACKEND),)))
    broken = flip(kernel.data, kernel.segments[0].block_offsets[0] + 6)
    script = Script(broken=broken).load("broken").edit("g", b"new").says(refused="DIGEST_MISMATCH")
    yield script.built("CTX/edit-of-damaged-content", "An edit of damaged content is refused.",
                       "PCB-CTX-002 PCB-CTX-030")  # fmt: skip


def _scopes() -> Cases:
    script = (
        Script(two=TWO).load("two").blob("a", b"1").clear().says("done", current="", need=False)
    )
    script.serialize().blob("b", b"2").serialize().says(segments=1, current="b")
    yield script.built("CTX/clear", "Everything is forgotten but the types.",
                       "PCB-CTX-014")  # fmt: skip
    script = Script().blob("a", b"1").serialize().enter().says(current="", need=False)
    script.blob("b", b"2").serialize().says(segments=1, current="b").leave()
    script.says(current="a", need=False).serialize().says(segments=1)
    yield script.built("CTX/fresh", "A block of its own, and the old state back.",
                       "PCB-CTX-015")  # fmt: skip
    script = Script().blob("a", b"1").enter().blob("b", b"2").leave(by_error=True)
    script.says(current="a", need=True)
    yield script.built("CTX/fresh-left-by-an-error", "The state comes back after an error, too.",
                       "PCB-CTX-015")  # fmt: skip
    script = Script().blob("a", b"1").enter().blob("b", b"2").enter().blob("c", b"3").clear()
    script.says(current="").leave().says(current="b").clear().says(current="").leave()
    script.says(current="a", need=True)
    yield script.built("CTX/clear-within-fresh", "Clearing within a block clears its state alone.",
                       "PCB-CTX-014 PCB-CTX-015")  # fmt: skip
