// What an input is refused for.
import assert from "node:assert/strict";

import { ErrorCode, Rejection } from "../src/index.js";

export async function refusal(work: Promise<unknown>): Promise<[code: string, offset?: number]> {
  try {
    await work;
  } catch (error) {
    assert.ok(error instanceof Rejection, `${error} is no rejection`);
    const code = ErrorCode[error.code] as string;
    return error.offset === undefined ? [code] : [code, error.offset];
  }
  return ["accepted"];
}
