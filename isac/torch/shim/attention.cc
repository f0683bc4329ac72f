// Attention: the public op for values, and the head-mean of probabilities with a gradient that keeps no probabilities.
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

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Has a GPU multiply float32 in TF32 while it lives.
class TF32 {
 public:
  TF32() : before_(at::globalContext().allowTF32CuBLAS()) { at::globalContext().setAllowTF32CuBLAS(true); }
  ~TF32() { at::globalContext().setAllowTF32CuBLAS(before_); }
  TF32(const TF32 &) = delete;
  TF32 &operator=(const TF32 &) = delete;

 private:
  bool before_;
};

// Probabilities of some rows of the queries q [B,h,N,d], [B,h,c,M], in float32 or better: single-pixel losses of about 2e-4 vanish in
// float16. wq and wk are those queries and the keys made wide.
//
// A half type's numbers are numbers of TF32 as well, so a GPU's matrix units multiply them exactly, and add up in float32, several times
// faster than its other units. The scale has to come after the products for that.
at::Tensor probabilities(const at::Tensor &q, const at::Tensor &wq, const at::Tensor &wk, double scale) {
  if (!q.is_cuda() || q.scalar_type() == wq.scalar_type()) return at::matmul(wq * scale, wk.transpose(-2, -1)).softmax(-1);
  const int64_t b = wk.size(0), h = wk.size(1), c = wq.size(2), m = wk.size(2), d = wk.size(3);
  at::Tensor scores = at::empty({b * h, c, m}, wq.options());
  {
    const TF32 exact;
    scores.baddbmm_(wq.reshape({b * h, c, d}), wk.reshape({b * h, m, d}).transpose(1, 2), /*beta=*/0, /*alpha=*/scale);
  }
  return scores.softmax(-1).view({b, h, c, m});
}

at::Tensor widen(const at::Tensor &t) { return t.scalar_type() == at::kDouble ? t : t.to(at::kFloat); }

struct AttentionMean : torch::autograd::Function<AttentionMean> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk) {
    ctx->save_for_backward({q, k});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["chunk"] = chunk;
    const at::Tensor wq = widen(q), wk = widen(k);
    const int64_t n = q.size(2);
    at::Tensor out = at::empty({q.size(0), n, k.size(2)}, wq.options());
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t c = std::min(chunk, n - i);
      at::Tensor rows = out.narrow(1, i, c);
      at::mean_out(rows, probabilities(q, wq.narrow(2, i, c), wk, scale), {1});
    }
    return out;
  }

  // With P = softmax(scale q kᵀ) and G the gradient of the mean over h heads: dS = P∘(G/h − rowsum(P∘G/h)),
  // dq = scale dS k, dk = scale dSᵀ q.
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1];
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t chunk = ctx->saved_data["chunk"].toInt();
    const at::Tensor wq = widen(q), wk = widen(k);
    const int64_t n = q.size(2);
    at::Tensor dq = at::empty_like(wq), dk = at::zeros_like(wk);
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t c = std::min(chunk, n - i);
      const at::Tensor rows = wq.narrow(2, i, c);
      const at::Tensor p = probabilities(q, rows, wk, scale);
      at::Tensor ds = p * (grads[0].narrow(1, i, c) / static_cast<double>(q.size(1))).unsqueeze(1);
      ds.sub_(p * ds.sum(-1, true)).mul_(scale);
      dq.narrow(2, i, c).copy_(at::matmul(ds, wk));
      dk.add_(at::matmul(ds.transpose(-2, -1), rows));
    }
    return {dq.to(q.scalar_type()), dk.to(k.scalar_type()), at::Tensor(), at::Tensor()};
  }
};

