// Builds the page: one file, with a policy that runs nothing but the script whose digest stands in it.
//
//     node build.mjs            dist/viewer.html, and the copy in the Python package
//     node build.mjs --check    fails where that copy is another page
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

import { build } from "esbuild";

const HERE = new URL("./", import.meta.url);
const ROOT = new URL("../", HERE);
const PACKAGED = new URL("reference/precompile_context/cli/viewer.html", ROOT);
const MOST_BYTES = 400_000;

const read = (path, base = HERE) => readFile(new URL(path, base), "utf8");

/** What error.proto says of each code, and the sentence of each requirement that it names. */
async function norm() {
  const codes = {};
  const named = new Set();
  const lines = (await read("proto/precompile/v1/error.proto", ROOT)).split("\n");
  let comment = [];
  for (const line of lines) {
    const text = /^ {2}\/\/ (.*)$/.exec(line)?.[1];
    const code = /^ {2}ERROR_CODE_(\w+) =/.exec(line)?.[1];
    if (text !== undefined) comment.push(text);
    else {
      if (code !== undefined) {
        const whole = comment.join(" ");
        const requirements = [...whole.matchAll(/\[(PCB-\w+-\d+)\]/g)].map(([, id]) => id);
        requirements.forEach((id) => named.add(id));
        codes[code] = { text: whole.replace(/ ?\[PCB-\w+-\d+\]/g, ""), requirements };
      }
      comment = [];
    }
  }
  const requirements = {};
  for (const path of ["SPEC.md", "SPEC-context.md"]) {
    const text = await read(path, ROOT);
    for (const [, id, sentence] of text.matchAll(/^- \*\*\[(PCB-\w+-\d+)\]\*\* (.*?) \*\(/gm)) {
      if (named.has(id)) requirements[id] = sentence;
    }
  }
  const lost = [...named].filter((id) => !(id in requirements));
  if (lost.length > 0) throw new Error(`the norm does not have ${lost.join(", ")}`);
  return { codes, requirements };
}

async function page() {
  const { outputFiles } = await build({
    entryPoints: [new URL("src/main.ts", HERE).pathname],
    bundle: true, minify: true, write: false, format: "iife", target: "es2022", charset: "ascii",
    legalComments: "none", logLevel: "warning", define: { NORM: JSON.stringify(await norm()) },
  });
  // No text of the script ends its element.
  const script = outputFiles[0].text.trim().replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--");
  const style = (await read("src/page.css")).trim().replaceAll("\n", "");
  const sha = (text) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
  const policy = [
    "default-src 'none'", `script-src ${sha(script)} 'wasm-unsafe-eval'`, `style-src ${sha(style)}`,
    // data: is libzstd, which stands in the script; files that a user names are read from anywhere.
    "connect-src data: http: https:", "base-uri 'none'", "form-action 'none'",
  ].join("; ");
  const parts = { CSP: policy, STYLE: style, SCRIPT: script, EMBEDDED: "" };
  return (await read("src/page.html")).replace(/@([A-Z]+)@/g, (_, name) => parts[name]);
}

const built = await page();
const compressed = gzipSync(built, { level: 9 }).length;
if (compressed > MOST_BYTES) throw new Error(`the page takes ${compressed} bytes compressed`);
await mkdir(new URL("dist/", HERE), { recursive: true });
await writeFile(new URL("dist/viewer.html", HERE), built);
if (process.argv.includes("--check")) {
  if ((await readFile(PACKAGED, "utf8").catch(() => "")) !== built) {
    throw new Error("reference/precompile_context/cli/viewer.html is another page; npm run build --prefix viewer writes it");
  }
} else await writeFile(PACKAGED, built);
console.log(`the page: ${built.length} bytes, ${compressed} compressed`);
