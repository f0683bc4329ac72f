// Helpers that expressions in ops.txt call as x::name.
#pragma once

#include <ATen/ATen.h>
#include <torch/csrc/api/include/torch/version.h>

#include <cmath>
#include <string>
#include <tuple>

namespace isac {
namespace x {

inline at::TensorOptions options(at::ScalarType dt, at::Device dev) { return at::TensorOptions().dtype(dt).device(dev); }

inline bool whole(double v) { return std::nearbyint(v) == v && std::fabs(v) < 9e15; }

// Go has one number type for scalars. A whole number stays an integer beside an integer tensor, so that int64 + 1 is int64.
inline at::Scalar scalar(const at::Tensor &beside, double v) {
  if (at::isIntegralType(beside.scalar_type(), /*includeBool=*/true) && whole(v)) return at::Scalar(static_cast<int64_t>(v));
  return at::Scalar(v);
}

inline at::Scalar scalar_of(at::ScalarType dt, double v) {
  if (at::isIntegralType(dt, /*includeBool=*/true) && whole(v)) return at::Scalar(static_cast<int64_t>(v));
  return at::Scalar(v);
}

inline c10::optional<at::Tensor> opt(const at::Tensor &t) {
  if (!t.defined()) return {};
  return t;
}

// From the CPU to a GPU nothing has to wait: the driver has copied pageable memory aside when the call returns.
inline at::Tensor to_device(const at::Tensor &t, at::Device dev) {
  return t.to(dev, t.scalar_type(), /*non_blocking=*/t.is_cpu() && dev.is_cuda());
}

inline at::Tensor maximum_(const at::Tensor &t, const at::Tensor &o) {
  at::Tensor out = t;
  return at::maximum_out(out, t, o);
}

inline at::Tensor minimum_(const at::Tensor &t, const at::Tensor &o) {
  at::Tensor out = t;
  return at::minimum_out(out, t, o);
}

// Half types are raised to float32: the mean of squares of a T5 activation overflows float16.
inline at::Tensor rms_norm(const at::Tensor &x, const at::Tensor &w, double eps) {
  const at::ScalarType in = x.scalar_type();
  const at::Tensor wide = in == at::kDouble ? x : x.to(at::kFloat);
  at::Tensor y = wide * at::rsqrt(wide.square().mean(-1, true) + eps);
  y = y.to(in);
  return w.defined() ? y * w : y;
}

inline at::Tensor pad(const at::Tensor &x, at::IntArrayRef pad, const std::string &mode, double v) {
  if (mode == "constant") return at::constant_pad_nd(x, pad, scalar(x, v));
  return at::pad(x, pad, mode, {});
}

std::tuple<at::Tensor, at::Tensor> attention_columns(const at::Tensor &q, const at::Tensor &k, double scale, int64_t first, int64_t length);
at::Tensor attention_columns_grad(const at::Tensor &q, const at::Tensor &k, double scale, int64_t first, int64_t length);

at::Tensor conv2d(const at::Tensor &x, const at::Tensor &w, const at::Tensor &b, at::IntArrayRef stride, at::IntArrayRef padding,
                  at::IntArrayRef dilation, int64_t groups);

at::Tensor group_norm_silu(const at::Tensor &x, int64_t groups, const at::Tensor &w, const at::Tensor &b, double eps);
at::Tensor geglu(const at::Tensor &x);

at::Tensor sdpa(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &mask, bool causal, double scale);

}  // namespace x
}  // namespace isac
