#include "requests.h"
namespace testee {
void run_script(const c1::ScriptRequest&, c1::Response& r) { r.mutable_unsupported(); }
}
