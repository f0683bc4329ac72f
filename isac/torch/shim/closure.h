// A Go closure of tensors as C++ holds it.
#pragma once

#include "autograd.h"

namespace isac {

struct Closure : torch::CustomClassHolder {
  uintptr_t handle;
  std::vector<bool> present;  // which of the caller's inputs are defined; libtorch's Function takes only those
  explicit Closure(uintptr_t h) : handle(h) {}
  ~Closure() override;

  // Runs the Go closure on the defined inputs in a scope of its own on this thread, with the grad mode that is set.
  torch::autograd::variable_list call(const torch::autograd::variable_list &inputs) const;
};

void set_closure(isac_closure_fn closure);
int64_t dead_closures(uintptr_t *out, int64_t cap);

}  // namespace isac
