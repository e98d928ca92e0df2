#include "requests.h"
namespace testee {
void write(const c1::WriteRequest&, c1::Response& r) { r.mutable_unsupported(); }
void append(const c1::AppendRequest&, c1::Response& r) { r.mutable_unsupported(); }
void concatenate(const c1::ConcatenateRequest&, c1::Response& r) { r.mutable_unsupported(); }
void run_script(const c1::ScriptRequest&, c1::Response& r) { r.mutable_unsupported(); }
}
