// The public surface, in Node and in browsers. `./node.js` adds what needs Node.
export type { Attribute, AttributeValue, Double } from "./attributes.js";
export { BlobSource, BytesSource, type ByteSource } from "./byte_source.js";
export type { Host } from "./environment.js";
export { ErrorCode, Misuse, Rejection } from "./errors.js";
export type { ArtifactId } from "./ids.js";
export { DEFAULT_LIMITS, type Limits } from "./limits.js";
export { Reader, type OpenOptions } from "./reader.js";
export type { Requirement } from "./requirements.js";
export type { Artifact, Segment } from "./segment.js";
export {
  JoinedSource, openStore, pieceName, piecesOfManifest, type Layer, type Piece, type StoreContents,
} from "./store.js";
export { Policy } from "./trust.js";
export { Verifier, type Verification } from "./verifier.js";
export { ArtifactKind } from "../gen/precompile/v1/artifact_pb.js";
export { Match } from "../gen/precompile/v1/environment_pb.js";
