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
template <class Named>
v1::ArtifactId id_of(const Named& named) {
  v1::ArtifactId id;
  id.set_type(named.type());
  id.set_key(named.key());
  id.set_content_digest(named.content_digest());
  return id;
}

}  // namespace testee
