// What was found in a bundle, as the suite compares it.
import { create } from "@bufbuild/protobuf";

import {
  ArtifactDumpSchema, BundleDumpSchema, SegmentDumpSchema,
  type ArtifactDump, type BundleDump, type SegmentDump,
} from "../gen/precompile/conformance/v1/reading_pb.js";
import { ArtifactIdSchema } from "../gen/precompile/v1/artifact_pb.js";
import { ProducerSchema } from "../gen/precompile/v1/bundle_pb.js";
import { RequirementSchema } from "../gen/precompile/v1/environment_pb.js";
import type { Artifact, Segment, Verification } from "../src/index.js";
import { rejectionMessage } from "./answer.js";
import { attributeMessage } from "./attribute.js";

export function dump(verification: Verification): BundleDump {
  const { bundle, fault } = verification;
  return create(BundleDumpSchema, {
    bundleDigest: bundle.digest,
    size: BigInt(bundle.size),
    ignored: BigInt(bundle.ignored),
    segments: bundle.segments.map((segment) => dumpSegment(segment, verification)),
    current: bundle.current.map(({ type, key, contentDigest }) =>
      create(ArtifactIdSchema, { type, key, contentDigest }),
    ),
    ...(fault && { contentFault: rejectionMessage(fault) }),
  });
}

function dumpSegment(segment: Segment, verification: Verification): SegmentDump {
  const { producer, requirements, removed } = segment.manifest;
  return create(SegmentDumpSchema, {
    offset: BigInt(segment.offset),
    size: BigInt(segment.size),
    payloadDigest: segment.payloadDigest,
    beginsChain: segment.beginsChain,
    matches: segment.matches,
    producer: create(ProducerSchema, producer),
    requirements: requirements.map(({ name, match, values }) =>
      create(RequirementSchema, { name, match, values: [...values] }),
    ),
    removed: removed.map((name) => create(ArtifactIdSchema, name)),
    artifacts: segment.artifacts.map((artifact) => dumpArtifact(artifact, verification)),
  });
}

function dumpArtifact(artifact: Artifact, { contentFaults }: Verification): ArtifactDump {
  const { type, key, kind, contentDigest, contentSize, backends, attributes } = artifact;
  const fault = contentFaults.get(artifact);
  return create(ArtifactDumpSchema, {
    type, key, kind, contentDigest, contentSize,
    backends: backends.map((id) => create(ArtifactIdSchema, id)),
    attributes: attributes.map(attributeMessage),
    ...(fault && { contentFault: rejectionMessage(fault) }),
  });
}
