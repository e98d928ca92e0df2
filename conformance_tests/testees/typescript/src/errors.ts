// Two kinds of blame: an input that is refused, and a caller's mistake.
import { ErrorCode } from "../gen/precompile/v1/error_pb.js";

export { ErrorCode };

/** An input, or an artifact of it, is refused: its own fault, never the caller's. */
export class Rejection extends Error {
  override readonly name = "Rejection";

  constructor(
    /** Why, from the norm's table of rejections. */
    readonly code: ErrorCode,
    /** Where, in bytes from the input's start; absent where no place is at fault. */
    readonly offset: number | undefined,
    /** A sentence for a person. */
    detail: string,
  ) {
    const place = offset === undefined ? "" : ` at ${offset}`;
    super(`${ErrorCode[code]}${place}: ${detail}`);
  }
}

/** The caller asked for what can never be; no input is at fault. */
export class Misuse extends Error {
  override readonly name = "Misuse";
}

/** What `work` was refused for; any other error passes through. */
export async function rejectionOf(work: Promise<unknown>): Promise<Rejection | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof Rejection) return error;
    throw error;
  }
}
