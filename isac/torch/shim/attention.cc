// Attention: the public op for values.
#include "autograd.h"
#include "extra.h"

namespace isac {
namespace x {

#define HAS_SDPA (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 1))

#if !HAS_SDPA
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const int64_t kScores = int64_t(1) << 21;  // scores in one piece: 8 MiB, about a CPU's cache

// softmax(scale q kᵀ + mask) v, spelled out.
at::Tensor plain(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, double scale) {
  at::Tensor s = at::matmul(q * scale, k.transpose(-2, -1));
  if (mask.defined()) s = mask.scalar_type() == at::kBool ? s.masked_fill(mask.logical_not(), -INFINITY) : s + mask;
  return at::matmul(s.softmax(-1), v);
}

// How many of q's rows make kScores with k's.
int64_t rows_of(const at::Tensor &q, const at::Tensor &k) {
  const int64_t heads = q.numel() / std::max<int64_t>(1, q.size(-2) * q.size(-1));
  return std::max<int64_t>(16, kScores / std::max<int64_t>(1, heads * k.size(-2)));
}

// The gradient of plain attention without its probabilities: backward makes them again, some rows at a time. Kept, those of 64×64
// pixels and 8 heads alone are half a gigabyte a layer. With P = softmax(scale q kᵀ), out = P v and G its gradient:
// dv = Pᵀ G, dS = P∘(G vᵀ − rowsum(P∘G vᵀ)), dq = scale dS k, dk = scale dSᵀ q.
struct Streamed : torch::autograd::Function<Streamed> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, double scale) {
    ctx->save_for_backward({q, k, v});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["wants"] = std::vector<int64_t>{q.requires_grad(), k.requires_grad(), v.requires_grad()};
    const int64_t n = q.size(-2), chunk = rows_of(q, k);
    std::vector<at::Tensor> out;
    for (int64_t i = 0; i < n; i += chunk) out.push_back(plain(q.narrow(-2, i, std::min(chunk, n - i)), k, v, {}, scale));
    return at::cat(out, -2);
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2];
    const double scale = ctx->saved_data["scale"].toDouble();
    const std::vector<int64_t> wants = ctx->saved_data["wants"].toIntVector();
    const int64_t n = q.size(-2), chunk = rows_of(q, k);
    at::Tensor dk = wants[1] ? at::zeros_like(k) : at::Tensor(), dv = wants[2] ? at::zeros_like(v) : at::Tensor();
    std::vector<at::Tensor> dq;
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t c = std::min(chunk, n - i);
      const at::Tensor rows = q.narrow(-2, i, c) * scale, g = grads[0].narrow(-2, i, c);
      const at::Tensor p = at::matmul(rows, k.transpose(-2, -1)).softmax(-1);
      if (wants[2]) dv.add_(at::matmul(p.transpose(-2, -1), g));
      if (!wants[0] && !wants[1]) continue;
      const at::Tensor ds = at::_softmax_backward_data(at::matmul(g, v.transpose(-2, -1)), p, -1, p.scalar_type());
      if (wants[0]) dq.push_back(at::matmul(ds, k).mul_(scale));
      if (wants[1]) dk.add_(at::matmul(ds.transpose(-2, -1), rows));
    }
    return {wants[0] ? at::cat(dq, -2) : at::Tensor(), dk, dv, at::Tensor()};
  }
};

// libtorch before 2.1 has no op with a scale. The rows are cut into pieces, so that no [N,M] tensor is made whole: without gradient, and
// with one where there is no mask.
at::Tensor older(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, at::Tensor mask, bool causal, double scale) {
  const int64_t n = q.size(-2), m = k.size(-2);
  if (causal) {
    TORCH_CHECK(!mask.defined(), "a mask and causal exclude each other");
    mask = at::ones({n, m}, q.options().dtype(at::kBool)).tril();
  }
  const int64_t rows = rows_of(q, k);
  const bool graph = at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  const bool alike = q.dim() == k.dim() && q.dim() == v.dim() && q.sizes().slice(0, q.dim() - 2) == k.sizes().slice(0, q.dim() - 2) &&
                     k.sizes().slice(0, q.dim() - 2) == v.sizes().slice(0, q.dim() - 2);
  if (graph && rows < n && alike && !mask.defined()) return Streamed::apply(q, k, v, scale);
  if (graph || rows >= n) return plain(q, k, v, mask, scale);
  std::vector<at::Tensor> out;
  for (int64_t i = 0; i < n; i += rows) {
    const int64_t c = std::min(rows, n - i);
    at::Tensor part = mask;
    if (mask.defined() && mask.size(-2) != 1) part = mask.narrow(-2, i, c);
    out.push_back(plain(q.narrow(-2, i, c), k, v, part, scale));
  }
  return at::cat(out, -2);
}

}  // namespace
#endif

at::Tensor sdpa(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal, double scale) {
  TORCH_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2, "q, k and v need at least two dimensions, [..., tokens, width]");
  if (scale == 0) scale = 1 / std::sqrt(static_cast<double>(q.size(-1)));
#if HAS_SDPA
  return at::scaled_dot_product_attention(q, k, v, opt(mask), 0.0, causal, scale);
#else
  return older(q, k, v, mask, causal, scale);
#endif
}

}  // namespace x
}  // namespace isac
