// Data in and out of tensors, and what a tensor is.
#include <ATen/record_function.h>

#include "shim.h"

namespace isac {

at::ScalarType dtype(int32_t code) {
  switch (code) {
    case ISAC_FLOAT32: return at::kFloat;
    case ISAC_FLOAT64: return at::kDouble;
    case ISAC_FLOAT16: return at::kHalf;
    case ISAC_BFLOAT16: return at::kBFloat16;
    case ISAC_INT64: return at::kLong;
    case ISAC_INT32: return at::kInt;
    case ISAC_INT16: return at::kShort;
    case ISAC_INT8: return at::kChar;
    case ISAC_UINT8: return at::kByte;
    case ISAC_BOOL: return at::kBool;
  }
  throw Failure("type", "unknown dtype " + std::to_string(code));
}

int32_t dtype_code(at::ScalarType t) {
  for (int32_t code = ISAC_FLOAT32; code <= ISAC_BOOL; code++) {
    if (dtype(code) == t) return code;
  }
  throw Failure("type", std::string("the dtype ") + c10::toString(t) + " is not known to isac/torch");
}

at::Device device(int32_t code) {
  if (code < 0) return at::Device(at::kCPU);
  return at::Device(at::kCUDA, static_cast<at::DeviceIndex>(code));
}

namespace {

isac_meta meta(uint64_t id) {
  return guard<isac_meta>("meta", [&] {
    isac_meta m{};
    const at::Tensor t = tensor(id);
    TORCH_CHECK(t.dim() <= ISAC_MAX_DIMS, "a tensor of ", t.dim(), " dimensions; isac/torch handles ", ISAC_MAX_DIMS);
    m.ndim = static_cast<int32_t>(t.dim());
    for (int64_t d = 0; d < t.dim(); d++) m.sizes[d] = t.size(d);
    m.numel = t.numel();
    m.dtype = dtype_code(t.scalar_type());
    m.device = t.is_cpu() ? -1 : t.get_device();
    m.defined = 1;
    m.requires_grad = t.requires_grad();
    m.contiguous = t.is_contiguous();
    return m;
  });
}

void check_size(const at::Tensor &t, int64_t bytes) {
  const int64_t want = t.numel() * static_cast<int64_t>(t.element_size());
  if (bytes != want) {
    throw Failure("argument", std::to_string(bytes) + " bytes of data for a tensor of " + std::to_string(want) + " bytes");
  }
}

isac_result from_data(const void *data, int64_t bytes, int32_t dt, const int64_t *shape, int64_t n) {
  return guard<isac_result>("from_data", [&] {
    RECORD_USER_SCOPE("isac::from_data");
    at::Tensor t = at::empty(at::IntArrayRef(shape, n), at::TensorOptions().dtype(dtype(dt)));
    check_size(t, bytes);
    if (bytes > 0) std::memcpy(t.data_ptr(), data, bytes);
    return one(t, "from_data");
  });
}

isac_result from_blob(void *data, int32_t dt, const int64_t *shape, int64_t n) {
  return guard<isac_result>("from_blob", [&] {
    return one(at::from_blob(data, at::IntArrayRef(shape, n), at::TensorOptions().dtype(dtype(dt))), "from_blob");
  });
}

isac_status read(uint64_t id, int32_t dt, void *dst, int64_t bytes) {
  return guard<isac_status>("read", [&](Shapes &s) { s.add(id); }, [&] {
    RECORD_USER_SCOPE("isac::read");  // what has to wait for the device, wherever it is
    const at::NoGradGuard no_grad;
    const at::Tensor t = tensor(id).detach().to(at::kCPU, dtype(dt)).contiguous();
    check_size(t, bytes);
    if (bytes > 0) std::memcpy(dst, t.data_ptr(), bytes);
    return isac_status{};
  });
}

isac_float item(uint64_t id) {
  return guard<isac_float>("item", [&](Shapes &s) { s.add(id); }, [&] {
    RECORD_USER_SCOPE("isac::read");
    const at::Tensor t = tensor(id);
    TORCH_CHECK(t.numel() == 1, "a tensor of one element is needed, this one has ", t.numel());
    return isac_float{t.item().toDouble(), nullptr};
  });
}

isac_int all_finite(uint64_t id) {
  return guard<isac_int>("all_finite", [&](Shapes &s) { s.add(id); }, [&] {
    RECORD_USER_SCOPE("isac::read");
    const at::NoGradGuard no_grad;
    const at::Tensor t = tensor(id);
    if (!t.is_floating_point()) return isac_int{1, nullptr};
    return isac_int{at::isfinite(t).all().item<bool>(), nullptr};
  });
}

isac_status close(uint64_t id) {
  return guard<isac_status>("close", [&] {
    close_handle(id);
    return isac_status{};
  });
}

isac_status keep(uint64_t id) {
  return guard<isac_status>("keep", [&] {
    keep_handle(id);
    return isac_status{};
  });
}

isac_text live_list(int64_t max) {
  return guard<isac_text>("live_list", [&] { return isac_text{strdup(list_live(max).c_str()), nullptr}; });
}

uint64_t scope_open() { return open_scope(); }

isac_status scope_close(uint64_t frame, const uint64_t *keep_ids, int64_t n) {
  return guard<isac_status>("scope", [&] {
    close_scope(frame, keep_ids, n);
    return isac_status{};
  });
}

}  // namespace

void fill_handles(isac_core *core) {
  core->meta = meta;
  core->close = close;
  core->keep = keep;
  core->live = live_handles;
  core->live_list = live_list;
  core->scope_open = scope_open;
  core->scope_close = scope_close;
}

void fill_data(isac_core *core) {
  core->from_data = from_data;
  core->from_blob = from_blob;
  core->read = read;
  core->item = item;
  core->all_finite = all_finite;
}

}  // namespace isac
