// A headless Chromium with the viewer in it, and a server of files for it.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { launch } from "puppeteer-core";

export const PAGE = new URL("../dist/viewer.html", import.meta.url);
const OPTIONS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

/** Starts the browser, hands it to `work`, and ends it whatever comes. */
export async function withBrowser(work) {
  const profile = await mkdtemp(join(tmpdir(), "viewer-"));
  const browser = await launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: OPTIONS, userDataDir: profile, protocolTimeout: 600_000,
  });
  try {
    return await work(browser);
  } finally {
    await browser.close();
    await rm(profile, { recursive: true, force: true, maxRetries: 20 });
  }
}

/** A tab with the viewer, opened as a file; `complaints` gathers what the page logs as errors. */
export async function viewer(browser, url = PAGE.href) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1100, height: 900 });
  const complaints = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => message.type() === "error" && complaints.push(message.text()));
  await page.goto(url);
  return { page, complaints };
}

/** Drops bytes on the page as a file, and waits until all of it is shown. */
export async function drop(page, bytes, name = "a.precompile") {
  await page.evaluate(
    async (text, name) => {
      const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
      const transfer = new DataTransfer();
      transfer.items.add(new File([bytes], name));
      const shown = new Promise((resolve) => {
        document.addEventListener("shown", ({ detail }) => resolve((globalThis.lastShown = detail)), { once: true });
      });
      document.body.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true }));
      await shown;
    },
    Buffer.from(bytes).toString("base64"), name,
  );
}

/** Sets a field as a person does who leaves it, and waits until the page has opened the bundle anew. */
export async function setField(page, id, value) {
  await page.evaluate(
    async (id, value) => {
      const field = document.getElementById(id);
      if (field.type === "checkbox") field.checked = value;
      else field.value = value;
      if (!document.body.dataset.state || document.body.dataset.state === "empty") return;
      const shown = new Promise((resolve) => document.addEventListener("shown", resolve, { once: true }));
      field.dispatchEvent(new Event("change"));
      await shown;
    },
    id, value,
  );
}

export const textOf = (page, id) => page.$eval(`#${id}`, ({ textContent }) => textContent);

/** Serves `files` (path: {bytes, or size and read}), with ranges unless `ranges` is false. */
export async function serving(files, { ranges = true } = {}, work) {
  const server = createServer(async (request, response) => {
    const file = files[new URL(request.url, "http://localhost").pathname];
    response.setHeader("access-control-allow-origin", "*");
    response.setHeader("access-control-expose-headers", "content-range");
    if (!file) return response.writeHead(404).end();
    const match = ranges && /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "");
    if (!match) {
      response.setHeader("content-length", file.size);
      return response.end(await file.read(0, file.size));
    }
    const start = Number(match[1]);
    const end = Math.min(Number(match[2]) + 1, file.size);
    response.writeHead(206, { "content-range": `bytes ${start}-${end - 1}/${file.size}`, "content-length": end - start });
    return response.end(await file.read(start, end - start));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await work(`http://127.0.0.1:${server.address().port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

export const inMemory = (bytes) => ({ size: bytes.length, read: async (at, size) => bytes.subarray(at, at + size) });
export const vector = (path) => readFile(new URL(`../../conformance_tests/vectors/v1.0/${path}`, import.meta.url));
