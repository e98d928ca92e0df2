import assert from "node:assert/strict";
import { test } from "node:test";

import { concatBytes } from "../src/bytes.js";
import { BytesSource, Policy, Reader, Verifier, type ByteSource } from "../src/index.js";
import { bundleWith, bytesOf, segmentOf, type Row } from "./bundles.js";
import { refusal } from "./refused.js";

const blocks = ["abcde", "fg", "hij"].map(bytesOf);

async function outcome(row: Omit<Row, "key">, limits = {}): Promise<string> {
  const bundle = await bundleWith([{ key: "k", ...row }], { blocks });
  const read = async (): Promise<void> => {
    const open = await Reader.open(new BytesSource(bundle), { limits });
    for (const one of open.current) await open.read(one);
  };
  return (await refusal(read()))[0];
}

test("content lies in its block, or is whole consecutive ones", async () => {
  const right: [block: number, offset: number, size: number][] = [
    [0, 0, 0], [0, 0, 5], [0, 4, 1], [0, 1, 4], [2, 0, 3],
    [0, 0, 7], [0, 0, 10], [1, 0, 5],
  ];
  for (const [block, offset, size] of right) {
    assert.equal(await outcome({ block, offset, size }), "accepted", `${[block, offset, size]}`);
  }
  const wrong: [block: number, offset: number, size: number][] = [
    [1, 0, 0], [0, 1, 0], [3, 0, 1], [2 ** 32 - 1, 0, 1], [0, 5, 1], [0, 2 ** 40, 1],
    [0, 0, 6], [0, 0, 8], [0, 0, 11], [0, 1, 6], [0, 1, 7], [1, 0, 6], [2, 0, 4],
  ];
  for (const [block, offset, size] of wrong) {
    assert.equal(await outcome({ block, offset, size }), "BAD_REFERENCE", `${[block, offset, size]}`);
  }
});

test("sizes of 64 bits are added without wrapping", async () => {
  const limits = { totalContent: 2n ** 70n };
  for (const size of [2 ** 40, 2 ** 53, 2 ** 63]) {
    assert.equal(await outcome({ size }, limits), "LIMIT_EXCEEDED", `${size}`);
  }
  const rows = [{ key: "a", size: 2 ** 63 }, { key: "b", size: 2 ** 63 }];
  const bundle = new BytesSource(await bundleWith(rows));
  assert.equal((await refusal(Reader.open(bundle, { limits })))[0], "LIMIT_EXCEEDED");
});

test("contents are at most 65,536 times the bundle, whatever the limits", async () => {
  const bundle = await bundleWith([{ key: "k", size: 1 }], { blocks });
  const bound = bundle.length * 65_536;
  const open = async (size: number): Promise<string> => {
    // As many bytes of a varint as the bound takes.
    const bytes = await bundleWith([{ key: "k", size }], { blocks: blocks });
    const most = bytes.length * 65_536;
    assert.ok(Math.abs(most - bound) < 10 * 65_536);
    return (await refusal(Reader.open(new BytesSource(bytes))))[0];
  };
  assert.equal(await open(bound - 10 * 65_536), "BAD_REFERENCE");
  assert.equal(await open(bound + 10 * 65_536), "LIMIT_EXCEEDED");
});

test("two runs are one, or have no block in common", async () => {
  const four = [...blocks, bytesOf("k")];
  const open = async (...runs: [block: number, size: number][]): Promise<string> => {
    const rows = runs.map(([block, size], at) => ({ key: `k${at}`, block, size }));
    return (await refusal(Reader.open(new BytesSource(await bundleWith(rows, { blocks: four })))))[0];
  };
  // The blocks have 5, 2, 3 and 1 bytes; what lies in one of them alone is no run.
  assert.equal(await open([0, 7], [0, 7], [2, 4], [0, 5], [1, 1], [3, 1]), "accepted");
  for (const wrong of [[[0, 7], [0, 10]], [[0, 10], [0, 7]], [[0, 7], [1, 5]], [[1, 5], [0, 7]],
    [[0, 11], [1, 5]], [[2, 4], [1, 6]], [[0, 7], [0, 7], [1, 6]]] as [number, number][][]) {
    assert.equal(await open(...wrong), "BAD_REFERENCE", JSON.stringify(wrong));
  }
});

