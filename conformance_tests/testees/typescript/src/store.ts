// Reads the layout of stores (docs/stores.md): which objects are pieces, their order, what they are together.
import type { ByteSource } from "./byte_source.js";
import { toHex } from "./bytes.js";
import { Rejection } from "./errors.js";
import { Reader, type OpenOptions } from "./reader.js";

/** A piece by its name, the bundle digest in hex, and where its bytes are. */
export interface Piece {
  readonly name: string;
  readonly source: ByteSource;
}

/** A layer of a registry's manifest: a blob, which holds a part of a piece. */
export interface Layer {
  /** `sha256:` and hex digits. */
  readonly digest: string;
  readonly size: number;
}

/** What a reader finds in a store. */
export interface StoreContents {
  /** The bundle that the store holds; absent where no piece can be used. */
  readonly bundle: Reader | undefined;
  /** Names of the pieces in use, in their order. */
  readonly pieces: readonly string[];
  /** The others, and what each is refused for. */
  readonly leftOut: ReadonlyMap<string, string>;
}

const PIECE = /^pieces\/([0-9a-f]{64})\.precompile$/;
const DIGEST = /^[0-9a-f]{64}$/;
const BLOB = /^sha256:[0-9a-f]{64}$/;
/** Stands for the name of the piece whose layers name none. It comes behind all digests. */
export const UNNAMED = "unnamed";
const BUNDLE_TYPE = "application/vnd.precompile.bundle";
const PIECE_NOTE = "vnd.precompile.piece";

/** The name of the piece that an object is, by its path below the store's prefix; else undefined. */
export function pieceName(path: string): string | undefined {
  // [STORE-001] [STORE-002]
  return PIECE.exec(path)?.[1];
}

/**
 * The layers of each piece that a registry's manifest lists, by the pieces' names.
 *
 * @throws Error where it is no manifest of a bundle.
 */
export function piecesOfManifest(manifest: unknown): Map<string, Layer[]> {
  // [STORE-011] [STORE-012]
  const { artifactType, layers } = (manifest ?? {}) as { artifactType?: unknown; layers?: unknown };
  if (artifactType !== BUNDLE_TYPE || !Array.isArray(layers)) throw new Error("not a manifest of a bundle");
  const pieces = new Map<string, Layer[]>();
  for (const layer of layers as unknown[]) {
    const { digest, size, annotations } = (layer ?? {}) as Record<string, unknown>;
    const name = (annotations as Record<string, unknown> | undefined)?.[PIECE_NOTE];
    if (typeof digest !== "string" || !BLOB.test(digest) || !Number.isSafeInteger(size) || (size as number) < 0) {
      throw new Error("a layer without a digest and a size");
    }
    if (name !== undefined && !(typeof name === "string" && DIGEST.test(name))) {
      throw new Error("a layer that names no piece");
    }
    const of = pieces.get(name ?? UNNAMED) ?? [];
    of.push({ digest, size: size as number });
    pieces.set(name ?? UNNAMED, of);
  }
  return pieces;
}

/** Sources one behind another. */
export class JoinedSource implements ByteSource {
  readonly size: number;
  readonly #parts: readonly { start: number; source: ByteSource }[];

  constructor(sources: Iterable<ByteSource>) {
    let size = 0;
    this.#parts = [...sources].map((source) => {
      const start = size;
      size += source.size;
      return { start, source };
    });
    this.size = size;
  }

  async read(offset: number, size: number): Promise<Uint8Array> {
    const whole = new Uint8Array(size);
    await Promise.all(this.#parts.map(async ({ start, source }) => {
      const from = Math.max(start, offset);
      const to = Math.min(start + source.size, offset + size);
      if (from < to) whole.set(await source.read(from - start, to - from), from - offset);
    }));
    return whole;
  }
}

/**
 * Opens what a store holds: its pieces in their order, those left out that are not what they claim.
 *
 * @throws Rejection where the pieces together are refused, for their number or size.
 */
export async function openStore(pieces: Iterable<Piece>, options: OpenOptions = {}): Promise<StoreContents> {
  const leftOut = new Map<string, string>();
  const used: Piece[] = [];
  const { policy, limits } = options;
  const alone = { ...(policy && { policy }), ...(limits && { limits }) };
  // [STORE-002] Hex digits: the order of their code units is that of the digests.
  for (const piece of [...pieces].sort((a, b) => (a.name < b.name ? -1 : 1))) {
    // [STORE-003]
    try {
      const { digest } = await Reader.open(piece.source, alone);
      if (piece.name === UNNAMED || toHex(digest) === piece.name) used.push(piece);
      else leftOut.set(piece.name, "its digest is another");
    } catch (error) {
      if (!(error instanceof Rejection)) throw error;
      leftOut.set(piece.name, error.message);
    }
  }
  // [STORE-004]
  const joined = new JoinedSource(used.map(({ source }) => source));
  const bundle = used.length > 0 ? await Reader.open(joined, options) : undefined;
  return { bundle, pieces: used.map(({ name }) => name), leftOut };
}
