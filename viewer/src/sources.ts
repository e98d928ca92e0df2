// Where the viewer's bytes come from: ranges of a URL, or parts that stand in the page itself.
import type { ByteSource } from "../../conformance_tests/testees/typescript/src/index.js";

/** The server does not give ranges; the whole has `size` bytes, where it says so. */
export class NoRanges extends Error {
  constructor(
    readonly url: string,
    readonly size: number | undefined,
  ) {
    super("the server does not give ranges of a file");
  }
}

/** A file on a server, of which no more is read than is asked for. */
export class RangeSource implements ByteSource {
  /** Bytes that were read, and in how many requests. */
  bytesRead = 0;
  requests = 0;

  private constructor(
    readonly url: string,
    readonly size: number,
    readonly version: string | null,
  ) {}

  /**
   * @throws NoRanges where the server has none.
   * @throws Error where it does not answer, or not with a file.
   */
  static async open(url: string): Promise<RangeSource> {
    const response = await fetch(url, { headers: { range: "bytes=0-0" }, credentials: "omit" });
    if (response.status === 200) {
      const length = response.headers.get("content-length");
      await response.body?.cancel();
      throw new NoRanges(url, length === null ? undefined : Number(length));
    }
    const size = /\/(\d+)$/.exec(response.headers.get("content-range") ?? "")?.[1];
    if (response.status === 416 || size === "0") return new RangeSource(url, 0, null);
    await response.body?.cancel();
    if (response.status !== 206) throw new Error(`the server answers ${response.status}`);
    // Another origin shows the header only where it says that it does.
    if (size === undefined) throw new Error("the server does not say how long the file is (Content-Range)");
    return new RangeSource(url, Number(size), response.headers.get("etag"));
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    if (size === 0) return new Uint8Array(0);
    const headers = { range: `bytes=${offset}-${offset + size - 1}` };
    const response = await fetch(this.url, { headers, credentials: "omit" });
    if (response.status !== 206) throw new Error(`the server answers ${response.status}`);
    if (response.headers.get("etag") !== this.version) throw new Error("the file changed while it was read");
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.requests++;
    this.bytesRead += bytes.length;
    if (bytes.length !== size) throw new Error("the server gave another range than was asked for");
    return bytes;
  }
}

/** What a page holds of a bundle: parts, as `precompile inspect --html` writes them. */
export interface Embedded {
  readonly name: string;
  readonly size: number;
  /** Where each begins, and its bytes as base64. */
  readonly parts: readonly (readonly [number, string])[];
}

/** The parts of a bundle that a page holds. */
export class EmbeddedSource implements ByteSource {
  readonly size: number;
  readonly #parts: readonly { start: number; bytes: Uint8Array }[];

  constructor({ size, parts }: Embedded) {
    this.size = size;
    this.#parts = parts.map(([start, text]) => ({
      start, bytes: Uint8Array.from(atob(text), (char) => char.charCodeAt(0)),
    }));
  }

  /**
   * What is read ahead of a part counts as zeros: the index is found from its end, and has digests.
   *
   * @throws Error where the last byte that is asked for is in no part.
   */
  async read(offset: number, size: number): Promise<Uint8Array> {
    const last = offset + size - 1;
    if (size > 0 && !this.#parts.some(({ start, bytes }) => start <= last && last < start + bytes.length)) {
      throw new Error("this page holds the index of the bundle, and not these bytes");
    }
    const whole = new Uint8Array(size);
    for (const { start, bytes } of this.#parts) {
      const from = Math.max(start, offset);
      const to = Math.min(start + bytes.length, offset + size);
      if (from < to) whole.set(bytes.subarray(from - start, to - start), from - offset);
    }
    return whole;
  }
}