// Some columns of the mean with gradient, beside the mean without. A row's other columns have a part in the gradient through its
// softmax alone: with G of the columns over h heads, g = P∘G there and c = rowsum(g), dS is g − cP, so that
// dq = scale (g k' − c (P k)) and dk = scale ((gᵀ q)' − Pᵀ (c q)), with ' for the columns: P is made and read, and no more of its size.
struct AttentionColumns : torch::autograd::Function<AttentionColumns> {
  // values says whether the results are read, or the gradient alone.
  static variable_list forward(AutogradContext *ctx, const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk, int64_t first,
                               int64_t length, bool values) {
    ctx->save_for_backward({q, k});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["chunk"] = chunk;
    ctx->saved_data["first"] = first;
    const at::Tensor wq = widen(q), wk = widen(k);
    const int64_t n = q.size(2);
    at::Tensor mean = at::empty({q.size(0), values ? n : 0, k.size(2)}, wq.options());
    for (int64_t i = 0; values && i < n; i += chunk) {
      const int64_t c = std::min(chunk, n - i);
      at::Tensor rows = mean.narrow(1, i, c);
      at::mean_out(rows, probabilities(q, wq.narrow(2, i, c), wk, scale), {1});
    }
    at::Tensor columns = values ? mean.narrow(2, first, length).clone() : at::zeros({q.size(0), n, length}, wq.options());
    ctx->mark_non_differentiable({mean});
    ctx->set_materialize_grads(false);  // the mean's would be zeros
    return {mean, columns};
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &grad = grads[1], none;
    if (!grad.defined()) return {none, none, none, none, none, none, none};
    const double scale = ctx->saved_data["scale"].toDouble();
    const int64_t chunk = ctx->saved_data["chunk"].toInt(), first = ctx->saved_data["first"].toInt();
    const at::Tensor wq = widen(q), wk = widen(k);
    const int64_t n = q.size(2), length = grad.size(2);
    const at::Tensor some = wk.narrow(2, first, length);
    at::Tensor dq = at::empty_like(wq), dk = at::zeros_like(wk);
    for (int64_t i = 0; i < n; i += chunk) {
      const int64_t c = std::min(chunk, n - i);
      const at::Tensor rows = wq.narrow(2, i, c);
      const at::Tensor p = probabilities(q, rows, wk, scale);
      const at::Tensor g = p.narrow(3, first, length) * (grad.narrow(1, i, c) / static_cast<double>(q.size(1))).unsqueeze(1);
      const at::Tensor sum = g.sum(-1, true);
      dq.narrow(2, i, c).copy_((at::matmul(g, some) - sum * at::matmul(p, wk)).mul_(scale));
      dk.sub_(at::matmul(p.transpose(-2, -1), rows * sum));
      dk.narrow(2, first, length).add_(at::matmul(g.transpose(-2, -1), rows));
    }
    return {dq.to(q.scalar_type()), dk.mul_(scale).to(k.scalar_type()), none, none, none, none, none};
  }
};

// How many rows are made at once, where the caller does not say.
int64_t chunk_of(const at::Tensor &q, const at::Tensor &k, int64_t chunk) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4, "q must be [B,h,N,d] and k [B,h,M,d]");
  TORCH_CHECK(q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3),
              "q [B,h,N,d] and k [B,h,M,d] must agree in B, h and d");
  const int64_t per_row = std::max<int64_t>(1, q.size(0) * q.size(1) * k.size(2));
  // Scores of one chunk: 4 MiB stay in a CPU's cache, a GPU wants fewer and larger launches.
  const int64_t scores = int64_t(1) << (q.is_cuda() ? 24 : 20);
  if (chunk <= 0) chunk = std::max<int64_t>(16, scores / per_row);
  return std::min(chunk, std::max<int64_t>(1, q.size(2)));
}

}  // namespace

at::Tensor attention_mean(const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk) {
  return AttentionMean::apply(q, k, scale, chunk_of(q, k, chunk));
}

namespace {

variable_list columns_of(const at::Tensor &q, const at::Tensor &k, double scale, int64_t first, int64_t length, bool values) {
  const int64_t chunk = chunk_of(q, k, 0);
  TORCH_CHECK(first >= 0 && length > 0 && first + length <= k.size(2), length, " columns from ", first, " of ", k.size(2));
  return AttentionColumns::apply(q, k, scale, chunk, first, length, values);
}

}  // namespace

std::tuple<at::Tensor, at::Tensor> x::attention_columns(const at::Tensor &q, const at::Tensor &k, double scale, int64_t first, int64_t length) {
  const variable_list both = columns_of(q, k, scale, first, length, true);
  return {both[0], both[1]};
}

at::Tensor x::attention_columns_grad(const at::Tensor &q, const at::Tensor &k, double scale, int64_t first, int64_t length) {
  return columns_of(q, k, scale, first, length, false)[1];
}

}  // namespace isac
