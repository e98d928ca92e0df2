// The layout of stores, by the cases in conformance_tests/stores.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { BytesSource, JoinedSource, openStore, pieceName, piecesOfManifest, type Piece } from "../src/index.js";
import { toHex } from "../src/bytes.js";

// From dist/test/ to the cases.
const CASES = new URL("../../../../stores/cases/", import.meta.url);

interface Expected {
  readonly pieces: readonly string[];
  readonly left_out: readonly string[];
  readonly bundle_digest: string | null;
  readonly keys: readonly string[];
}

const bytesAt = (url: URL): Uint8Array => new Uint8Array(readFileSync(url));

/** The objects below the case's prefix that are pieces, by the names of all that lie there. */
function objects(place: URL): Piece[] {
  const paths = readdirSync(place, { recursive: true, encoding: "utf8" });
  return paths.reverse().flatMap((path) => {
    const name = pieceName(path);
    return name === undefined ? [] : [{ name, source: new BytesSource(bytesAt(new URL(path, place))) }];
  });
}

/** The pieces that the case's manifest lists, each of its layers, whose digests hold. */
function blobs(place: URL): Piece[] {
  const manifest: unknown = JSON.parse(readFileSync(new URL("manifest.json", place), "utf8"));
  return [...piecesOfManifest(manifest)].map(([name, layers]) => ({
    name,
    source: new JoinedSource(layers.map(({ digest, size }) => {
      const [, hex] = digest.split(":") as [string, string];
      const bytes = bytesAt(new URL(`blobs/${hex}`, place));
      assert.equal(createHash("sha256").update(bytes).digest("hex"), hex);
      assert.equal(bytes.length, size);
      return new BytesSource(bytes);
    })),
  }));
}

// Cases of build caches are not ours: they are asked by gRPC, which a page cannot speak.
const isOurs = (name: string): boolean => !readdirSync(new URL(name, CASES)).includes("entries.json");

for (const name of readdirSync(CASES).filter(isOurs)) {
  test(`the store ${name} is read as the case says`, async () => {
    const place = new URL(`${name}/`, CASES);
    const expected = JSON.parse(readFileSync(new URL("expected.json", place), "utf8")) as Expected;
    const isRegistry = readdirSync(place).includes("manifest.json");
    const found = await openStore(isRegistry ? blobs(place) : objects(new URL("store/", place)));
    assert.deepEqual(found.pieces, expected.pieces);
    assert.deepEqual([...found.leftOut.keys()].sort(), expected.left_out);
    assert.equal(found.bundle ? toHex(found.bundle.digest) : null, expected.bundle_digest);
    assert.deepEqual((found.bundle?.current ?? []).map(({ key }) => key).sort(), expected.keys);
    for (const artifact of found.bundle?.current ?? []) await found.bundle?.read(artifact);
  });
}

test("a manifest of something else, or with layers that name no blob, is refused", () => {
  const artifactType = "application/vnd.precompile.bundle";
  const digest = `sha256:${"0".repeat(64)}`;
  const layers: unknown[] = [
    { digest: "sha256:12", size: 1 },
    { digest, size: -1 },
    { digest, size: 2 ** 60 },
    { digest, size: 1, annotations: { "vnd.precompile.piece": "../x" } },
    null,
    7,
  ];
  for (const layer of layers) {
    assert.throws(() => piecesOfManifest({ artifactType, layers: [layer] }), /a layer/);
  }
  for (const manifest of [null, [], {}, { artifactType }, { layers: [] }]) {
    assert.throws(() => piecesOfManifest(manifest), /not a manifest/);
  }
});

test("layers that name no piece are one piece, whose digest is not known before", () => {
  const layer = { digest: `sha256:${"0".repeat(64)}`, size: 1 };
  const manifest = { artifactType: "application/vnd.precompile.bundle", layers: [layer, layer] };
  assert.deepEqual([...piecesOfManifest(manifest).values()], [[layer, layer]]);
});
