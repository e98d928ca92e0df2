// Messages on a pipe: four bytes of length, little-endian, and so many bytes.
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

const LENGTH_SIZE = 4;

/** The messages of a stream until it ends. */
export async function* frames(input: Readable): AsyncGenerator<Uint8Array, void, void> {
  let held = Buffer.alloc(0);
  for await (const chunk of input) {
    held = Buffer.concat([held, chunk as Buffer]);
    while (held.length >= LENGTH_SIZE) {
      const end = LENGTH_SIZE + held.readUInt32LE(0);
      if (held.length < end) break;
      yield held.subarray(LENGTH_SIZE, end);
      held = held.subarray(end);
    }
  }
  if (held.length > 0) throw new Error("the input ends within a message");
}

export async function writeFrame(output: Writable, message: Uint8Array): Promise<void> {
  const length = Buffer.alloc(LENGTH_SIZE);
  length.writeUInt32LE(message.length);
  output.write(length);
  if (!output.write(message)) await once(output, "drain");
}
