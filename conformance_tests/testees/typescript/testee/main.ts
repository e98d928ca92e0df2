// The testee: requests on standard input, answers on standard output.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";

import { RequestSchema, ResponseSchema } from "../gen/precompile/conformance/v1/testee_pb.js";
import { answer } from "./answer.js";
import { frames, writeFrame } from "./frames.js";

for await (const frame of frames(process.stdin)) {
  const request = fromBinary(RequestSchema, frame);
  const response = create(ResponseSchema, { id: request.id, response: await answer(request) });
  await writeFrame(process.stdout, toBinary(ResponseSchema, response));
}
