// Convolution on the CPU: by libtorch's choice, or as a product of matrices where that is known to be faster.
#include <ATen/Context.h>

#include "autograd.h"
#include "extra.h"

namespace isac {
namespace x {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kManyWeights = int64_t(1) << 20;  // 4 MiB of them: more than a cache of the second level holds beside the rest

// oneDNN brings the weights into an order of its own at every call, element by element: at 8×8 pixels and 1280 channels that is most of its
// time. A product of matrices reads them as they lie, but wants each pixel's neighbourhood written out. The first moves in·kernel·out
// numbers, the second in·kernel·pixels. Not so with OpenBLAS, whose products of few columns are slow.
bool few_pixels(const at::Tensor &x, const at::Tensor &w, at::IntArrayRef stride, at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
  const auto plain = [](const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat && t.dim() == 4; };
  const auto pair = [](at::IntArrayRef a, int64_t least) { return a.size() == 2 && a[0] >= least && a[1] >= least; };
  if (!at::hasMKL() || !plain(x) || !plain(w) || !pair(stride, 1) || !pair(padding, 0) || !pair(dilation, 1)) return false;
  if (groups != 1 || dilation[0] * dilation[1] != 1 || x.size(1) != w.size(1) || !w.is_contiguous() || w.numel() < kManyWeights) return false;
  const int64_t rows = (x.size(2) + 2 * padding[0] - w.size(2)) / stride[0] + 1;
  const int64_t columns = (x.size(3) + 2 * padding[1] - w.size(3)) / stride[1] + 1;
  const int64_t pixels = x.size(0) * rows * columns;
  return w.size(2) * w.size(3) > 1 && rows > 0 && columns > 0 && pixels > 0 && pixels < w.size(0);
}

at::Tensor convolve(const at::Tensor &x, const at::Tensor &w, const at::Tensor &b, at::IntArrayRef stride, at::IntArrayRef padding,
                    at::IntArrayRef dilation, int64_t groups) {
  if (few_pixels(x, w, stride, padding, dilation, groups)) {
    // of pixels that lie channel by channel: else it would copy the weights into the order of the pixels
    return at::thnn_conv2d(x.contiguous(), w, w.sizes().slice(2), opt(b), stride, padding);
  }
  return at::conv2d(x, w, opt(b), stride, padding, dilation, groups);
}

// The gradient with respect to what comes in needs the weights alone; libtorch's own keeps what came in as well.
struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &w, const c10::optional<at::Tensor> &b, at::IntArrayRef stride,
                            at::IntArrayRef padding, at::IntArrayRef dilation, int64_t groups) {
    ctx->save_for_backward({w});
    const auto keep = [&](const char *name, at::IntArrayRef value) { ctx->saved_data[name] = value.vec(); };
    keep("shape", x.sizes());
    keep("stride", stride);
    keep("padding", padding);
    keep("dilation", dilation);
    ctx->saved_data["groups"] = groups;
    ctx->saved_data["few"] = few_pixels(x, w, stride, padding, dilation, groups);
    ctx->saved_data["order"] = static_cast<int64_t>(x.suggest_memory_format());
    return convolve(x, w, b.value_or(at::Tensor()), stride, padding, dilation, groups);
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const at::Tensor w = ctx->get_saved_variables()[0], none;
    const auto kept = [&](const char *name) { return ctx->saved_data[name].toIntVector(); };
    const std::vector<int64_t> stride = kept("stride"), padding = kept("padding"), dilation = kept("dilation");
    const int64_t groups = ctx->saved_data["groups"].toInt();
    // Nothing reads the values of what stands for the input.
    const auto order = static_cast<at::MemoryFormat>(ctx->saved_data["order"].toInt());
    const at::Tensor x = at::empty(kept("shape"), grads[0].options(), order);
    const std::array<bool, 3> wants{true, false, false};
    at::Tensor dx;
    if (ctx->saved_data["few"].toBool()) {
      dx = std::get<0>(at::_slow_conv2d_backward(grads[0].contiguous(), x, w, w.sizes().slice(2), stride, padding, wants));
    } else {
      dx = std::get<0>(at::convolution_backward(grads[0], x, w, c10::nullopt, stride, padding, dilation, false, std::vector<int64_t>(stride.size(), 0), groups, wants));
    }
    return {dx, none, none, none, none, none, none};
  }
};

}  // namespace

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &w, const at::Tensor &b, at::IntArrayRef stride, at::IntArrayRef padding,
                  at::IntArrayRef dilation, int64_t groups) {
  if (x.dim() == 4 && graph_of(x) && frozen(w) && frozen(b)) return Convolution::apply(x, w, opt(b), stride, padding, dilation, groups);
  return convolve(x, w, b, stride, padding, dilation, groups);
}

}  // namespace x
}  // namespace isac
