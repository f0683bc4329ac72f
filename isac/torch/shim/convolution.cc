// Convolution on the CPU: by libtorch's choice, or as a product of matrices where that is known to be faster.
#include <ATen/Context.h>

#include "extra.h"

namespace isac {
namespace x {
namespace {

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

}  // namespace

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &w, const at::Tensor &b, at::IntArrayRef stride, at::IntArrayRef padding,
                  at::IntArrayRef dilation, int64_t groups) {
  if (few_pixels(x, w, stride, padding, dilation, groups)) {
    // of pixels that lie channel by channel: else it would copy the weights into the order of the pixels
    return at::thnn_conv2d(x.contiguous(), w, w.sizes().slice(2), opt(b), stride, padding);
  }
  return at::conv2d(x, w, opt(b), stride, padding, dilation, groups);
}

}  // namespace x
}  // namespace isac
