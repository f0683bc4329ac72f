// What the autograd files share.
#pragma once

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "shim.h"

namespace isac {

// Whether what is made of x has a gradient, and whether one is wanted of a weight, which may be undefined.
inline bool graph_of(const at::Tensor &x) { return at::GradMode::is_enabled() && x.requires_grad(); }
inline bool frozen(const at::Tensor &t) { return !t.defined() || !t.requires_grad(); }

at::Tensor attention_mean(const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk);

}  // namespace isac
