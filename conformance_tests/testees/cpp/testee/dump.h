// Bundles as the protocol's messages.
#pragma once

#include "precompile/conformance/v1/reading.pb.h"
#include "precompile/host.h"
#include "precompile/verifier.h"

namespace testee {

namespace c1 = precompile::conformance::v1;
namespace v1 = precompile::v1;

// Absent: everything is accepted.
precompile::Result<precompile::Policy> policy_of(const c1::TrustPolicy* trust);
precompile::Host host_of(const c1::Host& host);
c1::BundleDump dump(const precompile::Reader& reader, const precompile::Verification& found);

// As the manifest has it, without what is unknown; an attribute of an unknown value has its name.
v1::Attribute known(const v1::Attribute& attribute);

}  // namespace testee
