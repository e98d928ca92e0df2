// Opens a bundle, stage by stage, and gives its artifacts and contents.
import { BlockReader } from "./block_reader.js";
import type { ByteSource } from "./byte_source.js";
import { concatBytes, equalBytes } from "./bytes.js";
import { Chain } from "./chain.js";
import { ContentReader, type KnownPlaces } from "./content.js";
import { Current } from "./current.js";
import { sha256 } from "./digest.js";
import { decodeEnvelope, type Envelope } from "./envelope.js";
import { describeUnmet, matches, type Host } from "./environment.js";
import { ErrorCode, Rejection } from "./errors.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { decodeManifest, type Totals } from "./manifest.js";
import { recover } from "./recovery.js";
import { Segment, type Artifact } from "./segment.js";
import { Policy } from "./trust.js";
import { validate, type Valid } from "./validate.js";
import { checkHead, walk, type Bounds, type Walk } from "./walk.js";

export interface OpenOptions {
  /** Facts of the host to read for. Absent: every segment counts, whatever it requires. */
  readonly host?: Host;
  /** Whose signatures are needed. Absent: none are, and none are looked at. */
  readonly policy?: Policy;
  /** [PCB-CHAIN-004] What the SHA-256 of all payload digests must be. */
  readonly expectedDigest?: Uint8Array;
  /** Read what is complete of an input with a torn tail. */
  readonly recover?: boolean;
  /** Limits other than the default ones, by name. */
  readonly limits?: Partial<Limits>;
}

/** An open bundle. Nothing of it is handed out unless all of it was accepted. */
export class Reader {
  readonly #current: Current;
  readonly #blocks: BlockReader;
  readonly #contents: ContentReader;

  private constructor(
    source: ByteSource,
    limits: Limits,
    /** In file order, those that do not match the host included. */
    readonly segments: readonly Segment[],
    current: Current,
    /** Names exactly this sequence of segments. */
    readonly digest: Uint8Array,
    /** Bytes that the segments take. */
    readonly size: number,
    /** Bytes behind them that recovery left out. */
    readonly ignored: number,
  ) {
    this.#current = current;
    this.#blocks = new BlockReader(source, limits);
    this.#contents = new ContentReader(this.#blocks, limits);
  }

  /**
   * Opens a bundle without reading its blocks.
   *
   * @throws Rejection where the bundle is refused, by the norm's order of checks.
   */
  static async open(source: ByteSource, options: OpenOptions = {}): Promise<Reader> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    const { policy = Policy.unsigned, host, expectedDigest } = options;
    await checkHead(source);
    const found = options.recover
      ? await recover(source, limits)
      : { walk: await walk(source, source.size, limits), size: source.size };
    // [PCB-READ-001] Each stage is over before the next begins.
    const stored = await readEnvelopes(source, found.walk, limits);
    for (const { envelope, bounds } of stored) policy.check(envelope, bounds.manifest);
    // [PCB-ENV-006] [PCB-READ-009]
    const totals: Totals = { items: 0n, content: 0n };
    const manifests = stored.map(({ envelope, bounds }) =>
      decodeManifest(envelope.payload, bounds.manifest, found.size, limits, totals),
    );
    const chain = new Chain();
    const valid = manifests.map((manifest, at) => {
      const { bounds, envelope } = stored[at] as Stored;
      return validate(manifest, envelope.payloadDigest, bounds, chain);
    });
    const segments = manifests.map((manifest, at) => {
      const { bounds, envelope } = stored[at] as Stored;
      const isMatch = !host || matches(manifest.requirements, host);
      return new Segment(bounds, envelope.payloadDigest, manifest, (valid[at] as Valid).places, isMatch);
    });
    if (host) checkHost(segments, host);
    const digest = await sha256(concatBytes(segments.map(({ payloadDigest }) => payloadDigest)));
    if (expectedDigest && !equalBytes(expectedDigest, digest)) {
      throw new Rejection(ErrorCode.DIGEST_MISMATCH, undefined, "another bundle was expected");
    }
    const current = new Current(segments, valid.map(({ index }) => index));
    return new Reader(source, limits, segments, current, digest, found.size, source.size - found.size);
  }

  /** The current artifacts of the segments that match, in first-recorded order. */
  get current(): Artifact[] {
    return this.#current.all();
  }

  /** The current artifact of this type and key, if there is one. */
  find(type: string, key: string): Artifact | undefined {
    return this.#current.find({ type, key });
  }

  /**
   * The verified content of an artifact of this bundle.
   *
   * @throws Rejection where it cannot be read; other artifacts are unaffected.
   */
  read(artifact: Artifact): Promise<Uint8Array> {
    return this.#contents.read(artifact);
  }

  /** The content in parts of at most a block; they count only once the stream has ended well. */
  stream(artifact: Artifact): AsyncGenerator<Uint8Array, void, void> {
    return this.#contents.stream(artifact);
  }

  /** Reads and checks the block of `segment.manifest.blocks` with this index. */
  async checkBlock(segment: Segment, index: number): Promise<void> {
    await this.#blocks.content(segment, index);
  }

  /** Reads and checks the content of an artifact: `ContentReader.check`. */
  checkContent(segment: Segment, index: number, known: KnownPlaces): Promise<Rejection | undefined> {
    return this.#contents.check(segment, index, known);
  }
}

/** A segment of which nothing is known but its frame. */
interface Stored {
  readonly bounds: Bounds;
  readonly envelope: Envelope;
}

/** Decodes all envelopes, and reports the lowest fault of FRAME, the first of those at one place. */
async function readEnvelopes(source: ByteSource, found: Walk, limits: Limits): Promise<Stored[]> {
  const faults = [...found.faults];
  const stored: Stored[] = [];
  for (const bounds of found.segments) {
    try {
      const bytes = await source.read(bounds.envelope, bounds.footer - bounds.envelope);
      stored.push({ bounds, envelope: await decodeEnvelope(bytes, bounds.manifest, limits) });
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      faults.push(error);
      // Those behind it lie higher.
      break;
    }
  }
  // [PCB-READ-002] The sort is stable.
  const [fault] = faults.sort((a, b) => (a.offset ?? 0) - (b.offset ?? 0));
  if (fault) throw fault;
  return stored;
}

// [PCB-HOST-005] [PCB-HOST-007]
function checkHost(segments: readonly Segment[], host: Host): void {
  const last = segments.at(-1);
  if (!last || segments.some((segment) => segment.matches)) return;
  throw new Rejection(
    ErrorCode.INCOMPATIBLE_ENVIRONMENT,
    last.manifestOffset,
    describeUnmet(last.manifest.requirements, host),
  );
}
