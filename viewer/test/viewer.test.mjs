// What a person does with the page, in a real browser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import axe from "axe-core";

import { drop, inMemory, serving, setField, textOf, vector, viewer, withBrowser } from "./browser.mjs";

const SHOTS = process.env.SCREENSHOTS;
const fixture = async (name) => readFile(new URL(`../build/${name}`, import.meta.url));

// Whatever lies over it, or out of sight.
const press = (page, selector) => page.$eval(selector, (button) => button.click());

await withBrowser(async (browser) => {
  const opened = async (bytes, url) => {
    const { page, complaints } = await viewer(browser, url);
    if (bytes) await drop(page, bytes);
    return { page, complaints };
  };
  const shot = async (page, name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` });
  const serious = async (page) => {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document));
    return violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`);
  };

  await test("a dropped bundle is shown, and no rule of accessibility is broken in either colour scheme", async () => {
    const { page, complaints } = await opened(await fixture("sample.precompile"));
    assert.match(await textOf(page, "summary"), /2 segments in 1 chain/);
    assert.equal(await textOf(page, "checked"), "Every block and every content is right.");
    for (const value of ["light", "dark"]) {
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value }]);
      assert.deepEqual(await serious(page), []);
      await shot(page, value);
    }
    assert.deepEqual(complaints, []);
    await page.close();
  });

  await test("a refusal has its code, offset and requirements, and the page lives on", async () => {
    const hello = await vector("SPEC/hello/input.precompile");
    const { page, complaints } = await opened(hello.subarray(0, 200));
    const text = await textOf(page, "refusal");
    assert.match(text, /TRUNCATED at byte 200/);
    assert.match(text, /PCB-FRAME-007 A reader MUST refuse as TRUNCATED/);
    assert.deepEqual(await serious(page), []);
    await shot(page, "refused");
    await drop(page, hello);
    assert.equal(await page.evaluate(() => document.body.dataset.state), "open");
    assert.deepEqual(complaints, []);
    await page.close();
  });

  await test("the bytes of a segment are SPEC.md's annotated hex", async () => {
    const { page } = await opened(await vector("SPEC/hello/input.precompile"));
    await press(page, "[data-segment='0']");
    await page.waitForFunction(() => document.getElementById("bytes").textContent);
    const spec = await readFile(new URL("../../SPEC.md", import.meta.url), "utf8");
    assert.equal(await textOf(page, "bytes"), /```hex bundle hello\n(.*?)\n```/s.exec(spec)[1]);
    await page.close();
  });

  await test("facts that differ, and the segment that does not fit, are said", async () => {
    const { page } = await opened(await fixture("sample.precompile"));
    const host = { "os.name": ["Toy"], "cpu.flags": ["a"] };
    await setField(page, "facts", JSON.stringify({ host }));
    assert.match(await textOf(page, "refusal"), /INCOMPATIBLE_ENVIRONMENT/);
    await setField(page, "facts", JSON.stringify({ host: { ...host, "cpu.flags": ["a", "b"] } }));
    assert.match(await textOf(page, "requirements"), /all met/);
    await setField(page, "facts", "no JSON");
    assert.match(await textOf(page, "refusal"), /no facts of a host/);
    await page.close();
  });

  await test("signatures are checked against a pasted key, and another key is refused", async () => {
    const { page } = await opened(await fixture("sample.precompile"));
    assert.match(await textOf(page, "signatures"), /not checked: no key is given/);
    await setField(page, "keys", await readFile(new URL("../build/key.pub", import.meta.url), "utf8"));
    assert.match(await textOf(page, "signatures"), /accepted/);
    await setField(page, "keys", await readFile(new URL("../build/other.pub", import.meta.url), "utf8"));
    assert.match(await textOf(page, "refusal"), /UNTRUSTED_SIGNER/);
    await page.close();
  });

  await test("a hundred thousand artifacts scroll, are searched, sorted, and chosen by keyboard", async () => {
    const { page } = await opened(await fixture("many.precompile"));
    assert.equal(await textOf(page, "found"), "100,000 artifacts of 100,000");
    const drawn = () => page.$$eval("#artifact-rows [role=row]", ({ length }) => length);
    assert.ok((await drawn()) < 60);
    await page.focus("#artifacts");
    await page.keyboard.press("End");
    await page.waitForSelector("#row-99999[aria-selected=true]");
    assert.ok((await drawn()) < 60);
    await page.focus("#search");
    await page.keyboard.type("key-00042");
    await page.waitForFunction(() => document.getElementById("found").textContent.startsWith("100 "));
    await page.focus("#artifacts");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    assert.match(await textOf(page, "artifact"), /key-00042/);
    await shot(page, "many");
    await page.close();
  });

  await test("keys that are markup stay text, and nothing of a bundle is run", async () => {
    const { page, complaints } = await opened(await fixture("hostile.precompile"));
    assert.equal(await page.evaluate(() => globalThis.ran), undefined);
    assert.equal(await page.$("main img, main iframe"), null);
    assert.match(await textOf(page, "artifact-rows"), /<img src=x onerror=/);
    assert.deepEqual(complaints, []);
    await page.close();
  });

  await test("one artifact is saved, with its content checked", async () => {
    const { page } = await opened(await vector("SPEC/hello/input.precompile"));
    await page.evaluate(() => {
      URL.createObjectURL = (blob) => { globalThis.kept = blob.text(); return "blob:none"; };
      HTMLAnchorElement.prototype.click = function () { globalThis.keptAs = this.download; };
    });
    await press(page, "#row-0");
    await press(page, "#save");
    await page.waitForFunction(() => document.getElementById("saved").textContent);
    assert.deepEqual(await page.evaluate(async () => [keptAs, await kept]), ["add", "hello"]);
    await page.close();
  });

  await test("of a file of 1 GiB on a server, the index alone is read", async () => {
    // Real segments, and between them blocks that nobody asks for.
    const { head, holes, size } = JSON.parse(await fixture("large.json"));
    const parts = head.map(([at, text]) => [at, Buffer.from(text, "base64")]);
    let served = 0;
    const read = async (at, length) => {
      served += length;
      const bytes = Buffer.alloc(length);
      for (const [start, part] of parts) {
        const from = Math.max(at, start);
        const to = Math.min(at + length, start + part.length);
        if (from < to) part.copy(bytes, from - at, from - start, to - start);
      }
      return bytes;
    };
    assert.ok(size > 2 ** 30 && holes > 0);
    await serving({ "/large": { size, read } }, {}, async (server) => {
      const { page } = await viewer(browser);
      const start = performance.now();
      await page.type("#url", `${server}/large`);
      await page.keyboard.press("Enter");
      await page.waitForFunction(() => document.body.dataset.state === "open" && document.querySelector(".row"));
      console.log(`# first picture of ${size} bytes: ${Math.round(performance.now() - start)} ms, ${served} bytes read`);
      assert.ok(served < 5e6);
      await page.close();
    });
  });

  await test("a server without ranges is told, and a small file offered whole", async () => {
    const hello = inMemory(await vector("SPEC/hello/input.precompile"));
    await serving({ "/a": hello, "/big": { size: 2 ** 30, read: async () => Buffer.alloc(0) } }, { ranges: false }, async (server) => {
      const { page } = await viewer(browser, new URL(`../dist/viewer.html#url=${server}/a`, import.meta.url).href);
      await page.waitForSelector("#whole");
      assert.match(await textOf(page, "refusal"), /does not give ranges/);
      await press(page, "#whole");
      await page.waitForFunction(() => document.body.dataset.state === "open");
      await page.close();
      const other = (await viewer(browser, new URL(`../dist/viewer.html#url=${server}/none`, import.meta.url).href)).page;
      await other.waitForFunction(() => document.body.dataset.state === "refused");
      assert.match(await textOf(other, "refusal"), /answers 404/);
      await other.close();
    });
  });

  await test("the page that inspect --html writes shows the bundle offline", async () => {
    const { page, complaints } = await viewer(browser, new URL("../build/sample.html", import.meta.url).href);
    await page.waitForFunction(() => document.body.dataset.state === "open");
    assert.match(await textOf(page, "summary"), /2 segments in 1 chain/);
    assert.deepEqual(complaints, []);
    await page.close();
  });
});
