// Names of artifacts, as backends and removed ids are told.
import { isKey, isName } from "./names.js";
import type { WireReader } from "./wire.js";

/** What names an artifact. */
export interface Name {
  readonly type: string;
  readonly key: string;
}

/** Names an artifact, here or in another segment. */
export interface ArtifactId extends Name {
  /** Of a backend: 32 bytes, or empty where the backend was not there when it was named. */
  readonly contentDigest: Uint8Array;
}

const NONE: Uint8Array = new Uint8Array(0);

/** Decodes the `ArtifactId` at the reader's place; its digest is a view. */
export function decodeId(reader: WireReader, end: number, depth: number): ArtifactId {
  let type = "";
  let key = "";
  let contentDigest = NONE;
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag === 0x0a) type = reader.text(end);
    else if (tag === 0x12) key = reader.text(end);
    else if (tag === 0x1a) contentDigest = reader.view(end);
    else reader.skip(tag, end, depth);
  }
  return { type, key, contentDigest };
}

/** [PCB-NAME-001] [PCB-NAME-002] */
export function isId({ type, key }: Name): boolean {
  return isName(type) && isKey(key);
}
