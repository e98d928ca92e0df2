import assert from "node:assert/strict";
import { test } from "node:test";

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { ArtifactTableSchema, type ArtifactTable } from "../gen/precompile/v1/artifact_pb.js";
import { concatBytes } from "../src/bytes.js";
import { writeVarint } from "../src/varint.js";
import { BytesSource, Reader } from "../src/index.js";
import { bundleOfPayload, bytesOf, payloadOf, tableOf, type Row } from "./bundles.js";
import { refusal } from "./refused.js";

const open = async (...payloads: Uint8Array[]): Promise<Reader> =>
  Reader.open(new BytesSource(await bundleOfPayload(concatBytes(payloads))));
const outcome = async (...payloads: Uint8Array[]): Promise<string> =>
  (await refusal(open(...payloads)))[0];

const rows: Row[] = [{ key: "a" }, { key: "b", kind: 2 }, { key: "c", type: "demo.other", kind: 3 }];

/** The outcome of a table that is that of `rows` but for one change. */
async function changed(change: (table: ArtifactTable) => unknown): Promise<string> {
  const table = await tableOf(rows);
  change(table);
  return outcome(payloadOf({ artifacts: table }));
}

/** An occurrence of the table with these bytes, as a field of the manifest. */
const occurrence = (...bytes: number[]): Uint8Array =>
  Uint8Array.of(0x32, ...writeVarint(bytes.length), ...bytes);

test("columns have one length", async () => {
  assert.equal(await changed(() => undefined), "accepted");
  for (const column of ["type", "key", "contentSize", "block", "offset"] as const) {
    const one = { type: 0, key: "k", contentSize: 0n, block: 0, offset: 0n }[column];
    assert.equal(await changed((table) => table[column].pop()), "MALFORMED_MANIFEST", `${column} less`);
    assert.equal(
      await changed((table) => (table[column] as unknown[]).push(one)), "MALFORMED_MANIFEST", `${column} more`);
  }
  for (const size of [0, 64, 95, 97, 128]) {
    const code = await changed((table) => (table.contentDigest = new Uint8Array(size)));
    assert.equal(code, "MALFORMED_MANIFEST", `${size} bytes of digests`);
  }
});

test("a type is the index of one that is listed", async () => {
  assert.equal(await changed((table) => (table.type[1] = 2)), "accepted");
  assert.equal(await changed((table) => (table.type[1] = 3)), "MALFORMED_MANIFEST");
  assert.equal(await changed((table) => (table.type[1] = 2 ** 32 - 1)), "MALFORMED_MANIFEST");
});

test("a type is listed once with each kind, by the kind's low 32 bits", async () => {
  const type = (name: string, kind: number) => ({ $typeName: "precompile.v1.ArtifactType" as const, name, kind });
  assert.equal(await changed((table) => table.types.push(type("demo.other", 4))), "accepted");
  assert.equal(await changed((table) => table.types.push(type("demo.other", 3))), "MALFORMED_MANIFEST");
  assert.equal(await changed((table) => table.types.push(type("Demo", 1))), "INVALID_NAME");
  assert.equal(await changed((table) => table.types.push(type("demo.none", 0))), "MALFORMED_MANIFEST");
  const wide = (high: number) => occurrence(0x0a, 9, 0x0a, 1, 0x61, 0x10, 0x81, 0x80, 0x80, 0x80, high);
  assert.equal(await outcome(wide(0x10), wide(0)), "MALFORMED_MANIFEST");
  assert.equal(await outcome(wide(0x10), wide(0x08)), "accepted");
});

test("details ascend and are of artifacts; one may be empty", async () => {
  const details = (...artifacts: number[]) => changed((table) => {
    table.details = artifacts.map((artifact) => ({
      $typeName: "precompile.v1.ArtifactDetail", artifact, backends: [], attributes: [],
    }));
  });
  assert.equal(await details(0, 2), "accepted");
  for (const wrong of [[0, 0], [2, 1], [3], [0, 1, 2, 3], [2 ** 32 - 1]]) {
    assert.equal(await details(...wrong), "MALFORMED_MANIFEST", `${wrong}`);
  }
});

test("backends are looked at by the artifact's kind, which may stand behind them", async () => {
  const backend = (artifact: number, key: string, digest: number) => changed((table) => {
    const contentDigest = new Uint8Array(digest);
    table.details.push({
      $typeName: "precompile.v1.ArtifactDetail", artifact, attributes: [],
      backends: [{ $typeName: "precompile.v1.ArtifactId", type: "demo.graph", key, contentDigest }],
    });
  });
  for (const ignoring of [0, 1]) {
    assert.equal(await backend(ignoring, "", 31), "accepted");
  }
  assert.equal(await backend(2, "g", 0), "accepted");
  assert.equal(await backend(2, "g", 32), "accepted");
  assert.equal(await backend(2, "g", 31), "MALFORMED_MANIFEST");
  assert.equal(await backend(2, "", 32), "INVALID_NAME");
});

test("backends and attributes are handed out with their artifact, and may be changed", async () => {
  const table = await tableOf(rows);
  const contentDigest = new Uint8Array(32).fill(7);
  const backends = [{ $typeName: "precompile.v1.ArtifactId" as const, type: "demo.kernel", key: "b", contentDigest }];
  const attributes = ["x", "y"].map((name) => ({
    $typeName: "precompile.v1.Attribute" as const, name, value: { case: "bytesValue" as const, value: bytesOf(name) },
  }));
  for (const artifact of [1, 2]) {
    table.details.push({ $typeName: "precompile.v1.ArtifactDetail", artifact, backends, attributes });
  }
  const bundle = await open(payloadOf({ artifacts: table }));
  const [plain, backend, entry] = bundle.current;
  assert.deepEqual([plain?.backends, plain?.attributes, backend?.backends], [[], [], []]);
  assert.deepEqual(backend?.attributes.map(({ name }) => name), ["x", "y"]);
  for (let time = 0; time < 2; time++) {
    const [found] = entry?.backends ?? [];
    assert.deepEqual([found?.key, found?.contentDigest], ["b", contentDigest]);
    found?.contentDigest.fill(0);
    const value = entry?.attributes[1]?.value;
    assert.deepEqual(value, { type: "bytes", value: bytesOf("y") });
    if (value?.type === "bytes") value.value.fill(0);
    entry?.contentDigest.fill(0);
  }
  assert.deepEqual(entry?.contentDigest, plain?.contentDigest);
});

