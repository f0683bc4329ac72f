// The mean over heads of attention's probabilities, with a gradient that keeps no probabilities.
#include <ATen/Parallel.h>

#include "autograd.h"
#include "extra.h"

namespace isac {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

const int64_t kCache = int64_t(1) << 18;  // scores that a core's cache of the second level holds: 1 MiB

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

at::Tensor widen(const at::Tensor &t) { return t.scalar_type() == at::kDouble ? t : t.to(at::kFloat); }

// What is made at once: c rows from i, of count heads from first, which count through all images.
struct Piece {
  int64_t first, count, i, c;
};

// Maps of q [B,h,N,d] and k [B,h,M,d] piece by piece, in float32 or better: single-pixel losses of about 2e-4 vanish in float16.
struct Maps {
  const int64_t b, h, n, m, chunk;
  const double scale;
  const bool cpu, exact;
  const at::Tensor q, k;  // [B·h,N,d], [B·h,M,d]
  at::Tensor room;        // of a piece's probabilities on the CPU

  Maps(const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk)
      : b(q.size(0)), h(q.size(1)), n(q.size(2)), m(k.size(2)), chunk(chunk), scale(scale), cpu(!q.is_cuda()),
        exact(!cpu && q.scalar_type() != at::kFloat && q.scalar_type() != at::kDouble), q(widen(q).flatten(0, 1)), k(widen(k).flatten(0, 1)) {}

  // Heads of a piece: on a GPU, which wants few and large launches, those of all images; on the CPU of one, as many as its cores' caches hold.
  int64_t heads() const {
    return cpu ? std::min(h, std::max<int64_t>(1, kCache * at::get_num_threads() / std::max<int64_t>(1, chunk * m))) : b * h;
  }

  template <typename F>
  void each(F f) const {
    const int64_t most = heads(), together = cpu ? h : b * h;
    for (int64_t i = 0; i < n; i += chunk) {
      for (int64_t first = 0, count; first < b * h; first += count) {
        count = std::min(most, together - first % together);
        f(Piece{first, count, i, std::min(chunk, n - i)});
      }
    }
  }

  at::Tensor rows(const Piece &p) const { return cut(q, p); }
  at::Tensor keys(const Piece &p) const { return k.narrow(0, p.first, p.count); }
  static at::Tensor cut(const at::Tensor &t, const Piece &p) { return t.narrow(0, p.first, p.count).narrow(1, p.i, p.c); }

  // A piece, [count,c,*], by images, and its part of t [B,N,*], which heads share.
  at::Tensor by_image(const at::Tensor &t, const Piece &p) const {
    return t.view({images(p), p.count / images(p), t.size(1), t.size(2)});
  }
  at::Tensor shared(const at::Tensor &t, const Piece &p) const { return t.narrow(0, p.first / h, images(p)).narrow(1, p.i, p.c); }
  int64_t images(const Piece &p) const { return std::max<int64_t>(1, p.count / h); }

  // A piece of scores. On the CPU it lies where the one before it did: in the cache.
  at::Tensor scores(at::Tensor &room, const Piece &p) const {
    if (!cpu) return at::empty({p.count, p.c, m}, q.options());
    if (!room.defined()) room = at::empty({heads() * chunk * m}, q.options());
    return room.narrow(0, 0, p.count * p.c * m).view({p.count, p.c, m});
  }

  // A half type's numbers are numbers of TF32 as well, so a GPU's matrix units multiply them exactly, and add up in float32, several times
  // faster than its other units. The scale has to come after the products for that.
  at::Tensor probabilities(const Piece &p) {
    at::Tensor s = scores(room, p);
    if (exact) {
      const TF32 units;
      s.baddbmm_(rows(p), keys(p).transpose(1, 2), /*beta=*/0, /*alpha=*/scale);
    } else {
      at::bmm_out(s, rows(p) * scale, keys(p).transpose(1, 2));
    }
    return cpu ? at::_softmax_out(s, s, -1, false) : s.softmax(-1);
  }

  // The mean over heads, [B,N,M].
  at::Tensor mean() {
    at::Tensor out = at::empty({b, n, m}, q.options());
    each([&](const Piece &p) {
      const at::Tensor some = probabilities(p);
      at::Tensor to = shared(out, p);
      if (p.count % h == 0) {
        at::mean_out(to, by_image(some, p), {1});
        return;
      }
      const at::Tensor sum = p.count == 1 ? some : some.sum(0, true);
      p.first % h == 0 ? to.copy_(sum) : to.add_(sum);
      if ((p.first + p.count) % h == 0) to.div_(static_cast<double>(h));
    });
    return out;
  }

