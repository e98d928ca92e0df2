// For the page under test: what it found, as the suite compares it.
import { toBinary } from "@bufbuild/protobuf";

import { BundleDumpSchema } from "../../conformance_tests/testees/typescript/gen/precompile/conformance/v1/reading_pb.js";
import type { Verification } from "../../conformance_tests/testees/typescript/src/index.js";
import { dump } from "../../conformance_tests/testees/typescript/testee/dump.js";

Object.assign(globalThis, {
  dumpOf: (verification: Verification) => Array.from(toBinary(BundleDumpSchema, dump(verification))),
});
