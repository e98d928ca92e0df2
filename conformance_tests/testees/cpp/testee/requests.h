// What the testee does for each kind of request.
#pragma once

#include "precompile/conformance/v1/testee.pb.h"
#include "precompile/result.h"

namespace testee {

namespace c1 = precompile::conformance::v1;

void read(const c1::ReadRequest& request, c1::Response& response);
void extract(const c1::ExtractRequest& request, c1::Response& response);
void write(const c1::WriteRequest& request, c1::Response& response);
void append(const c1::AppendRequest& request, c1::Response& response);
void sign(const c1::SignRequest& request, c1::Response& response);
void concatenate(const c1::ConcatenateRequest& request, c1::Response& response);
void run_script(const c1::ScriptRequest& request, c1::Response& response);

c1::Rejection rejection(const precompile::Error& error);
// The answer where an operation failed. A fault of this machine ends the testee: it is neither
// an outcome of the input nor the caller's mistake.
void refuse(const precompile::Error& error, c1::Response& response);

}  // namespace testee
