// Runs the example page in a headless browser: a bundle is read from a `Blob`.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { specExamples } from "../dist/test/spec_examples.js";

const [browser] = process.argv.slice(2);
const examples = specExamples();
const hello = examples.get("hello");
const blocks = examples.get("blocks");
const damaged = hello.with(0x1b, 0x69);
const bundles = [hello, blocks, damaged, hello.subarray(0, 200)];
const expected = [
  ["demo.kernel add: 5 bytes", "all contents verified"],
  ["demo.kernel a: 40 bytes", "demo.graph g: 36 bytes", "demo.entry e: 1 bytes", "all contents verified"],
  ["demo.kernel add: 5 bytes", "DIGEST_MISMATCH at 23: the block's data has another digest"],
  ["TRUNCATED at 200: the input does not end with a footer"],
];

const CHECK = `
  const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const told = [];
  for (const text of ${JSON.stringify(bundles.map((one) => Buffer.from(one).toString("base64")))}) {
    told.push(await describeBundle(new Blob([bytes(text)])));
  }
  await fetch("/told", { method: "POST", body: JSON.stringify(told) });
`;

const files = {
  "/": ["text/html", `<input id="file"><pre id="found"></pre><script type="module">import "/page.js";${CHECK}</script>`],
  "/page.js": ["text/javascript", await readFile(new URL("../dist/page/page.js", import.meta.url))],
};

const profile = await mkdtemp(join(tmpdir(), "page-"));
const stop = new AbortController();
try {
  const told = await new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      if (request.url === "/told") {
        request.on("data", (text) => resolve(JSON.parse(text)));
        return response.end();
      }
      const [type, body] = files[request.url] ?? ["text/plain", ""];
      return response.setHeader("content-type", type).end(body);
    });
    server.listen(0, "localhost", () => {
      const url = `http://localhost:${server.address().port}/`;
      const options = ["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${profile}`];
      promisify(execFile)(browser, [...options, "--remote-debugging-port=0", url], { signal: stop.signal })
        .then(() => reject(new Error("the browser ended")), reject);
      setTimeout(() => reject(new Error("the page told nothing in 120 seconds")), 120_000).unref();
    });
    stop.signal.addEventListener("abort", () => server.close());
  });
  assert.deepEqual(told, expected.map((lines) => lines.join("\n")));
  console.log(`${told.length} bundles read from blobs in ${browser}`);
} finally {
  stop.abort();
  await rm(profile, { recursive: true, force: true, maxRetries: 20 });
}
process.exit(0);