test("numbers may stand packed, one by one, and in several occurrences of the table", async () => {
  const table = await tableOf(rows);
  const whole = toBinary(ArtifactTableSchema, table);
  const head = create(ArtifactTableSchema, { types: table.types, key: table.key });
  const split = [
    occurrence(...toBinary(ArtifactTableSchema, head)),
    // The digests of another occurrence take the place of these.
    occurrence(0x22, 1, 0xff, 0x10, 0x00, 0x28, 0x00),
    occurrence(0x12, 2, 1, 2, 0x2a, 1, 0, 0x2a, 0, 0x28, 0, 0x30, 0, 0x30, 0, 0x32, 1, 0, 0x38, 0, 0x3a, 2, 0, 0),
    occurrence(...toBinary(ArtifactTableSchema, create(ArtifactTableSchema, { contentDigest: table.contentDigest }))),
  ];
  assert.deepEqual(fromBinary(ArtifactTableSchema, concatBytes(
    split.map((bytes) => bytes.subarray(1 + writeVarint(bytes.length).length)))), fromBinary(ArtifactTableSchema, whole));
  const bundle = await open(...split);
  assert.deepEqual(bundle.current.map(({ type, key, kind }) => [type, key, kind]), [
    ["demo.kernel", "a", 1], ["demo.kernel", "b", 2], ["demo.other", "c", 3],
  ]);
  assert.equal(await outcome(occurrence(0x12, 2, 0, 0x80)), "MALFORMED_MANIFEST");
});

test("keys are compared as bytes, whether or not they are ASCII", async () => {
  const keys = ["a", "é", "e\u0301", "\u{1f600}", "\uff01", "\ufeffa"];
  const bundle = await open(payloadOf({ artifacts: await tableOf(keys.map((key) => ({ key }))) }));
  assert.deepEqual(bundle.current.map(({ key }) => key), keys);
  for (const key of keys) assert.equal(bundle.find("demo.kernel", key)?.key, key);
});

test("keys are UTF-8 each by itself", async () => {
  // The two bytes of one character, in two keys.
  const cut = occurrence(0x0a, 5, 0x0a, 1, 0x61, 0x10, 1, 0x12, 2, 0, 0, 0x1a, 1, 0xc3, 0x1a, 1, 0xa9);
  const padding = Uint8Array.of(0xfa, 0x07, 100, ...new Uint8Array(100));
  assert.equal(await outcome(cut, padding), "MALFORMED_MANIFEST");
});

test("one name with two kinds is one name", async () => {
  const twice = (second: Partial<Row>) => tableOf([{ key: "a" }, { ...second, key: "a" }]);
  assert.equal(await outcome(payloadOf({ artifacts: await twice({ kind: 2 }) })), "DUPLICATE_ARTIFACT");
  assert.equal(await outcome(payloadOf({ artifacts: await twice({ type: "demo.a" }) })), "accepted");
});

test("an artifact is one object, whoever asks for it", async () => {
  const bundle = await open(payloadOf({ artifacts: await tableOf(rows) }));
  const found = bundle.find("demo.other", "c");
  assert.equal(found, bundle.segments[0]?.artifacts[2]);
  assert.equal(found, bundle.current[2]);
  assert.throws(() => bundle.segments[0]?.artifact(3), RangeError);
});

test("elements that a payload has no room for are refused before features are", async () => {
  const least = { 0x0a: 2, 0x22: 4, 0x2a: 32, 0x3a: 4 };
  for (const [tag, bytes] of Object.entries(least)) {
    const flood = Uint8Array.from({ length: 2000 }, (_, at) => (at % 2 ? 0 : Number(tag)));
    const code = bytes === 2 ? "UNSUPPORTED_FEATURE" : "MALFORMED_MANIFEST";
    assert.equal(await outcome(flood), code, `tag ${tag}`);
  }
  const feature = Uint8Array.of(0x0a, 1, 0x78);
  const keys = occurrence(...Array.from({ length: 20 }, () => [0x1a, 0]).flat());
  const padding = (size: number) => Uint8Array.of(0xfa, 0x07, ...writeVarint(size), ...new Uint8Array(size));
  // 20 keys and one feature: 642 bytes.
  const taken = keys.length + feature.length + 4;
  assert.equal(await outcome(keys, feature, padding(642 - taken)), "UNSUPPORTED_FEATURE");
  assert.equal(await outcome(keys, feature, padding(641 - taken)), "MALFORMED_MANIFEST");
});

test("what is refused later is told in its turn", async () => {
  const types = occurrence(0x0a, 3, 0x0a, 1, 0x61);
  const feature = Uint8Array.of(0x0a, 1, 0x78);
  assert.equal(await outcome(types), "MALFORMED_MANIFEST");
  assert.equal(await outcome(types, feature), "UNSUPPORTED_FEATURE");
  const name = Uint8Array.of(0x3a, 3, 0x0a, 1, 0x41);
  assert.equal(await outcome(name), "INVALID_NAME");
  assert.equal(await outcome(name, types), "MALFORMED_MANIFEST");
});
