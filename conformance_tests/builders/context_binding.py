"""CTX: the backends that an entry names, and the digests that a save binds it to."""

from builders.case import Cases
from builders.scripting import BLOB, GRAPH, STEP, Script
from precompile_conformance.build import Artifact, Segment, bundle

LONE = bundle(Segment(artifacts=(Artifact("s", b"entry", type=STEP, kind=3,
                                          backends=[(GRAPH, "g", b"")]),))).data  # fmt: skip
BACKEND = bundle(Segment(artifacts=(Artifact("g", b"graph", type=GRAPH, kind=2),))).data


def cases() -> Cases:
    """All cases of naming backends."""
    yield from _bound()
    yield from _missing_at_the_save()
    yield from _recorded_again()


def _entry_and_backend(**files: bytes) -> Script:
    return Script(**files).record(GRAPH, "g", b"1").entry("s", "g")


def _bound() -> Cases:
    for name, saved in {"serialize": Script.serialize, "a-file": Script.save}.items():
        script = saved(_entry_and_backend()).says(need=False).record(GRAPH, "g", b"2")
        script.says(need=True).populate().says(outcomes="s:MISSING_BACKEND", stitched="")
        saved(script).says(segments=2).populate().says(outcomes="s:MISSING_BACKEND")
        yield script.built(
            f"CTX/bound-by-{name}", "A saved entry keeps its digest where its backend is recorded"
            " with other content.", "PCB-CTX-023 PCB-POP-006",
        )  # fmt: skip
        script = saved(_entry_and_backend()).record(GRAPH, "g", b"2").entry("s", "g").populate()
        script.says(stitched="s+g", outcomes="")
        saved(script).says(segments=2, need=False)
        yield script.built(
            f"CTX/bound-by-{name}-recorded-again", "Recorded again, an entry goes with the backend"
            " of now.", "PCB-CTX-023 PCB-CTX-006",
        )  # fmt: skip
        script = saved(_entry_and_backend()).edit("g", b"2").says(need=True).populate()
        script.says(stitched="s+g", outcomes="")
        saved(script).says(segments=2, need=False)
        yield script.built(
            f"CTX/bound-by-{name}-edited", "An edit takes the entry along.",
            "PCB-CTX-011 PCB-CTX-023",
        )  # fmt: skip
        script = saved(_entry_and_backend()).remove(GRAPH, "g").populate()
        script.says(outcomes="s:MISSING_BACKEND")
        saved(script).says(segments=2, current="s").record(GRAPH, "g", b"2").populate()
        script.says(outcomes="s:MISSING_BACKEND").record(GRAPH, "g", b"1").populate()
        script.says(stitched="s+g", outcomes="")
        yield script.built(
            f"CTX/bound-by-{name}-backend-removed", "An entry keeps the digest of a backend that"
            " is removed.", "PCB-CTX-023 PCB-CTX-009 PCB-POP-006",
        )  # fmt: skip
        script = saved(Script().entry("s", "g")).says(need=False).record(GRAPH, "g", b"1")
        script.says(need=True).populate().says(stitched="s+g")
        saved(script).says(segments=2, need=False)
        yield script.built(
            f"CTX/backend-recorded-after-{name}", "An entry that a save wrote without its backend"
            " is unsaved once the backend is there.", "PCB-CTX-024 PCB-CTX-023",
        )  # fmt: skip
    script = _entry_and_backend().edit("g", b"2").record(GRAPH, "g", b"3").populate()
    yield script.says(stitched="s+g", outcomes="").built(
        "CTX/edit-of-what-is-named-without-digest", "An edit gives no digest to what has none.",
        "PCB-CTX-011 PCB-CTX-023",
    )  # fmt: skip