test("a run goes over external blocks and its own", async () => {
  const first = await segmentOf([{ key: "a", size: 5 }], { blocks: blocks.slice(0, 1) });
  const second = await segmentOf(
    [{ key: "b", size: 10 }], { blocks, external: 1, previous: first.payload });
  const bundle = await Reader.open(new BytesSource(concatBytes([first.bytes, second.bytes])));
  const whole = bundle.find("demo.kernel", "b");
  assert.ok(whole);
  assert.equal(new TextDecoder().decode(await bundle.read(whole)), "abcdefghij");
  const parts: number[] = [];
  for await (const part of bundle.stream(whole)) parts.push(part.length);
  assert.deepEqual(parts, [5, 2, 3]);
});

test("a content of several blocks is reported at the first of them", async () => {
  const digest = new Uint8Array(32);
  const bytes = await bundleWith([{ key: "k", block: 1, size: 5, digest }, { key: "e", digest }], { blocks });
  const bundle = await Reader.open(new BytesSource(bytes));
  const [run, empty] = bundle.current;
  assert.deepEqual(await refusal(bundle.read(run as never)), ["DIGEST_MISMATCH", 23 + 9]);
  assert.deepEqual(await refusal(bundle.read(empty as never)), ["DIGEST_MISMATCH", 23 + 9 + 6 + 7]);
});

/** Counts what is read. */
class Counted implements ByteSource {
  bytesRead = 0;

  constructor(
    private readonly source: ByteSource,
    readonly size = source.size,
  ) {}

  read(offset: number, size: number): Promise<Uint8Array> {
    this.bytesRead += size;
    return this.source.read(offset, size);
  }
}

test("what many artifacts have at one place is read and hashed once", async () => {
  const big = [1, 2].map((byte) => new Uint8Array(1 << 20).fill(byte));
  const many = (count: number): Row[] =>
    Array.from({ length: count }, (_, at) => ({ key: `k${at}`, size: 2 << 20 }));
  const read = async (count: number): Promise<number> => {
    // The digest is made once here, too.
    const [row] = many(1);
    const { bytes } = await segmentOf([row as Row], { blocks: big });
    const { contentDigest } = (await Reader.open(new BytesSource(bytes))).current[0] as { contentDigest: Uint8Array };
    const rows = many(count).map((one) => ({ ...one, digest: contentDigest }));
    const source = new Counted(new BytesSource(await bundleWith(rows, { blocks: big })));
    const { fault } = await new Verifier(Policy.unsigned).verify(source);
    assert.equal(fault, undefined);
    return source.bytesRead;
  };
  assert.ok((await read(200)) < (await read(1)) + 100_000);
});

test("each artifact at one place is checked against its own digest", async () => {
  const digest = new Uint8Array(32);
  const rows: Row[] = [
    { key: "a", size: 7 }, { key: "b", size: 7, digest }, { key: "c", size: 5, digest }, { key: "d", size: 5 },
    { key: "e", size: 3, block: 2 }, { key: "f", size: 2, block: 2 }, { key: "g", size: 2, offset: 1, block: 2 },
  ];
  const bytes = await bundleWith(rows, { blocks });
  const { fault, contentFaults } = await new Verifier(Policy.unsigned).verify(new BytesSource(bytes));
  assert.deepEqual([...contentFaults.keys()].map(({ key }) => key), ["c", "b"]);
  assert.equal(fault?.offset, 23);
});

test("a great many runs over a great many blocks are checked by search", async () => {
  const count = 50_000;
  const small = Array.from({ length: count }, () => Uint8Array.of(1));
  const digest = new Uint8Array(32);
  const rows: Row[] = Array.from({ length: count }, (_, at) => ({ key: `k${at}`, size: count, digest }));
  const bytes = await bundleWith(rows, { blocks: small });
  const before = process.cpuUsage();
  await Reader.open(new BytesSource(bytes));
  // A walk takes 2,500 million steps.
  const { user } = process.cpuUsage(before);
  assert.ok(user < 1_000_000, `${user} microseconds`);
});
