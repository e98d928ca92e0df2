import assert from "node:assert/strict";
import { test } from "node:test";

import { concatBytes } from "../src/bytes.js";
import { BlobSource, BytesSource, Reader, type ByteSource } from "../src/index.js";
import { bundleOf, bytesOf } from "./bundles.js";
import { refusal } from "./refused.js";
import { specChanges, specExamples } from "./spec_examples.js";

const examples = specExamples();
const hello = examples.get("hello") as Uint8Array;
const again = examples.get("again") as Uint8Array;
const blocks = examples.get("blocks") as Uint8Array;

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Notes what is read of a source. */
class Watched implements ByteSource {
  readonly reads: [offset: number, size: number][] = [];

  constructor(
    private readonly source: ByteSource,
    readonly size = source.size,
  ) {}

  read(offset: number, size: number): Promise<Uint8Array> {
    assert.ok(offset >= 0 && size >= 0 && offset + size <= this.size, "a read outside the source");
    this.reads.push([offset, size]);
    return this.source.read(offset, size);
  }

  get bytesRead(): number {
    return this.reads.reduce((sum, [, size]) => sum + size, 0);
  }
}

test("the norm's examples are read", async () => {
  assert.equal(hello.length, 263);
  const bundle = await Reader.open(new BytesSource(concatBytes([hello, again])));
  assert.deepEqual(bundle.current.map(({ key }) => key), ["mul", "sub"]);
  const mul = bundle.find("demo.kernel", "mul");
  assert.ok(mul);
  assert.equal(text(await bundle.read(mul)), "hello");
  assert.equal(bundle.find("demo.kernel", "add"), undefined);
});

test("a compressed block gives each artifact its part", async () => {
  const bundle = await Reader.open(new BytesSource(blocks));
  const sizes = await Promise.all(bundle.current.map(async (one) => (await bundle.read(one)).length));
  assert.deepEqual(sizes, [40, 36, 1]);
  const entry = bundle.find("demo.entry", "e");
  assert.deepEqual(entry?.backends.map(({ key }) => key), ["g"]);
  const graph = bundle.find("demo.graph", "g");
  assert.deepEqual(graph?.attributes, [
    { name: "count", value: { type: "int", value: -2n } },
    { name: "exact", value: { type: "bool", value: true } },
  ]);
});

test("each changed byte of the norm's table has the outcome that it names", async () => {
  const changes = specChanges();
  assert.equal(changes.length, 16);
  for (const { of, at, from, to, code, offset } of changes) {
    const input = of === "hello" ? hello.slice() : concatBytes([hello, again]);
    assert.equal(input[at], from);
    input[at] = to;
    const outcome = refusal(
      Reader.open(new BytesSource(input)).then((bundle) =>
        bundle.read(bundle.find("demo.kernel", "add") as never),
      ),
    );
    assert.deepEqual(await outcome, [code, offset], `${of} ${at.toString(16)}`);
  }
});

test("every prefix of a bundle is refused, and none reads outside of itself", async () => {
  const whole = concatBytes([hello, again]);
  for (let size = 0; size < whole.length; size++) {
    const source = new Watched(new BytesSource(whole.subarray(0, size)));
    const [code] = await refusal(Reader.open(source));
    const expected = size === 0 ? "NOT_A_BUNDLE" : size === hello.length ? "accepted" : "TRUNCATED";
    assert.equal(code, expected, `${size} bytes`);
    const recovered = await refusal(Reader.open(source, { recover: true }));
    assert.equal(recovered[0], size < hello.length ? expected : "accepted", `${size} bytes`);
  }
});

test("recovery tells how many bytes it left out", async () => {
  const torn = concatBytes([hello, again.subarray(0, 100)]);
  const bundle = await Reader.open(new BytesSource(torn), { recover: true });
  assert.deepEqual([bundle.size, bundle.ignored, bundle.current.length], [hello.length, 100, 1]);
});

test("a segment of a later version is no damage to recover around", async () => {
  const later = hello.slice();
  later[0x16] = 2;
  // A version of two bytes takes one of another field's place.
  const wide = concatBytes([hello.subarray(0, 1), Uint8Array.of(0x16), hello.subarray(2, 0x16), Uint8Array.of(0x82, 1)]);
  for (const behind of [later, later.subarray(0, 100), wide]) {
    const source = new BytesSource(concatBytes([hello, behind]));
    assert.deepEqual(await refusal(Reader.open(source, { recover: true })), ["UNSUPPORTED_VERSION", hello.length]);
  }
  for (const behind of [later.subarray(0, 22), wide.subarray(0, 23), hello.subarray(0, 100)]) {
    const source = new BytesSource(concatBytes([hello, behind]));
    assert.deepEqual(await refusal(Reader.open(source, { recover: true })), ["accepted"]);
  }
});

test("opening reads no blocks", async () => {
  const content = new Uint8Array(1 << 20);
  const source = new Watched(new BytesSource(await bundleOf(content)));
  const bundle = await Reader.open(source);
  assert.ok(source.bytesRead < 10_000, `${source.bytesRead} bytes of ${source.size}`);
  assert.equal(bundle.size, source.size);
});

test("a blob's ranges are read as memory's are", async () => {
  const bundle = await Reader.open(new BlobSource(new Blob([hello as BlobPart])));
  assert.equal(text(await bundle.read(bundle.current[0] as never)), "hello");
});

test("content that a caller changes stays as it was in the reader", async () => {
  const bundle = await Reader.open(new BytesSource(await bundleOf(bytesOf("content"))));
  const [artifact] = bundle.current;
  assert.ok(artifact);
  (await bundle.read(artifact)).fill(0);
  assert.equal(text(await bundle.read(artifact)), "content");
});

test("reads at once do not disturb each other", async () => {
  const bundle = await Reader.open(new BytesSource(concatBytes([hello, blocks, hello])));
  const all = [...bundle.current, ...bundle.current];
  const contents = await Promise.all(all.map((artifact) => bundle.read(artifact)));
  assert.deepEqual(contents.map(({ length }) => length), all.map((one) => Number(one.contentSize)));
});
