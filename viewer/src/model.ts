// What the page shows of one bundle: rows of all artifacts, and what each search and sort leaves of them.
import {
  Reader, Rejection, Verifier, Policy,
  type ByteSource, type Host, type Limits, type OpenOptions, type Segment, type Verification,
} from "../../conformance_tests/testees/typescript/src/index.js";
import { toHex } from "../../conformance_tests/testees/typescript/src/bytes.js";
import { decodeEnvelope, type Envelope } from "../../conformance_tests/testees/typescript/src/envelope.js";
import { parseRecordHead, FOOTER_SIZE, MANIFEST_TAG } from "../../conformance_tests/testees/typescript/src/framing.js";
import { DEFAULT_LIMITS } from "../../conformance_tests/testees/typescript/src/limits.js";

/** What a bundle is opened with. */
export interface Asked {
  readonly host?: Host;
  readonly keys?: readonly Uint8Array[];
  readonly threshold?: number;
  readonly expectedDigest?: Uint8Array;
  readonly recover?: boolean;
  readonly limits?: Partial<Limits>;
}

/** One artifact, by its number over all segments. */
export interface Row {
  readonly segment: number;
  readonly index: number;
  readonly type: string;
  readonly key: string;
  readonly kind: number;
  readonly size: number;
}

export type SortBy = "order" | "type" | "key" | "size" | "named";

/** An open bundle, with its artifacts in columns: a hundred thousand of them are no objects. */
export class Model {
  readonly count: number;
  /** How often the content of each artifact is named in the bundle. */
  readonly named: Uint32Array;
  readonly #firsts: number[] = [];
  readonly #sizes: Float64Array;
  readonly #current: Set<string>;

  private constructor(
    readonly source: ByteSource,
    readonly asked: Asked,
    readonly bundle: Reader,
  ) {
    let count = 0;
    for (const { manifest } of bundle.segments) {
      this.#firsts.push(count);
      count += manifest.artifacts.length;
    }
    this.count = count;
    this.#sizes = new Float64Array(count);
    this.named = new Uint32Array(count);
    const times = new Map<string, number>();
    const digests: string[] = new Array(count);
    for (let at = 0; at < count; at++) {
      const { segment, index } = this.place(at);
      const { artifacts } = segment.manifest;
      this.#sizes[at] = artifacts.contentSize(index);
      const digest = String.fromCharCode(...artifacts.contentDigest(index));
      digests[at] = digest;
      times.set(digest, (times.get(digest) ?? 0) + 1);
    }
    digests.forEach((digest, at) => (this.named[at] = times.get(digest) as number));
    this.#current = new Set(bundle.current.map(({ segment, index }) => `${segment.offset} ${index}`));
  }

  /** @throws Rejection where the bundle is refused, Misuse where no policy can be so. */
  static async open(source: ByteSource, asked: Asked): Promise<Model> {
    return new Model(source, asked, await Reader.open(source, await optionsOf(asked)));
  }

  /** Checks every block and every content. */
  async verify(): Promise<Verification> {
    const { policy, ...options } = await optionsOf(this.asked);
    return new Verifier(policy, options).verify(this.source);
  }

  place(at: number): { segment: Segment; index: number; number: number } {
    let low = 0;
    for (let high = this.#firsts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#firsts[middle] as number) <= at) low = middle;
      else high = middle;
    }
    // Behind a segment without artifacts the next one begins with the same number.
    return { segment: this.bundle.segments[low] as Segment, index: at - (this.#firsts[low] as number), number: low };
  }

  row(at: number): Row {
    const { segment, index, number } = this.place(at);
    const { artifacts } = segment.manifest;
    return {
      segment: number, index, type: artifacts.typeName(index), key: artifacts.key(index),
      kind: artifacts.kind(index), size: artifacts.contentSize(index),
    };
  }

  size(at: number): number {
    return this.#sizes[at] as number;
  }

  isCurrent(at: number): boolean {
    const { segment, index } = this.place(at);
    return this.#current.has(`${segment.offset} ${index}`);
  }

  /** The numbers of the artifacts whose type, key or digest holds `text`, sorted. */
  find(text: string, by: SortBy, isDescending: boolean): Uint32Array {
    const wanted = text.trim().toLowerCase();
    let found = Uint32Array.from({ length: this.count }, (_, at) => at);
    if (wanted !== "") found = found.filter((at) => this.#holds(at, wanted));
    const compare = this.#order(by);
    if (compare) found.sort(compare);
    return isDescending ? found.reverse() : found;
  }

  /** Of contents that several artifacts name, the first one of each, that which saves most first. */
  shared(): number[] {
    const seen = new Set<string>();
    const firsts: number[] = [];
    for (let at = 0; at < this.count; at++) {
      if ((this.named[at] as number) < 2) continue;
      const digest = this.digest(at);
      if (!seen.has(digest)) firsts.push(at);
      seen.add(digest);
    }
    return firsts.sort((a, b) => this.#saved(b) - this.#saved(a));
  }

  #saved(at: number): number {
    return this.size(at) * ((this.named[at] as number) - 1);
  }

  digest(at: number): string {
    const { segment, index } = this.place(at);
    return toHex(segment.manifest.artifacts.contentDigest(index));
  }

  #holds(at: number, wanted: string): boolean {
    const { type, key } = this.row(at);
    return key.toLowerCase().includes(wanted) || type.toLowerCase().includes(wanted) ||
      (wanted.length >= 8 && this.digest(at).startsWith(wanted));
  }

  #order(by: SortBy): ((a: number, b: number) => number) | undefined {
    if (by === "size") return (a, b) => this.size(a) - this.size(b) || a - b;
    if (by === "named") return (a, b) => (this.named[a] as number) - (this.named[b] as number) || a - b;
    if (by === "order") return undefined;
    const texts = Array.from({ length: this.count }, (_, at) => {
      const { type, key } = this.row(at);
      return by === "key" ? key : `${type}\0${key}`;
    });
    return (a, b) => ((texts[a] as string) < (texts[b] as string) ? -1 : texts[a] === texts[b] ? a - b : 1);
  }
}

async function optionsOf({ keys, threshold, ...options }: Asked): Promise<OpenOptions & { policy: Policy }> {
  const policy = keys ? await Policy.signedBy(keys, threshold ?? 1) : Policy.unsigned;
  return { ...options, policy };
}

/** Who signed a segment, and what a policy says of it. */
export interface Signed {
  readonly keyids: readonly string[];
  /** None where it is accepted, or nothing was asked. */
  readonly rejection: Rejection | undefined;
}

/** Looks at the signatures of a segment. */
export async function signed(source: ByteSource, segment: Segment, policy: Policy): Promise<Signed> {
  const envelope = await envelopeOf(source, segment);
  const keyids = envelope.signatures.map(({ keyid }) => keyid);
  try {
    policy.check(envelope, segment.manifestOffset);
    return { keyids, rejection: undefined };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { keyids, rejection: error };
  }
}

async function envelopeOf(source: ByteSource, segment: Segment): Promise<Envelope> {
  const { manifestOffset, offset, size } = segment;
  const end = offset + size - FOOTER_SIZE;
  const record = await source.read(manifestOffset, end - manifestOffset);
  const head = parseRecordHead(record, MANIFEST_TAG)?.head;
  if (head === undefined) throw new Error("the file changed while it was read");
  return decodeEnvelope(record.subarray(head), manifestOffset, DEFAULT_LIMITS);
}
