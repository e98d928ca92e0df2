// The viewer as a testee of the conformance suite: each input is dropped on one page, which lives
// through all of them. What is refused is read off the page, what is accepted is what the page holds.
import { readFile } from "node:fs/promises";

import { build } from "esbuild";

import { drop, textOf, viewer, withBrowser } from "./browser.mjs";

const bundled = async (options) =>
  (await build({ bundle: true, write: false, logLevel: "warning", ...options })).outputFiles[0].text;
const TESTEE = "../conformance_tests/testees/typescript/";
// What the testee of the TypeScript implementation has for messages and frames, for Node.
const code = await bundled({
  stdin: {
    resolveDir: new URL("../", import.meta.url).pathname, loader: "ts",
    contents: `
      export { create, fromBinary, toBinary } from "@bufbuild/protobuf";
      export * from "${TESTEE}gen/precompile/conformance/v1/testee_pb.js";
      export * from "${TESTEE}gen/precompile/conformance/v1/reading_pb.js";
      export { ErrorCode } from "${TESTEE}gen/precompile/v1/error_pb.js";
      export { MisuseSchema } from "${TESTEE}gen/precompile/conformance/v1/writing_pb.js";
      export { frames, writeFrame } from "${TESTEE}testee/frames.js";`,
  },
  format: "esm", platform: "node",
});
const {
  BundleDumpSchema, Capability, ConformanceClass, ErrorCode, ExtractedSchema, HelloResponseSchema, MisuseSchema,
  RejectionSchema, RequestSchema, ResponseSchema, UnsupportedSchema, create, frames, fromBinary, toBinary, writeFrame,
} = await import(`data:text/javascript;base64,${Buffer.from(code).toString("base64")}`);
// The testee opens files itself, which nothing in the page ever does.
const withoutFiles = {
  name: "without files",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:fs/ }, ({ path }) => ({ path, namespace: "none" }));
    onLoad({ filter: /.*/, namespace: "none" }, () => ({ contents: "export const open = undefined;" }));
  },
};
const inPage = await bundled({
  entryPoints: [new URL("asked.ts", import.meta.url).pathname], format: "iife", plugins: [withoutFiles],
});

const hello = () => create(HelloResponseSchema, {
  name: "precompile-viewer", version: "1.0.0", protocol: 2, specVersions: ["1.0"],
  classes: [ConformanceClass.READER, ConformanceClass.VERIFIER],
  capabilities: [Capability.ZSTD, Capability.SIGNATURES, Capability.RECOVERY, Capability.LIMITS],
});

const NO_FIELDS = { facts: "", keys: "", signed: false, threshold: "1", expected: "", recover: false };

/** The page's fields as a person fills them in for a request. */
function fieldsOf({ host, trust, expectedDigest, recover }) {
  const facts = host && JSON.stringify({ host: Object.fromEntries(host.facts.map(({ name, values }) => [name, values])) });
  const keys = trust?.trustedKeys.map((key) =>
    // No bytes at all are a word only as PEM.
    key.length > 0 ? Buffer.from(key).toString("hex") : "-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----");
  return {
    ...NO_FIELDS, facts: facts ?? "", keys: keys?.join("\n") ?? "", signed: Boolean(trust),
    threshold: String(trust?.threshold ?? 1), expected: Buffer.from(expectedDigest).toString("hex"), recover,
  };
}

async function fill(page, fields) {
  await page.evaluate((fields) => {
    for (const [id, value] of Object.entries(fields)) {
      const field = document.getElementById(id);
      if (field.type === "checkbox") field.checked = value;
      else field.value = value;
    }
  }, fields);
}

async function read(page, request) {
  await fill(page, fieldsOf(request));
  const bytes = await readFile(request.path);
  const { limits } = request;
  if (limits) {
    // The page has no field for limits.
    const asked = Object.entries(limits).filter(([, value]) => typeof value === "bigint" && value !== 0n);
    await page.evaluate(async (text, asked) => {
      const blob = new Blob([Uint8Array.from(atob(text), (char) => char.charCodeAt(0))]);
      const shown = new Promise((resolve) => {
        document.addEventListener("shown", ({ detail }) => resolve((globalThis.lastShown = detail)), { once: true });
      });
      const limits = Object.fromEntries(asked.map(([name, value]) => [name, BigInt(value)]));
      void precompileViewer.openBlob(blob, "a.precompile", { limits });
      await shown;
    }, bytes.toString("base64"), asked.map(([name, value]) => [name, String(value)]));
  } else await drop(page, bytes);
  const state = await page.evaluate(() => document.body.dataset.state);
  if (state === "open") {
    const data = await page.evaluate(() => dumpOf(lastShown.verification));
    return { case: "bundle", value: fromBinary(BundleDumpSchema, Uint8Array.from(data)) };
  }
  const text = await textOf(page, "refusal");
  const told = await page.evaluate(() => [
    document.querySelector("#refusal .code")?.textContent, document.querySelector("#refusal .offset")?.textContent,
  ]);
  if (!told[0]) {
    if (text.startsWith("This cannot be asked for")) return { case: "misuse", value: create(MisuseSchema, { detail: text }) };
    throw new Error(`the page shows neither a bundle nor a code: ${text}`);
  }
  const offset = /\d+$/.exec(told[1] ?? "")?.[0];
  return {
    case: "rejection",
    value: create(RejectionSchema, {
      code: ErrorCode[told[0]], detail: text, ...(offset !== undefined && { offset: BigInt(offset) }),
    }),
  };
}

/** What "Save its content" gives. */
async function extract(page, { path, type, key }) {
  const answer = await read(page, { path, expectedDigest: new Uint8Array(0), recover: false });
  if (answer.case !== "bundle") return answer;
  const found = await page.evaluate(async (type, key) => {
    const { bundle } = lastShown.verification;
    const artifact = bundle.find(type, key);
    if (!artifact) return undefined;
    try {
      const content = await bundle.read(artifact);
      const digest = await crypto.subtle.digest("SHA-256", content);
      return { size: content.length, content: content.length <= 1 << 20 ? Array.from(content) : [], digest: Array.from(new Uint8Array(digest)) };
    } catch (error) {
      return { code: error.code, offset: error.offset, detail: error.message };
    }
  }, type, key);
  if (!found) return { case: "extracted", value: create(ExtractedSchema, { found: false }) };
  if (found.code !== undefined) {
    const { code, offset, detail } = found;
    return { case: "rejection", value: create(RejectionSchema, { code, detail, ...(offset !== undefined && { offset: BigInt(offset) }) }) };
  }
  return {
    case: "extracted",
    value: create(ExtractedSchema, {
      found: true, content: Uint8Array.from(found.content), contentSize: BigInt(found.size), contentDigest: Uint8Array.from(found.digest),
    }),
  };
}

await withBrowser(async (browser) => {
  const { page, complaints } = await viewer(browser);
  await page.evaluate(inPage);
  for await (const frame of frames(process.stdin)) {
    const { id, request } = fromBinary(RequestSchema, frame);
    let response;
    if (request.case === "hello") response = { case: "hello", value: hello() };
    else if (request.case === "read") response = await read(page, request.value);
    else if (request.case === "extract") response = await extract(page, request.value);
    else response = { case: "unsupported", value: create(UnsupportedSchema, { detail: request.case ?? "" }) };
    if (complaints.length > 0) throw new Error(`the page complains: ${complaints.join("\n")}`);
    await writeFrame(process.stdout, toBinary(ResponseSchema, create(ResponseSchema, { id, response })));
  }
});
