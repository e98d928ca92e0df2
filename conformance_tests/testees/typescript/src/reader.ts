// Opens a bundle, stage by stage, and gives its artifacts and contents.
import type { ByteSource } from "./byte_source.js";
import { concatBytes, equalBytes } from "./bytes.js";
import { Chain, type Place } from "./chain.js";
import { ContentReader } from "./content.js";
import { currentArtifacts } from "./current.js";
import { sha256 } from "./digest.js";
import { decodeEnvelope, type Envelope } from "./envelope.js";
import { describeUnmet, matches, type Host } from "./environment.js";
import { ErrorCode, Rejection } from "./errors.js";
import { DEFAULT_LIMITS, type Limits } from "./limits.js";
import { decodeManifest, type Manifest, type Totals } from "./manifest.js";
import { nameOf } from "./names.js";
import { recover } from "./recovery.js";
import { Segment, type Artifact } from "./segment.js";
import { Policy } from "./trust.js";
import { validate } from "./validate.js";
import { checkHead, walk, type Extent, type Walk } from "./walk.js";

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
  readonly #current: ReadonlyMap<string, Artifact>;
  readonly #content: ContentReader;

  private constructor(
    source: ByteSource,
    limits: Limits,
    /** In file order, those that do not match the host included. */
    readonly segments: readonly Segment[],
    /** Names exactly this sequence of segments. */
    readonly digest: Uint8Array,
    /** Bytes that the segments take. */
    readonly size: number,
    /** Bytes behind them that recovery left out. */
    readonly ignored: number,
  ) {
    this.#current = currentArtifacts(segments);
    this.#content = new ContentReader(source, limits);
  }

  /**
   * Opens a bundle without reading its blocks.
   *
   * @throws Rejection where the bundle is refused, by the norm's order of checks.
   */
  static async open(source: ByteSource, options: OpenOptions = {}): Promise<Reader> {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    await checkHead(source);
    const found = options.recover
      ? await recover(source, limits)
      : { walk: await walk(source, source.size, limits), size: source.size };
    // [PCB-READ-001] Each stage is over before the next begins.
    const extents = found.walk.segments;
    const envelopes = await readEnvelopes(source, found.walk, limits);
    const policy = options.policy ?? Policy.unsigned;
    envelopes.forEach((envelope, at) => policy.check(envelope, (extents[at] as Extent).manifest));
    const manifests = decodeAll(envelopes, extents, limits);
    const digests = envelopes.map(({ payloadDigest }) => payloadDigest);
    const chain = new Chain();
    const places = manifests.map((manifest, at) =>
      validate(manifest, digests[at] as Uint8Array, extents[at] as Extent, chain),
    );
    const segments = manifests.map((manifest, at) => {
      const { start, end, manifest: offset } = extents[at] as Extent;
      const isMatch = !options.host || matches(manifest.requirements, options.host);
      return new Segment(
        start, end - start, offset, digests[at] as Uint8Array, manifest, places[at] as Place[], isMatch,
      );
    });
    if (options.host) checkHost(segments, options.host);
    const digest = await sha256(concatBytes(digests));
    if (options.expectedDigest && !equalBytes(options.expectedDigest, digest)) {
      throw new Rejection(ErrorCode.DIGEST_MISMATCH, undefined, "another bundle was expected");
    }
    const ignored = source.size - found.size;
    return new Reader(source, limits, segments, digest, found.size, ignored);
  }

  /** The current artifacts of the segments that match, in first-recorded order. */
  get current(): Artifact[] {
    return [...this.#current.values()];
  }

  /** The current artifact of this type and key, if there is one. */
  find(type: string, key: string): Artifact | undefined {
    return this.#current.get(nameOf({ type, key }));
  }

  /**
   * The verified content of an artifact of this bundle.
   *
   * @throws Rejection where it cannot be read; other artifacts are unaffected.
   */
  read(artifact: Artifact): Promise<Uint8Array> {
    return this.#content.read(artifact);
  }

  /** The content in parts of at most a block; they count only once the stream has ended well. */
  stream(artifact: Artifact): AsyncGenerator<Uint8Array, void, void> {
    return this.#content.stream(artifact);
  }

  /** Reads and checks the block of `segment.manifest.blocks` with this index. */
  async checkBlock(segment: Segment, index: number): Promise<void> {
    const entry = segment.manifest.blocks[index];
    const place = segment.places[index];
    if (!entry || !place) throw new RangeError(`no block ${index}`);
    await this.#content.block(entry, place);
  }
}

/** Decodes all envelopes, and reports the lowest fault of FRAME, the first of those at one place. */
async function readEnvelopes(source: ByteSource, found: Walk, limits: Limits): Promise<Envelope[]> {
  const faults = [...found.faults];
  const envelopes: Envelope[] = [];
  for (const { manifest, envelope, footer } of found.segments) {
    try {
      const bytes = await source.read(envelope, footer - envelope);
      envelopes.push(await decodeEnvelope(bytes, manifest, limits));
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
  return envelopes;
}

// [PCB-ENV-006] [PCB-READ-009]
function decodeAll(
  envelopes: readonly Envelope[], extents: readonly Extent[], limits: Limits,
): Manifest[] {
  const totals: Totals = { items: 0n, content: 0n };
  return envelopes.map(({ payload }, at) =>
    decodeManifest(payload, (extents[at] as Extent).manifest, limits, totals),
  );
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
