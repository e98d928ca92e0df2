// The testee of the conformance suite: requests on standard input, responses on standard output.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "requests.h"

namespace testee {

c1::Rejection rejection(const precompile::Error& error) {
  c1::Rejection rejection;
  rejection.set_code(error.code);
  if (error.offset) rejection.set_offset(*error.offset);
  rejection.set_detail(error.detail);
  return rejection;
}

void refuse(const precompile::Error& error, c1::Response& response) {
  switch (error.kind) {
    case precompile::Error::Kind::kRejection:
      *response.mutable_rejection() = rejection(error);
      return;
    case precompile::Error::Kind::kMisuse:
      response.mutable_misuse()->set_detail(error.detail);
      return;
    default:
      std::fprintf(stderr, "%s\n", error.detail.c_str());
      std::exit(1);
  }
}

namespace {

void hello(c1::HelloResponse& answer) {
  answer.set_name("precompile-cpp");
  answer.set_version("1.0.0");
  answer.set_protocol(2);
  answer.add_spec_versions("1.0");
  for (const auto claimed : {c1::CONFORMANCE_CLASS_READER, c1::CONFORMANCE_CLASS_VERIFIER,
                             c1::CONFORMANCE_CLASS_WRITER, c1::CONFORMANCE_CLASS_CONTEXT}) {
    answer.add_classes(claimed);
  }
  for (const auto claimed : {c1::CAPABILITY_ZSTD, c1::CAPABILITY_SIGNATURES,
                             c1::CAPABILITY_RECOVERY, c1::CAPABILITY_LIMITS,
                             c1::CAPABILITY_SIGNING}) {
    answer.add_capabilities(claimed);
  }
}

void answer(const c1::Request& request, c1::Response& response) {
  switch (request.request_case()) {
    case c1::Request::kHello:
      return hello(*response.mutable_hello());
    case c1::Request::kRead:
      return read(request.read(), response);
    case c1::Request::kExtract:
      return extract(request.extract(), response);
    case c1::Request::kWrite:
      return write(request.write(), response);
    case c1::Request::kAppend:
      return append(request.append(), response);
    case c1::Request::kSign:
      return sign(request.sign(), response);
    case c1::Request::kConcatenate:
      return concatenate(request.concatenate(), response);
    case c1::Request::kScript:
      for (const auto& step : request.script().steps()) {
        if (step.step_case() == c1::Step::STEP_NOT_SET) {
          response.mutable_unsupported()->set_detail("A step is of no known kind.");
          return;
        }
      }
      return run_script(request.script(), response);
    default:
      response.mutable_unsupported()->set_detail("The request is of no known kind.");
  }
}

bool read_message(std::string& bytes) {
  unsigned char length[4];
  if (std::fread(length, 1, sizeof length, stdin) != sizeof length) return false;
  const uint32_t low = length[0], second = length[1], third = length[2], high = length[3];
  bytes.resize(low | second << 8 | third << 16 | high << 24);
  return std::fread(bytes.data(), 1, bytes.size(), stdin) == bytes.size();
}

bool write_message(const std::string& bytes) {
  const auto size = static_cast<uint32_t>(bytes.size());
  const unsigned char length[4] = {
      static_cast<unsigned char>(size), static_cast<unsigned char>(size >> 8),
      static_cast<unsigned char>(size >> 16), static_cast<unsigned char>(size >> 24)};
  return std::fwrite(length, 1, sizeof length, stdout) == sizeof length &&
         std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() &&
         std::fflush(stdout) == 0;
}

}  // namespace
}  // namespace testee

int main() {
  GOOGLE_PROTOBUF_VERIFY_VERSION;
  for (std::string bytes; testee::read_message(bytes);) {
    testee::c1::Request request;
    if (!request.ParseFromString(bytes)) return 1;
    testee::c1::Response response;
    response.set_id(request.id());
    testee::answer(request, response);
    if (!testee::write_message(response.SerializeAsString())) return 1;
  }
  return 0;
}
