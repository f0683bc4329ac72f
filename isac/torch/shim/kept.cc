// Operations of frozen models: their gradient is wanted with respect to what comes in alone, and keeps no more than that takes.
#include <c10/util/accumulate.h>

#include "autograd.h"
#include "extra.h"

namespace isac {
namespace x {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// H·W, of no image too.
int64_t pixels_of(const at::Tensor &x) { return c10::multiply_integers(x.sizes().slice(2)); }

// y, mean and 1/σ of group_norm, of x in an order that its kernels read.
std::tuple<at::Tensor, at::Tensor, at::Tensor> normed(const at::Tensor &x, int64_t groups, const at::Tensor &w, const at::Tensor &b, double eps) {
  return at::native_group_norm(x, opt(w), opt(b), x.size(0), x.size(1), pixels_of(x), groups, eps);
}

// The gradient of silu needs what comes out of the norm, which is made again of what comes in: x lies there anyway, as the sum that the block
// before has left.
struct GroupNormSilu : torch::autograd::Function<GroupNormSilu> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const c10::optional<at::Tensor> &scale, const c10::optional<at::Tensor> &shift,
                            int64_t groups, double eps) {
    const at::Tensor w = scale.value_or(at::Tensor()), b = shift.value_or(at::Tensor());
    ctx->save_for_backward({x, w, b});
    ctx->saved_data["groups"] = groups;
    ctx->saved_data["eps"] = eps;
    const auto order = x.is_cpu() ? x.suggest_memory_format() : at::MemoryFormat::Contiguous;
    at::Tensor y = std::get<0>(normed(x.contiguous(order), groups, w, b, eps));
    return at::silu_(y);
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor x = saved[0].contiguous(), none;  // before libtorch 2 the gradient knows no other order
    const int64_t groups = ctx->saved_data["groups"].toInt();
    at::Tensor y, mean, rstd;
    std::tie(y, mean, rstd) = normed(x, groups, saved[1], saved[2], ctx->saved_data["eps"].toDouble());
    const at::Tensor g = at::silu_backward(grads[0].contiguous(), y);
    y.reset();
    const at::Tensor dx = std::get<0>(at::native_group_norm_backward(g, x, mean, rstd, opt(saved[1]), x.size(0), x.size(1), pixels_of(x), groups,
                                                                     {true, false, false}));
    return {dx, none, none, none, none};
  }
};

}  // namespace

at::Tensor group_norm_silu(const at::Tensor &x, int64_t groups, const at::Tensor &w, const at::Tensor &b, double eps) {
  TORCH_CHECK(x.dim() >= 2 && groups > 0 && x.size(1) % groups == 0, "x [B,C,...] needs channels that ", groups, " groups divide, it has shape ", x.sizes());
  if (graph_of(x) && frozen(w) && frozen(b)) return GroupNormSilu::apply(x, opt(w), opt(b), groups, eps);
  if (!frozen(w) || !frozen(b)) return at::silu(at::group_norm(x, groups, opt(w), opt(b), eps));
  at::Tensor y = at::group_norm(x, groups, opt(w), opt(b), eps);
  return at::silu_(y);
}

}  // namespace x
}  // namespace isac