def _missing_at_the_save() -> Cases:
    script = Script(g=BACKEND).entry("s", "g").serialize().says(need=False).load("g")
    script.says(current="s g", need=True).populate().says(stitched="s+g").serialize()
    yield script.says(segments=3, need=False).built(
        "CTX/backend-loaded-after-the-save", "A load brings the missing backend as a record does.",
        "PCB-CTX-024 PCB-CTX-026",
    )  # fmt: skip
    script = Script(s=LONE, g=BACKEND).load("s").load("g").says(current="s g", need=False)
    script.populate().says(outcomes="s:MISSING_BACKEND", stitched="")
    yield script.built(
        "CTX/loaded-without-its-backend", "A loaded entry that names its backend by an empty"
        " digest stays without it, and saved.", "PCB-CTX-024 PCB-POP-006",
    )  # fmt: skip
    script = Script(s=LONE).load("s").record(GRAPH, "g", b"1").serialize().says(segments=2)
    script.populate().says(outcomes="s:MISSING_BACKEND").entry("s", "g").says(need=True).populate()
    script.says(stitched="s+g", outcomes="").serialize().says(segments=3)
    yield script.built(
        "CTX/loaded-without-its-backend-recorded-again", "Until it is recorded again, a loaded"
        " entry is as it was saved.", "PCB-CTX-024 PCB-CTX-023 PCB-POP-006",
    )  # fmt: skip
    script = Script().entry("s", "g").record(GRAPH, "g", b"1").remove(GRAPH, "g").serialize()
    script.says(segments=1, current="s", need=False).remove(STEP, "s").blob("a", b"1")
    yield script.serialize().says(segments=2, current="a").built(
        "CTX/entry-saved-without-its-backend", "A backend that is not there is named by an empty"
        " digest.", "PCB-CTX-023 PCB-ART-001",
    )  # fmt: skip

    other = bundle(Segment((Artifact("g", b"1", type=GRAPH, kind=1),))).data
    script = Script(other=other).load("other").entry("s", "g").serialize().says(segments=2)
    yield script.populate().says(outcomes="g:UNKNOWN_ARTIFACT_TYPE s:MISSING_BACKEND").built(
        "CTX/bound-to-no-other-kind", "What is current under a backend's name and is none is named"
        " by an empty digest.", "PCB-CTX-023 PCB-POP-006",
    )  # fmt: skip


def _recorded_again() -> Cases:
    script = _entry_and_backend().serialize().entry("s", "g").says(need=False)
    script.remove(GRAPH, "g").populate().says(outcomes="s:MISSING_BACKEND")
    script.record(GRAPH, "g", b"2").populate().says(stitched="s+g", outcomes="").serialize()
    yield script.says(segments=2).built(
        "CTX/recorded-again-and-backend-removed", "Recorded again, also as it was, an entry names"
        " its backends without digests.", "PCB-CTX-006 PCB-CTX-023",
    )  # fmt: skip
    script = Script().record(GRAPH, "g", b"1").serialize()
    saved = script.last
    script.use("two").load(saved).remove(GRAPH, "g").serialize().says(segments=2)
    gone = script.last
    script.use("one").entry("s", "g").save().entry("s", "g").says(need=False).load(gone)
    script.says(current="s", need=True).serialize().says(segments=3, need=False)
    yield script.built(
        "CTX/backend-that-a-load-removes", "An entry that names it without a digest is another one"
        " then.", "PCB-CTX-024 PCB-CTX-026 PCB-CTX-023",
    )  # fmt: skip
    script = Script(g=BACKEND).record(GRAPH, "g", b"graph").entry("s", "g").save().entry("s", "g")
    script.load("g").says(need=False).save().says(segments=1).populate()
    yield script.says(stitched="s+g").built(
        "CTX/backend-loaded-as-it-is", "A load of the same backend changes no entry.",
        "PCB-CTX-024 PCB-CTX-012",
    )  # fmt: skip
    script = _entry_and_backend().save().entry("s", "g").says(need=False).record(GRAPH, "g", b"2")
    script.populate().says(stitched="s+g", outcomes="").save().says(segments=2, need=False)
    yield script.built(
        "CTX/recorded-again-after-a-save-to-a-file", "It goes with the backend of the next save"
        " to a file, too.", "PCB-CTX-006 PCB-CTX-023",
    )  # fmt: skip
    script = _entry_and_backend().save()
    script.entry("s", "g").record(BLOB, "a", b"1").remove(BLOB, "a").says(need=False).save()
    yield script.says(segments=1, need=False).built(
        "CTX/recorded-again-unchanged-for-a-file", "The same entry is not written to the file"
        " again.", "PCB-CTX-006 PCB-CTX-021",
    )  # fmt: skip
