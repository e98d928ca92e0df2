"""CTX: serializing and loading, what is foreign, and states of their own."""

from dataclasses import replace

from builders.bases import MORE, PLAIN, digest_at, flip, two
from builders.case import Cases
from builders.decode import MESSAGE, payload_of
from builders.scripting import BACKEND, BLOB, GRAPH, NOTED, Script
from precompile.v1 import bundle_pb2
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.tables import attribute, detail, manifest_of, table_of
from precompile_conformance.wire import record

TWO = two().data


def cases() -> Cases:
    """All cases of these operations."""
    yield from _serializing()
    yield from _loading()
    yield from _foreign()
    yield from _scopes()


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
    apart = {name: bundle(Segment((Artifact(name, b"1"),))).data for name in "xac"}
    chain = {"xa": apart["x"] + apart["a"], "ac": apart["a"] + apart["c"], **apart}
    for first, second, segments, shows in (
        ("xa", "a", 2, "What is held last is not appended again."),
        ("xa", "x", 3, "What is held, and not last, is appended again."),
        ("x", "xa", 2, "A bundle that begins with all that is held takes its place."),
        ("xa", "ac", 4, "A bundle that begins with the end of what is held is appended whole."),
        ("a", "xa", 3, "A bundle that ends with what is held is appended whole."),
    ):
        script = Script(**{name: chain[name] for name in (first, second)}).load(first).load(second)
        yield (
            script.serialize()
            .says(segments=segments, need=False)
            .built(f"CTX/load-{first}-and-{second}", shows, "PCB-CTX-028 PCB-CTX-026")
        )
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
        edit=digest_at(1, bytes(32)),
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
    later = attribute(record(0x0A, b"later"), record(0x3A, b"value of field 7"))
    payload = manifest_of(MESSAGE, table_of(MESSAGE, details=detail(0, later)))
    script = Script(later=bundle(replace(MORE, payload=payload)).data).load("later")
    script.lookup(BLOB, "three").says(found=b"third content").serialize().says(segments=1)
    yield script.built("CTX/attribute-of-a-later-type", "It is kept, and handed out to no one.",
                       "PCB-EXT-007")  # fmt: skip
    noted = Artifact("n", b"1", type=NOTED)
    message = bundle_pb2.Manifest.FromString(payload_of(Segment(artifacts=(noted,))))
    later = attribute(record(0x0A, b"text"), record(0x3A, b"value of field 7"))
    payload = manifest_of(message, table_of(message, details=detail(0, later)))
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
    script = Script().use("two", types=()).enter().register(BLOB, 1, {}).blob("a", b"1").leave()
    yield script.says(current="").blob("b", b"2").says("done", current="b").built(
        "CTX/register-within-fresh", "Types belong to the context, not to its state.",
        "PCB-CTX-015",
    )  # fmt: skip
    script = Script().blob("a", b"1").enter().blob("b", b"2").leave(by_error=True)
    script.says(current="a", need=True)
    yield script.built("CTX/fresh-left-by-an-error", "The state comes back after an error, too.",
                       "PCB-CTX-015")  # fmt: skip
    script = Script().blob("a", b"1").enter().blob("b", b"2").enter().blob("c", b"3").clear()
    script.says(current="").leave().says(current="b").clear().says(current="").leave()
    script.says(current="a", need=True)
    yield script.built("CTX/clear-within-fresh", "Clearing within a block clears its state alone.",
                       "PCB-CTX-014 PCB-CTX-015")  # fmt: skip
