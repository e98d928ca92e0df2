// ReadRequest and ExtractRequest.
import { create } from "@bufbuild/protobuf";

import {
  ExtractedSchema,
  type BundleDump, type ExtractRequest, type Extracted, type Host as HostMessage,
  type ReadLimits, type ReadRequest, type TrustPolicy,
} from "../gen/precompile/conformance/v1/reading_pb.js";
import { sha256 } from "../src/digest.js";
import { Policy, Reader, Verifier, type Host, type Limits } from "../src/index.js";
import { FileSource } from "../src/node.js";
import { dump } from "./dump.js";

const MAX_CONTENT_TOLD = 1 << 20;

export async function read(request: ReadRequest): Promise<BundleDump> {
  const verifier = new Verifier(await policyOf(request.trust), {
    recover: request.recover,
    limits: limitsOf(request.limits),
    ...(request.host && { host: hostOf(request.host) }),
    ...(request.expectedDigest.length > 0 && { expectedDigest: request.expectedDigest }),
  });
  return withFile(request.path, async (file) => dump(await verifier.verify(file)));
}

export async function extract({ path, type, key }: ExtractRequest): Promise<Extracted> {
  return withFile(path, async (file) => {
    const bundle = await Reader.open(file);
    const artifact = bundle.find(type, key);
    if (!artifact) return create(ExtractedSchema, { found: false });
    const content = await bundle.read(artifact);
    return create(ExtractedSchema, {
      found: true,
      content: content.length <= MAX_CONTENT_TOLD ? content : new Uint8Array(0),
      contentSize: BigInt(content.length),
      contentDigest: await sha256(content),
    });
  });
}

async function withFile<T>(path: string, work: (file: FileSource) => Promise<T>): Promise<T> {
  const file = await FileSource.open(path);
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}

async function policyOf(trust: TrustPolicy | undefined): Promise<Policy> {
  return trust ? Policy.signedBy(trust.trustedKeys, trust.threshold) : Policy.unsigned;
}

function hostOf({ facts }: HostMessage): Host {
  return new Map(facts.map(({ name, values }) => [name, new Set(values)]));
}

// In each field 0 stands for the default.
function limitsOf(message: ReadLimits | undefined): Partial<Limits> {
  if (!message) return {};
  const { manifestBytes, items, segments, signatures } = message;
  const { totalContent, totalDecompressed } = message;
  const asked = { manifestBytes, items, segments, signatures, totalContent, totalDecompressed };
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== 0n));
}
