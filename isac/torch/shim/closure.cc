// Calls of Go closures from C++.
#include "closure.h"

#include <mutex>

namespace isac {
namespace {

isac_closure_fn call_go = nullptr;

// Closures that no graph refers to any more. A destructor must not call Go (it runs inside any op that drops a graph), so it
// leaves the closure here and Go collects it.
std::mutex dead_mutex;
std::vector<uintptr_t> &dead() {
  static auto *v = new std::vector<uintptr_t>;
  return *v;
}

}  // namespace

void set_closure(isac_closure_fn closure) { call_go = closure; }

Closure::~Closure() {
  std::lock_guard<std::mutex> lock(dead_mutex);
  dead().push_back(handle);
}

torch::autograd::variable_list Closure::call(const torch::autograd::variable_list &inputs) const {
  Scope scope;
  std::vector<uint64_t> ids;
  size_t next = 0;
  for (const bool defined : present) ids.push_back(defined ? put(inputs[next++], "closure input") : 0);
  isac_list out = call_go(handle, ids.data(), static_cast<int64_t>(ids.size()));
  if (out.err != nullptr) {
    Failure f = parse_failure(out.err);
    free(out.err);
    free(out.ids);
    throw f;
  }
  torch::autograd::variable_list results;
  try {
    for (int64_t i = 0; i < out.n; i++) results.push_back(tensor(out.ids[i]));
  } catch (...) {
    free(out.ids);
    throw;
  }
  free(out.ids);
  return results;
}

int64_t dead_closures(uintptr_t *out, int64_t cap) {
  std::lock_guard<std::mutex> lock(dead_mutex);
  std::vector<uintptr_t> &v = dead();
  int64_t n = 0;
  while (n < cap && !v.empty()) {
    out[n++] = v.back();
    v.pop_back();
  }
  return n;
}

}  // namespace isac
