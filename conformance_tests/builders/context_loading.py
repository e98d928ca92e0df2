"""CTX: what a load takes away, and what stays: chains know nothing of each other."""

from dataclasses import replace

from builders.bases import MORE, PLAIN
from builders.case import Cases
from builders.scripting import BLOB, Script
from precompile_conformance.build import Artifact, Segment, bundle

RULES = "PCB-CTX-026 PCB-CTX-012 PCB-CURR-006"
ONE = bundle(PLAIN).data
# ONE, and behind it a segment that removes "one" and adds "three".
GROWN = bundle(PLAIN, replace(MORE, removed=[(BLOB, "one")])).data
OTHER = bundle(Segment((Artifact("x", b"1"),))).data


def cases() -> Cases:
    """All cases of what loads take away."""
    yield from _grown()
    yield from _recorded_here()
    yield from _apart()
    yield from _files()


def _grown() -> Cases:
    script = Script(one=ONE, grown=GROWN).load("one").load("grown")
    yield script.says(current="two three", need=False).serialize().says(segments=2).built(
        "CTX/load-grown-that-removed", "What a bundle removed since it was loaded goes.", RULES,
    )  # fmt: skip
    script = Script(one=ONE, grown=GROWN).load("one").blob("one", b"first content")
    yield script.load("grown").says(current="two three", need=False).built(
        "CTX/load-grown-that-removed-what-was-recorded-again", "The same artifact, recorded again,"
        " is saved as it is, and goes.", f"{RULES} PCB-CTX-006",
    )  # fmt: skip
    back = bundle(
        PLAIN, Segment(removed=[(BLOB, "one")]), Segment((Artifact("one", b"again"),))
    ).data
    script = Script(one=ONE, back=back).load("one").load("back").says(current="one two", need=False)
    yield script.lookup(BLOB, "one").says(found=b"again").built(
        "CTX/load-grown-that-brings-back", "What was removed and recorded again keeps its place"
        " where it was held.", f"{RULES} PCB-CTX-029",
    )  # fmt: skip
    script = Script(one=ONE, grown=GROWN).load("one").remove(BLOB, "one").says(need=True)
    script.load("grown").says(current="two three").blob("one", b"first content").says(need=True)
    yield script.serialize().says(segments=3, need=False).built(
        "CTX/load-grown-that-removed-what-was-removed", "What is removed in both is not held.",
        RULES,
    )  # fmt: skip
    script = Script(grown=GROWN, one=ONE).load("grown").blob("one", b"again").says(need=True)
    script.remove(BLOB, "one").says(need=True, current="two three").save("one").says(segments=2)
    yield script.says(need=False).built(
        "CTX/removal-of-what-a-load-removed", "A name that a loaded segment lists is held, also"
        " where the bundle removed it: its removal is written.",
        "PCB-CTX-012 PCB-CTX-009 PCB-CTX-026",
    )  # fmt: skip
    script = Script().blob("a", b"1").blob("b", b"2").serialize()
    saved = script.last
    script.use("two").load(saved).remove(BLOB, "a").blob("c", b"3").serialize()
    grown = script.last
    yield script.use("one").load(grown).says(current="b c", need=False).built(
        "CTX/load-of-what-another-made-of-it", "A bundle goes on from what was serialized here as"
        " from what was loaded.", RULES,
    )  # fmt: skip
    script = Script(one=ONE, grown=GROWN).load("one").load("grown").load("one")
    yield script.says(current="two three one", need=False).serialize().says(segments=3).built(
        "CTX/load-of-an-older-one", "An older bundle brings back what it holds.", RULES,
    )  # fmt: skip
    host = {"gpu": ["h100"]}
    script = Script().use("here", host, requirements=[("gpu", 1, ["a100"])]).blob("a", b"1")
    saved = script.serialize().last
    script.use("there", {"gpu": ["a100"]}).load(saved).remove(BLOB, "a").blob("c", b"3")
    removed = script.serialize().last
    script.use("anywhere", {"gpu": ["a100"]}, requirements=[]).load(removed).blob("b", b"2")
    last = script.serialize().last
    yield script.use("here").load(last).says(current="a b", need=False).built(
        "CTX/load-grown-that-removed-for-another-host", "What an opaque segment lists and removes"
        " is neither here.", f"{RULES} PCB-HOST-006 PCB-CTX-025",
    )  # fmt: skip


