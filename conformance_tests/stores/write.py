"""Writes the cases: each a store, and what a reader is to find in it."""

import hashlib
import json
import shutil
from pathlib import Path

from precompile_conformance.build import Artifact, BuiltBundle, Segment, bundle
from precompile_conformance.wire import sha256

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


if __name__ == "__main__":
    main()
