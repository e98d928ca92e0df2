"""CTX: saving to files, which others may write to, too, and what is written anew there."""

from builders.bases import PLAIN, flip, two
from builders.case import SIGNATURES, Cases
from builders.decode import MESSAGE
from builders.scripting import BLOB, GRAPH, STEP, Script
from builders.trust import signed
from precompile_conformance.build import Artifact, Block, Segment, bundle
from precompile_conformance.tables import attribute, detail, manifest_of, table_of, type_of
from precompile_conformance.wire import record, sha256, varint

ONE, TWO = bundle(PLAIN).data, two().data


def cases() -> Cases:
    """All cases of saving to files."""
    yield from _appended()
    yield from _removed()
    yield from _need()
    yield from _anew()
    yield from _damaged()
    yield from _no_policy()


def _appended() -> Cases:
    script = Script().blob("a", b"1").save().says("saved", segments=1, need=False)
    script.save().says(segments=1).blob("b", b"2").says(need=True).save()
    yield script.says(segments=2, need=False, current="a b").built(
        "CTX/save", "Each save appends to the file what is new.", "PCB-CTX-021 PCB-CTX-012"
    )
    script = Script(one=ONE).blob("one", b"first content").blob("new", b"1").save("one")
    yield script.says(segments=2).built(
        "CTX/save-what-is-there", "What a file holds is not appended again, whoever wrote it.",
        "PCB-CTX-021 PCB-APPD-001",
    )  # fmt: skip
    script = Script(one=ONE).use("here", {"gpu": ["h100"]}).blob("one", b"first content")
    yield script.save("one").says(segments=1, need=False).built(
        "CTX/save-what-is-there-for-the-host", "What matches the host counts, whatever else the"
        " context would require.", "PCB-CTX-021",
    )  # fmt: skip
    script = Script(torn=ONE + b"torn").blob("one", b"first content").save("torn")
    yield script.says(segments=1, need=False).built(
        "CTX/save-nothing-to-a-torn-file", "A torn tail is cut off also where nothing is appended.",
        "PCB-APPD-006 PCB-APPD-004 PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().use("two").blob("a", b"2").save().says(segments=2)
    script.use("one").says(need=False).save().says(segments=3, need=False).use("three")
    yield script.load("saved").lookup(BLOB, "a").says(found=b"1").built(
        "CTX/save-behind-another-writer", "What another put in place of an artifact is superseded"
        " again.", "PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").save().blob("b", b"3").blob("a", b"4").save()
    yield script.says(segments=2, current="a b").built(
        "CTX/save-in-first-recorded-order", "What supersedes keeps the place of what was there.",
        "PCB-DET-004 PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().save("other").says(segments=1).load("other")
    yield script.says("loaded", segments=1, current="a", need=False).built(
        "CTX/save-to-two-files", "A file gets what it does not hold.", "PCB-CTX-021"
    )
    foreign = bundle(Segment(PLAIN.artifacts, requirements=[("gpu", 1, ["a100"])])).data
    script = Script(far=foreign).use("here", {"gpu": ["h100"]}).blob("one", b"mine").save("far")
    yield script.says(segments=2).load("far").says("loaded", segments=2, current="one").built(
        "CTX/save-behind-another-hosts", "A bundle for other hosts alone is appended to.",
        "PCB-APPD-004 PCB-CTX-021",
    )  # fmt: skip
    script = Script().use("here", {"gpu": ["h100"]}, requirements=[("gpu", 1, ["a100"])])
    script.blob("a", b"1").save().says(segments=1).save().says(segments=1).remove(BLOB, "a")
    yield script.save().says(segments=2).built(
        "CTX/save-for-another-host", "Segments with the context's requirements count, whatever"
        " its host.", "PCB-CTX-021 PCB-CTX-025",
    )  # fmt: skip
    script = Script(torn=TWO[:-1]).blob("a", b"1").save("torn").says(segments=2)
    yield (
        script.load("torn")
        .says(current="a one two")
        .built("CTX/save-to-a-torn-file", "A torn tail is cut off.", "PCB-APPD-006 PCB-CTX-021")
    )
    script = Script(no=b"no bundle").blob("a", b"1").save("no").says(refused="NOT_A_BUNDLE")
    yield (
        script.says(refused="NOT_A_BUNDLE", need=True)
        .save("new")
        .says(segments=1)
        .built(
            "CTX/save-refused",
            "A save that is refused changes nothing.",
            "PCB-CTX-002 PCB-APPD-004",
        )
    )


def _removed() -> Cases:
    script = Script().blob("a", b"1").blob("b", b"2").save().remove(BLOB, "a").says(need=True)
    yield (
        script.save()
        .says(segments=2, need=False)
        .save()
        .says(segments=2)
        .built(
            "CTX/save-of-a-removal", "A removal is written to the file.", "PCB-CTX-021 PCB-CTX-009"
        )
    )
    script = Script().blob("a", b"1").blob("b", b"2").save().remove(BLOB, "a").blob("a", b"1")
    yield script.says(need=True, current="b a").save().says(segments=2, need=False).built(
        "CTX/save-of-what-was-removed-and-recorded", "Removed and recorded again is written as"
        " both.", "PCB-CTX-021 PCB-CTX-009 PCB-CURR-004",
    )  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").blob("c", b"3").save().remove(BLOB, "c")
    yield script.remove(BLOB, "a").save().says(segments=2, current="b").built(
        "CTX/save-of-removals-in-order", "Removals stand in the order in which they were made.",
        "PCB-DET-005 PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().save("other").remove(BLOB, "a").says(need=True)
    script.save("third").says(need=False).save().says(segments=1).save("other").says(segments=1)
    script = script.blob("b", b"2").save("third").says(segments=1)
    yield script.built(
        "CTX/save-of-a-removal-once", "A removal is for the next file that is saved to, whether"
        " or not it holds the name.", "PCB-CTX-021 PCB-CTX-012",
    )  # fmt: skip
    script = Script(one=ONE).blob("one", b"mine").save().remove(BLOB, "one").save("one")
    yield script.says(segments=2, current="").built(
        "CTX/save-of-a-removal-of-anothers", "The removal of a name is written whoever put it into"
        " the file.", "PCB-CTX-021 PCB-CTX-009",
    )  # fmt: skip
    script = Script(one=ONE).blob("one", b"mine").remove(BLOB, "one").says(need=False)
    yield script.blob("b", b"1").save("one").says(segments=2, current="b").built(
        "CTX/save-of-what-was-never-saved", "What no save covered leaves no removal.",
        "PCB-CTX-021 PCB-CTX-009",
    )  # fmt: skip


def _need() -> Cases:
    script = Script().blob("a", b"1").serialize().says(need=False).blob("b", b"2").says(need=True)
    script.save().says(segments=1, need=False).remove(BLOB, "a").says(need=True).serialize()
    yield script.says(segments=2, need=False).save().says(segments=2, need=False).built(
        "CTX/need-where-neither-has-it", "What one way of saving has written is saved; each keeps"
        " a book of its own.", "PCB-CTX-012 PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().remove(BLOB, "a").says(need=True).serialize()
    yield script.says(need=True).save().says(segments=2, need=False).built(
        "CTX/need-of-a-removal-for-files", "A removal is unsaved where the other book never held"
        " the name.", "PCB-CTX-012 PCB-CTX-018",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().blob("a", b"2").blob("a", b"1").says(need=True)
    yield script.save().says(segments=1, need=False).built(
        "CTX/back-to-what-a-file-holds", "What was recorded since the save is changed, until a"
        " save finds it in the file.", "PCB-CTX-012 PCB-CTX-021",
    )  # fmt: skip
    script = Script().blob("a", b"1").save().clear().blob("a", b"1").says(need=True)
    script.remove(BLOB, "a").says(need=False).blob("b", b"2").save().says(segments=2, current="b")
    yield script.built(
        "CTX/clear-forgets-what-files-hold", "The books are forgotten, too.",
        "PCB-CTX-014 PCB-CTX-012",
    )  # fmt: skip
    script = Script().blob("a", b"1").serialize().clear().blob("a", b"1").remove(BLOB, "a")
    yield script.says(need=False).serialize().built(
        "CTX/clear-forgets-what-was-serialized", "What was serialized before leaves no removal.",
        "PCB-CTX-014 PCB-CTX-012",
    )  # fmt: skip


def _later(value: bytes) -> bytes:
    """An artifact with an attribute of a later type, and fields of a later version."""
    fields = b"".join(varint(number << 3 | 2) + b"\x05later" for number in (16, 31))
    one = attribute(record(0x0A, b"later"), record(0x3A, value))
    table = table_of(MESSAGE, types=type_of(MESSAGE, fields), details=detail(0, one, fields))
    payload = manifest_of(MESSAGE, table + fields) + fields
    return bundle(Segment((Artifact("three", b"third content"),), payload=payload)).data


def _anew() -> Cases:
    later = Artifact("y", b"2", type="vendor.later", kind=9,
                     backends=[("vendor.b", "k", sha256(b"k"))])  # fmt: skip
    artifacts = (Artifact("x", b"1", type="vendor.unknown", attributes={"n": 1, "t": "x"}), later)
    script = Script(far=bundle(Segment(artifacts)).data).load("far").save().says(segments=1)
    yield script.save().says(segments=1, need=False).built(
        "CTX/save-of-unknown-types-and-kinds", "Written anew, an artifact keeps its kind, backends"
        " and attributes.", "PCB-EXT-008 PCB-CTX-016",
    )  # fmt: skip
    minus = bundle(Segment((Artifact("m", b"1", type="vendor.later", kind=-1),))).data
    yield Script(far=minus).load("far").save().says(segments=1).built(
        "CTX/save-of-a-kind-below-0", "An enum's value below 0 takes all 64 bits of a varint, as"
        " protobuf has it.", "PCB-EXT-008 PCB-DET-003",
    )  # fmt: skip
    script = Script(x=_later(b"x"), y=_later(b"y")).load("x").save().says(segments=1)
    script.save().says(segments=1).use("two").load("y").save().says(segments=2)
    yield script.use("three").load("y").save().says(segments=2).built(
        "CTX/save-of-later-fields", "A value of a later type is written anew as it was, other"
        " fields of a later version are left out.", "PCB-EXT-008 PCB-EXT-007 PCB-EXT-006",
    )  # fmt: skip
    named = Artifact("c", b"1", backends=[(GRAPH, "g", sha256(b"g"))])
    script = Script(named=bundle(Segment((named,))).data).load("named").blob("c", b"1")
    script.says(need=False).save().says(segments=1).use("two").blob("c", b"1").save("named")
    yield script.says(segments=1).built(
        "CTX/save-of-ignored-backends", "Backends that a reader ignores are none, and are left"
        " out.", "PCB-EXT-008 PCB-ART-002 PCB-CTX-006",
    )  # fmt: skip


def _damaged() -> Cases:
    built = bundle(PLAIN)
    damaged = flip(built.data, built.segments[0].block_offsets[0] + 6)
    script = Script(damaged=damaged).load("damaged").save().says(segments=1, current="one two")
    yield script.use("two").load("saved").says(current="two").built(
        "CTX/save-of-damaged-content", "What cannot be read is left out of the file.",
        "PCB-CTX-021 PCB-CTX-030",
    )  # fmt: skip
    graph = Artifact("g", b"graph", type=GRAPH, kind=2)
    step = Artifact("s", b"entry", type=STEP, kind=3, backends=[(GRAPH, "g", sha256(b"graph"))])
    block = Block(b"entry", stored=b"ENTRY", entry={"digest": bytes(32)})
    broken = bundle(Segment((graph, step), blocks=(Block(b"graph"), block))).data
    script = Script(broken=broken).load("broken").serialize().says(segments=1).edit("g", b"new")
    script.says(need=True).serialize().says(refused="DIGEST_MISMATCH").save().says(segments=1)
    yield script.use("two").load("saved").says(current="g").built(
        "CTX/serialize-of-damaged-content", "An entry that an edit bound anew has to be written,"
        " and cannot be.", "PCB-CTX-018 PCB-CTX-030 PCB-CTX-002",
    )  # fmt: skip


def _no_policy() -> Cases:
    bundles = {"unsigned": (ONE, "UNSIGNED"), "signed": (signed("a").data, "UNTRUSTED_SIGNER")}
    for name, (data, code) in bundles.items():
        script = Script(file=data).use("careless", no_policy=True).blob("a", b"1").load("file")
        script.says(refused=code, current="a").save("file").says(refused=code, need=True)
        script.save("new").says(segments=1).use("one").load("file").says("loaded", segments=1)
        yield script.built(
            f"CTX/no-policy-{name}", "Where no policy was chosen, no bundle is loaded or appended"
            " to.", "PCB-SIGN-009 PCB-APPD-004", needs=[SIGNATURES],
        )  # fmt: skip