def _recorded_here() -> Cases:
    script = Script(one=ONE, grown=GROWN).load("one").blob("one", b"mine").load("grown")
    script.says(current="one two three", need=True).lookup(BLOB, "one").says(found=b"mine")
    yield script.serialize().says(segments=3, need=False).built(
        "CTX/load-grown-that-removed-what-was-superseded", "What was recorded here stays, unsaved.",
        f"{RULES} PCB-CTX-018",
    )  # fmt: skip
    script = Script(one=ONE, grown=GROWN).load("one").blob("one", b"mine").save().load("grown")
    yield script.says(current="one two three", need=False).serialize().says(segments=3).built(
        "CTX/load-grown-that-removed-what-a-file-has", "What was recorded here stays, and is"
        " written to where it is not.", f"{RULES} PCB-CTX-018",
    )  # fmt: skip
    script = Script(grown=GROWN).blob("one", b"mine").load("grown").says(current="one two three",
                                                                          need=True)  # fmt: skip
    yield script.serialize().says(segments=3, need=False).built(
        "CTX/load-of-what-removed-it", "What no chain of the bundle brought here stays.", RULES,
    )  # fmt: skip


def _apart() -> Cases:
    script = Script(x=OTHER, one=ONE, grown=GROWN).load("x").load("one").load("grown")
    yield script.says(current="x one two three", need=False).serialize().says(segments=4).built(
        "CTX/load-that-goes-on-from-a-part", "A bundle that goes on from a part of what is held"
        " takes nothing away.", f"{RULES} PCB-CTX-028",
    )  # fmt: skip
    shard = bundle(Segment((Artifact("one", b"other"), Artifact("s", b"1"))),
                   Segment(removed=[(BLOB, "one")])).data  # fmt: skip
    script = Script(one=ONE, shard=shard).load("one").load("shard")
    yield script.says(current="one two s", need=False).lookup(BLOB, "one").says(
        found=b"first content"
    ).built(
        "CTX/load-of-a-shard-that-removed-its-own", "What another chain recorded and removed stays"
        " as it was.", RULES,
    )  # fmt: skip
    both = ONE + shard
    script = Script(both=both).load("both").says(current="one two s").lookup(BLOB, "one")
    yield script.says(found=b"first content").built(
        "CTX/load-of-concatenated-shards", "A concatenation is the union of its bundles.",
        f"{RULES} PCB-APPD-010",
    )  # fmt: skip
    script = Script(one=ONE, both=both).load("one").load("both")
    yield script.says(current="one two s", need=False).serialize().says(segments=3).built(
        "CTX/load-of-what-was-concatenated-to-it", "A bundle that goes on with another chain takes"
        " nothing away.", f"{RULES} PCB-CTX-028",
    )  # fmt: skip
    dropped = bundle(PLAIN).data + bundle(Segment(removed=[(BLOB, "one"), (BLOB, "two")])).data
    script = Script(one=ONE, dropped=dropped).load("one").load("dropped")
    yield script.says(current="one two", need=False).built(
        "CTX/load-of-removals-in-another-chain", "Removals of another chain take nothing away.",
        RULES,
    )  # fmt: skip


def _files() -> Cases:
    shards = (
        bundle(PLAIN).data
        + bundle(Segment((Artifact("one", b"other"),)), Segment(removed=[(BLOB, "one")])).data
    )
    script = Script(shards=shards).blob("one", b"first content").save("shards")
    yield script.says(segments=3, need=False).built(
        "CTX/save-to-concatenated-shards", "A file holds the union of its chains.",
        "PCB-CTX-021 PCB-CURR-006",
    )  # fmt: skip
    script = Script(shards=shards).blob("one", b"mine").save("shards").says(segments=4, need=False)
    script.remove(BLOB, "one").says(need=True).save("shards").says(segments=5, need=False)
    script.save("shards").says(segments=5, current="").use("two").load("shards")
    yield script.says(current="one two").lookup(BLOB, "one").says(found=b"first content").built(
        "CTX/save-of-a-removal-behind-another-chain", "A removal is written once, and takes from"
        " the last chain alone.", "PCB-CTX-021 PCB-CTX-009 PCB-CURR-003 PCB-CURR-006",
    )  # fmt: skip
