// What each request gets.
import { create } from "@bufbuild/protobuf";

import {
  RejectionSchema, type Rejection as RejectionMessage,
} from "../gen/precompile/conformance/v1/reading_pb.js";
import {
  Capability, ConformanceClass, HelloResponseSchema, UnsupportedSchema,
  type Request, type Response,
} from "../gen/precompile/conformance/v1/testee_pb.js";
import { MisuseSchema } from "../gen/precompile/conformance/v1/writing_pb.js";
import { Misuse, Rejection } from "../src/index.js";
import { extract, read } from "./reading.js";

export type Answer = Response["response"];

const NAME = "precompile-bundle-typescript";
const VERSION = "1.0.0";

export async function answer({ request }: Request): Promise<Answer> {
  try {
    switch (request.case) {
      case "hello":
        return { case: "hello", value: hello() };
      case "read":
        return { case: "bundle", value: await read(request.value) };
      case "extract":
        return { case: "extracted", value: await extract(request.value) };
      default:
        return {
          case: "unsupported",
          value: create(UnsupportedSchema, { detail: request.case ?? "an unknown request" }),
        };
    }
  } catch (error) {
    if (error instanceof Rejection) return { case: "rejection", value: rejectionMessage(error) };
    if (error instanceof Misuse) return { case: "misuse", value: create(MisuseSchema, { detail: error.message }) };
    throw error;
  }
}

function hello() {
  return create(HelloResponseSchema, {
    name: NAME,
    version: VERSION,
    protocol: 2,
    specVersions: ["1.0"],
    classes: [ConformanceClass.READER, ConformanceClass.VERIFIER],
    capabilities: [
      Capability.ZSTD, Capability.SIGNATURES, Capability.RECOVERY, Capability.LIMITS,
    ],
  });
}

export function rejectionMessage({ code, offset, message }: Rejection): RejectionMessage {
  const place = offset === undefined ? {} : { offset: BigInt(offset) };
  return create(RejectionSchema, { code, ...place, detail: message });
}
