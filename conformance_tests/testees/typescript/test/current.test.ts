import assert from "node:assert/strict";
import { test } from "node:test";

import { concatBytes } from "../src/bytes.js";
import { BytesSource, Reader, type Host } from "../src/index.js";
import { segmentOf, type Rest } from "./bundles.js";

const kernel = (key: string) => ({ type: "demo.kernel", key });

/** The keys that are current after segments that add and remove these; `next`: of the chain before. */
async function currentAfter(
  segments: readonly { add?: string; remove?: string; next?: boolean; needs?: string }[], host?: Host,
): Promise<string> {
  const parts: Uint8Array[] = [];
  let previous: Uint8Array | undefined;
  for (const { add = "", remove = "", next = false, needs } of segments) {
    const rest: Rest = {
      removed: [...remove].map(kernel),
      ...(needs !== undefined && { requirements: [{ name: "os.name", match: 1, values: [needs] }] }),
      ...(next && previous && { previous }),
    };
    const { bytes, payload } = await segmentOf([...add].map((key) => ({ key })), rest);
    parts.push(bytes);
    previous = payload;
  }
  const bundle = await Reader.open(new BytesSource(concatBytes(parts)), host ? { host } : {});
  const keys = bundle.current.map(({ key }) => key);
  for (const artifact of bundle.current) assert.equal(bundle.find(artifact.type, artifact.key), artifact);
  return keys.join("");
}

test("later segments of a chain supersede in place, and take away", async () => {
  assert.equal(await currentAfter([{ add: "abc" }, { add: "bd", remove: "a", next: true }]), "bcd");
  assert.equal(await currentAfter([{ add: "abc" }, { add: "a", remove: "a", next: true }]), "bca");
  assert.equal(await currentAfter([{ add: "ab" }, { remove: "ab", next: true }, { add: "ba", next: true }]), "ba");
  assert.equal(await currentAfter([{ add: "ab" }, { remove: "a", next: true }, { add: "ca", next: true }]), "bca");
});

test("a removal leaves alone what another chain brought", async () => {
  assert.equal(await currentAfter([{ add: "ab" }, { add: "c", remove: "a" }]), "abc");
  assert.equal(await currentAfter([{ add: "ab" }, { add: "ac" }, { remove: "a", next: true }]), "abc");
});

test("what a later chain brings supersedes in place", async () => {
  const first = await segmentOf([{ key: "a" }, { key: "b" }]);
  const second = await segmentOf([{ key: "c" }, { key: "a", kind: 2 }]);
  const bundle = await Reader.open(new BytesSource(concatBytes([first.bytes, second.bytes])));
  assert.deepEqual(bundle.current.map(({ key, kind }) => key + kind), ["a2", "b1", "c1"]);
  assert.equal(bundle.find("demo.kernel", "a")?.segment, bundle.segments[1]);
});

test("an opaque segment counts for where chains begin, and for nothing else", async () => {
  const host: Host = new Map([["os.name", new Set(["linux"])]]);
  const opaque = { needs: "other" };
  assert.equal(await currentAfter([{ add: "ab" }, { add: "c", ...opaque }, { remove: "a", next: true }], host), "ab");
  assert.equal(
    await currentAfter([{ add: "ab" }, { remove: "b", next: true, ...opaque }, { remove: "a", next: true }], host), "b");
});

test("a name that is taken away and added again costs no more each time", async () => {
  const rounds = Array.from({ length: 200 }, () => ({ add: "ab", remove: "ab", next: true }));
  assert.equal(await currentAfter([{ add: "cab" }, ...rounds]), "cab");
});

test("many names of one table are found, and no others", async () => {
  const keys = Array.from({ length: 5000 }, (_, at) => `${at}-`.repeat(1 + (at % 9)));
  const { bytes } = await segmentOf(keys.map((key, at) => ({ key, type: at % 2 ? "demo.a" : "demo.b" })));
  const other = await segmentOf(keys.map((key) => ({ key, type: "demo.c" })));
  const bundle = await Reader.open(new BytesSource(concatBytes([bytes, other.bytes])));
  keys.forEach((key, at) => {
    assert.equal(bundle.find(at % 2 ? "demo.a" : "demo.b", key), bundle.segments[0]?.artifact(at));
    assert.equal(bundle.find(at % 2 ? "demo.b" : "demo.a", key), undefined);
    assert.equal(bundle.find("demo.c", key), bundle.segments[1]?.artifact(at));
  });
  for (const key of ["", "\ud800", "x".repeat(5000)]) assert.equal(bundle.find("demo.a", key), undefined);
  assert.equal(bundle.find("", "1"), undefined);
  assert.equal(bundle.current.length, 10_000);
});

test("half of a surrogate pair names nothing", async () => {
  const { bytes } = await segmentOf([{ key: "\ufffd" }]);
  const bundle = await Reader.open(new BytesSource(bytes));
  assert.equal(bundle.find("demo.kernel", "\ufffd")?.key, "\ufffd");
  assert.equal(bundle.find("demo.kernel", "\ud800"), undefined);
});