  // A gradient as q or k has it, of one that lacks the factor which all of it has.
  at::Tensor finish(at::Tensor grad, const at::Tensor &of) const {
    return grad.mul_(scale / static_cast<double>(h)).view(of.sizes()).to(of.scalar_type());
  }
};

struct AttentionMean : torch::autograd::Function<AttentionMean> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &q, const at::Tensor &k, double scale, int64_t chunk) {
    ctx->save_for_backward({q, k});
    ctx->saved_data["scale"] = scale;
    ctx->saved_data["chunk"] = chunk;
    return Maps(q, k, scale, chunk).mean();
  }

  // With P = softmax(scale q kᵀ) and G the gradient of the mean over h heads: dS = P∘(G/h − rowsum(P∘G/h)),
  // dq = scale dS k, dk = scale dSᵀ q.
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1];
    Maps maps(q, k, ctx->saved_data["scale"].toDouble(), ctx->saved_data["chunk"].toInt());
    at::Tensor dq = at::empty_like(maps.q), dk = at::zeros_like(maps.k), room;
    maps.each([&](const Piece &p) {
      const at::Tensor probabilities = maps.probabilities(p);
      at::Tensor ds = maps.scores(room, p), to = maps.by_image(ds, p);
      at::mul_out(to, maps.by_image(probabilities, p), maps.shared(grads[0], p).unsqueeze(1));
      ds.addcmul_(probabilities, ds.sum(-1, true), -1);
      at::Tensor rows = maps.cut(dq, p);
      at::bmm_out(rows, ds, maps.keys(p));
      dk.narrow(0, p.first, p.count).baddbmm_(ds.transpose(1, 2), maps.rows(p));
    });
    return {maps.finish(dq, q), maps.finish(dk, k), at::Tensor(), at::Tensor()};
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
    const at::TensorOptions wide = q.options().dtype(q.scalar_type() == at::kDouble ? at::kDouble : at::kFloat);
    at::Tensor mean = values ? Maps(q, k, scale, chunk).mean() : at::empty({q.size(0), 0, k.size(2)}, wide);
    at::Tensor columns = values ? mean.narrow(2, first, length).clone() : at::zeros({q.size(0), q.size(2), length}, wide);
    ctx->mark_non_differentiable({mean});
    ctx->set_materialize_grads(false);  // the mean's would be zeros
    return {mean, columns};
  }

  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    const auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &grad = grads[1], none;
    if (!grad.defined()) return {none, none, none, none, none, none, none};
    const int64_t first = ctx->saved_data["first"].toInt(), length = grad.size(2);
    Maps maps(q, k, ctx->saved_data["scale"].toDouble(), ctx->saved_data["chunk"].toInt());
    at::Tensor dq = at::empty_like(maps.q), dk = at::zeros_like(maps.k);
    maps.each([&](const Piece &p) {
      const at::Tensor probabilities = maps.probabilities(p), rows = maps.rows(p), keys = maps.keys(p);
      const at::Tensor g = (maps.by_image(probabilities, p).narrow(3, first, length) * maps.shared(grad, p).unsqueeze(1)).view({p.count, p.c, length});
      const at::Tensor sum = g.sum(-1, true), to = dk.narrow(0, p.first, p.count);
      maps.cut(dq, p).copy_(at::bmm(g, keys.narrow(1, first, length)) - sum * at::bmm(probabilities, keys));
      to.baddbmm_(probabilities.transpose(1, 2), rows * sum, /*beta=*/1, /*alpha=*/-1);
      to.narrow(1, first, length).baddbmm_(g.transpose(1, 2), rows);
    });
    return {maps.finish(dq, q), maps.finish(dk, k), none, none, none, none, none};
  }
};

// How many rows are made at once, where the caller does not say: on a GPU as many as make a large launch of all heads, on the CPU as many as
// its cache holds of one head, or as are worth reading the keys for.
int64_t chunk_of(const at::Tensor &q, const at::Tensor &k, int64_t chunk) {
  TORCH_CHECK(q.dim() == 4 && k.dim() == 4, "q must be [B,h,N,d] and k [B,h,M,d]");
  TORCH_CHECK(q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3),
              "q [B,h,N,d] and k [B,h,M,d] must agree in B, h and d");
  const int64_t keys = std::max<int64_t>(1, k.size(2));
  if (chunk <= 0 && q.is_cuda()) chunk = std::max<int64_t>(16, (int64_t(1) << 24) / std::max<int64_t>(1, q.size(0) * q.size(1) * keys));
  if (chunk <= 0) chunk = std::max<int64_t>(64, kCache / keys);
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
