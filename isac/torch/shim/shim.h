// Shared parts of the shim: the handle table, the guard around every C function, and conversions.
// Built into libisactorch.so with libtorch; nothing here is seen by Go but through isac_torch.h.
#pragma once

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <cstring>
#include <string>
#include <vector>

#include "../isac_torch.h"

namespace isac {

// An error whose fields are known already: use of a closed handle, a panic in a Go closure, a bad argument.
struct Failure : std::exception {
  std::string kind, op, shapes, message, where, stack;
  Failure(std::string k, std::string m) : kind(std::move(k)), message(std::move(m)) {}
  const char *what() const noexcept override { return message.c_str(); }
};

// handles.cc: the table from handle to tensor. Thread-safe.
const at::Tensor tensor(uint64_t id);  // throws Failure if id is undefined or closed
const at::Tensor maybe(uint64_t id);   // the same, but 0 gives an undefined tensor
std::vector<at::Tensor> tensors(const uint64_t *ids, int64_t n);
bool peek(uint64_t id, at::Tensor *out);                    // false if closed; never throws
uint64_t put(const at::Tensor &t, const char *op);          // a new handle in this thread's innermost scope
void close_handle(uint64_t id);
void keep_handle(uint64_t id);
int64_t live_handles();
std::string list_live(int64_t max);
uint64_t open_scope();
void close_scope(uint64_t frame, const uint64_t *keep, int64_t n);

// A scope of C++: closes on every way out.
class Scope {
 public:
  Scope() : frame_(open_scope()) {}
  ~Scope() {
    try {
      close_scope(frame_, nullptr, 0);
    } catch (...) {
    }
  }
  Scope(const Scope &) = delete;
  Scope &operator=(const Scope &) = delete;

 private:
  uint64_t frame_;
};

// Collects the shapes of an op's arguments for its error message, "[[3 4] [5 6]]". Only used when something failed.
class Shapes {
 public:
  void add(uint64_t id);
  void add(const uint64_t *ids, int64_t n);
  std::string text() const { return text_.empty() ? "" : "[" + text_ + "]"; }

 private:
  std::string text_;
};

// errors.cc: turns the exception in flight into an error string of isac_torch.h.
char *describe(const char *op, const Shapes &shapes) noexcept;
Failure parse_failure(const char *text);  // the way back, for errors that come from Go

// Runs f and returns its result; whatever it throws becomes the result's err.
template <class R, class S, class F>
R guard(const char *op, S shapes, F f) noexcept {
  try {
    return f();
  } catch (...) {
    Shapes s;
    try {
      shapes(s);
    } catch (...) {
    }
    R r{};
    r.err = describe(op, s);
    return r;
  }
}

template <class R, class F>
R guard(const char *op, F f) noexcept {
  return guard<R>(op, [](Shapes &) {}, f);
}

inline isac_result one(const at::Tensor &t, const char *op) { return isac_result{put(t, op), nullptr}; }

inline isac_pair both(const at::Tensor &a, const at::Tensor &b, const char *op) {
  const uint64_t first = put(a, op);
  return isac_pair{first, put(b, op), nullptr};
}

isac_list list(const std::vector<at::Tensor> &ts, const char *op);

// convert.cc
at::ScalarType dtype(int32_t code);
int32_t dtype_code(at::ScalarType t);
at::Device device(int32_t code);

// reserve.cc: from here on large blocks of the CPU's memory are kept when tensors free them; drop gives them back, but for so many bytes.
// tensor_bytes is what tensors hold now, and the most of it since the start or reset_tensor_peak.
void keep_large_blocks();
void drop_large_blocks(int64_t keep);
void tensor_bytes(int64_t *now, int64_t *peak);
void reset_tensor_peak();

// device.cc: a function of the CUDA libraries that libtorch has loaded, or NULL.
void *cuda_symbol(const char *name);
// graph.cc: fails while this thread records a graph, in which values of Go's would be those of this one time.
void not_recording(const char *op);

// Tables are filled by the file that defines the functions.
void fill_ops(isac_ops *table);
void fill_handles(isac_core *core);
void fill_data(isac_core *core);
void fill_autograd(isac_core *core, isac_closure_fn closure);
void fill_random(isac_core *core);
void fill_device(isac_core *core);
void fill_ipc(isac_core *core);
void fill_profile(isac_core *core);
void fill_graph(isac_core *core);

}  // namespace isac
