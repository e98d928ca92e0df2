"""Writes the cases: each a store, and what a reader is to find in it."""

import hashlib
import json
import shutil
from pathlib import Path

from precompile_conformance.build import Artifact, BuiltBundle, Segment, bundle
from precompile_conformance.wire import record, sha256, varint

CASES = Path(__file__).parent / "cases"
SEGMENT = "application/vnd.precompile.segment"


def built(*keys: str) -> BuiltBundle:
    """One chain, a segment for each key."""
    return bundle(*(Segment(artifacts=(Artifact(key, key.encode() * 9),)) for key in keys))


def name_of(*bundles: BuiltBundle) -> str:
    """The bundle digest of these, one behind another."""
    payloads = [sha256(one.payload) for each in bundles for one in each.segments]
    return hashlib.sha256(b"".join(payloads)).hexdigest()


def path_of(piece: BuiltBundle) -> str:
    """Where it lies."""
    return f"pieces/{name_of(piece)}.precompile"


def write(
    case: str,
    requirements: list[str],
    files: dict[str, bytes],
    pieces: list[BuiltBundle],
    keys: list[str],
    left_out: list[str],
    folder: str = "store",
) -> None:
    """A case whose reader uses `pieces`, and finds `keys`."""
    place = CASES / case
    for path, data in files.items():
        file = place / folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    ordered = sorted(pieces, key=name_of)
    expected = {
        "requirements": requirements,
        "pieces": [name_of(piece) for piece in ordered],
        "left_out": sorted(left_out),
        "bundle_digest": name_of(*ordered) if ordered else None,
        "keys": sorted(keys),
    }
    (place / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def objects(*pieces: BuiltBundle) -> dict[str, bytes]:
    """The pieces where writers put them."""
    return {path_of(piece): piece.data for piece in pieces}


def main() -> None:
    """Write all, in the place of what is there."""
    shutil.rmtree(CASES, ignore_errors=True)
    a, b, c = built("a"), built("b", "b2"), built("c")
    write("one_piece", ["STORE-001"], objects(a), [a], ["a"], [])
    abc = ["a", "b", "b2", "c"]
    write("order_of_digests", ["STORE-002", "STORE-004"], objects(c, a, b), [a, b, c], abc, [])
    others = {
        "notes.txt": b"not a piece",
        f"pieces/{name_of(b).upper()}.precompile": b.data,
        f"pieces/{name_of(b)}.precompile.part": b.data,
        f"pieces/{name_of(b)[:-1]}.precompile": b.data,
    }
    write("other_objects", ["STORE-002"], {**objects(a), **others}, [a], ["a"], [])
    wrong = f"{0:064x}"
    misnamed = {f"pieces/{wrong}.precompile": b.data}
    write("name_of_another", ["STORE-003"], {**objects(a), **misnamed}, [a], ["a"], [wrong])
    torn = {path_of(b): b.data[:-1]}
    write("torn_piece", ["STORE-003"], {**objects(a), **torn}, [a], ["a"], [name_of(b)])
    empty = {path_of(b): b""}
    write("empty_piece", ["STORE-003"], {**objects(a), **empty}, [a], ["a"], [name_of(b)])
    write("no_piece", ["STORE-002"], {"notes.txt": b"not a piece"}, [], [], [])
    registry("manifest_of_pieces", ["STORE-011", "STORE-012"], [b, a], ["a", "b", "b2"])
    # One slot was left empty, one was emptied, and the last two are behind what the bounds say.
    slots = {"slot 2": b, "door 3": None, "slot 4": "deleted", "slot 5": c, "slot 6": a}
    build_cache("slots", ["STORE-020", "STORE-022"], slots, "slots 2 5", [a, b, c], abc)
    build_cache("slots_without_bounds", ["STORE-022"], {"slot 0": a}, None, [a], ["a"])


def registry(
    case: str, requirements: list[str], pieces: list[BuiltBundle], keys: list[str]
) -> None:
    """A manifest with the pieces' segments, whose layers do not stand in the pieces' order."""
    blobs, layers = {}, []
    for piece in pieces:
        for segment in piece.segments:
            digest = hashlib.sha256(segment.data).hexdigest()
            blobs[digest] = segment.data
            notes = {"vnd.precompile.piece": name_of(piece)}
            size = len(segment.data)
            layer = {"mediaType": SEGMENT, "digest": f"sha256:{digest}", "size": size}
            layers.append({**layer, "annotations": notes})
    write(case, requirements, blobs, pieces, keys, [], "blobs")
    config = {
        "mediaType": "application/vnd.oci.empty.v1+json",
        "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
        "size": 2,
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": "application/vnd.precompile.bundle",
        "config": config,
        "layers": layers,
    }
    (CASES / case / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def build_cache(
    case: str,
    requirements: list[str],
    held: dict[str, BuiltBundle | str | None],
    bounds: str | None,
    pieces: list[BuiltBundle],
    keys: list[str],
) -> None:
    """Entries of an action cache for the name `train`, and the blobs that they name."""
    blobs: dict[str, bytes] = {}
    entries = [entry(["bounds"], bounds, [])] if bounds else []
    for which, what in held.items():
        if isinstance(what, BuiltBundle):
            data = [segment.data for segment in what.segments]
            blobs |= {hashlib.sha256(one).hexdigest(): one for one in data}
            entries.append(entry(which.split(), f"piece {name_of(what)}", data))
        else:
            entries.append(entry(which.split(), what or "closed", []))
    write(case, requirements, blobs, pieces, keys, [], "blobs")
    (CASES / case / "entries.json").write_text(json.dumps(entries, indent=1) + "\n")


def entry(which: list[str], text: str, segments: list[bytes]) -> dict[str, object]:
    """One entry: the digest of its action, and what its result says."""
    command = b"".join(_field(1, one.encode()) for one in ["precompile-bundle", "train", *which])
    action = _field(1, _digest(command)) + _field(2, _digest(b""))
    files = [
        {
            "path": f"{number:06d}.segment",
            "hash": hashlib.sha256(segment).hexdigest(),
            "size": len(segment),
        }
        for number, segment in enumerate(segments)
    ]
    key = {"hash": hashlib.sha256(action).hexdigest(), "size": len(action)}
    return {"action": key, "stdout": text, "files": files}


def _digest(data: bytes) -> bytes:
    """A message Digest; a size of 0 is left out."""
    size = b"\x10" + varint(len(data)) if data else b""
    return _field(1, hashlib.sha256(data).hexdigest().encode()) + size


def _field(number: int, data: bytes) -> bytes:
    return record(number << 3 | 2, data)


if __name__ == "__main__":
    main()
