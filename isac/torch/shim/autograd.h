// What the autograd files share.
#pragma once

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "shim.h"

namespace isac {

at::Tensor attention_mean(const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk);

}  // namespace isac
