// Gates: one half of a tensor times a function of the other half.
#include "autograd.h"
#include "extra.h"

namespace isac {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor gated(const at::Tensor &x) {
  const int64_t half = x.size(-1) / 2;
  return at::gelu(x.narrow(-1, half, half)).mul_(x.narrow(-1, 0, half));
}

// The gradient keeps x alone, and makes gelu of the gate again. That of either half is written where it belongs: of a narrowed tensor it would be a
// whole one, of zeros beside its own part, and the two would be added.
struct Gated : torch::autograd::Function<Gated> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x) {
    ctx->save_for_backward({x});
    return gated(x);
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const at::Tensor x = ctx->get_saved_variables()[0], &grad = grads[0], all = at::empty_like(x);
    const int64_t half = x.size(-1) / 2;
    const at::Tensor value = x.narrow(-1, 0, half), gate = x.narrow(-1, half, half);
    at::Tensor first = all.narrow(-1, 0, half), second = all.narrow(-1, half, half);
    at::gelu_out(first, gate).mul_(grad);
    at::mul_out(second, grad, value);
    at::gelu_backward_out(second, second, gate);
    return {all};
  }
};

}  // namespace

at::Tensor x::geglu(const at::Tensor &x) {
  TORCH_CHECK(x.dim() > 0 && x.size(-1) % 2 == 0, "the last dimension must have two halves");
  if (graph_of(x)) return Gated::apply(x);
  return gated(x);
}

}  // namespace isac
