// Memory of another process on the same CUDA device: opened by its handle and wrapped. What this needs of CUDA is looked up, as in device.cc.
#include <torch/csrc/api/include/torch/cuda.h>

#include <cstring>
#include <map>
#include <memory>
#include <mutex>

#include "shim.h"

namespace isac {
namespace {

// As cudaIpcMemHandle_t, which is handed over by value.
struct Handle {
  char bytes[64];
};

// An allocation of the other process. It stays mapped, and is not given back to the device even where the other process frees it or dies,
// until the last tensor in it is gone.
struct Allocation {
  void *base = nullptr;
  ~Allocation() {
    using close = int (*)(void *);
    const auto fn = reinterpret_cast<close>(cuda_symbol("cudaIpcCloseMemHandle"));
    if (base != nullptr && fn != nullptr) fn(base);
  }
};

std::mutex mutex;
std::map<std::string, std::weak_ptr<Allocation>> allocations;  // by device and handle

std::shared_ptr<Allocation> open(const Handle &handle, int32_t dev) {
  const std::lock_guard<std::mutex> lock(mutex);
  for (auto i = allocations.begin(); i != allocations.end();) i = i->second.expired() ? allocations.erase(i) : std::next(i);
  std::string key(1, static_cast<char>(dev));
  key.append(handle.bytes, sizeof handle.bytes);
  if (auto found = allocations[key].lock()) return found;
  using open_fn = int (*)(void **, Handle, unsigned);
  using error_fn = int (*)();
  using text_fn = const char *(*)(int);
  const auto fn = reinterpret_cast<open_fn>(cuda_symbol("cudaIpcOpenMemHandle"));
  const auto last = reinterpret_cast<error_fn>(cuda_symbol("cudaGetLastError"));
  const auto text = reinterpret_cast<text_fn>(cuda_symbol("cudaGetErrorString"));
  if (fn == nullptr) throw Failure("argument", "this libtorch's CUDA has no cudaIpcOpenMemHandle: memory of another process cannot be opened");
  auto made = std::make_shared<Allocation>();
  if (const int err = fn(&made->base, handle, 1 /* cudaIpcMemLazyEnablePeerAccess */); err != 0) {
    made->base = nullptr;
    if (last != nullptr) last();  // it is told here, and not by the next operation
    throw Failure("argument", "memory of another process cannot be opened: " + std::string(text != nullptr ? text(err) : "error") +
                                  "; both processes have to use one device");
  }
  allocations[key] = made;
  return made;
}

// A range beyond the allocation would end in a fault that makes the device unusable.
void check_range(const Allocation &a, int64_t offset, int64_t bytes) {
  using range_fn = int (*)(uint64_t *, size_t *, uint64_t);
  const auto range = reinterpret_cast<range_fn>(cuda_symbol("cuMemGetAddressRange_v2"));
  uint64_t base = 0;
  size_t size = 0;
  const auto at = reinterpret_cast<uint64_t>(a.base);
  if (range == nullptr || range(&base, &size, at) != 0) throw Failure("argument", "the size of another process's memory cannot be told");
  const uint64_t have = base + size - at;
  if (offset < 0 || bytes < 0 || static_cast<uint64_t>(offset) > have || static_cast<uint64_t>(bytes) > have - static_cast<uint64_t>(offset)) {
    throw Failure("argument", std::to_string(bytes) + " bytes at " + std::to_string(offset) + " are not within another process's memory of " +
                                  std::to_string(have) + " bytes");
  }
}

isac_result open_shared(const void *handle, int64_t offset, int32_t dt, const int64_t *shape, int64_t n, int32_t dev) {
  return guard<isac_result>("open_shared", [&] {
    const int64_t count = torch::cuda::device_count();
    if (dev < 0 || dev >= count) throw Failure("argument", "there is no such CUDA device; libtorch sees " + std::to_string(count));
    const auto options = at::TensorOptions().dtype(dtype(dt)).device(device(dev));
    at::empty({1}, options);  // the device's context is there
    Handle h;
    std::memcpy(h.bytes, handle, sizeof h.bytes);
    const auto allocation = open(h, dev);
    int64_t bytes = static_cast<int64_t>(at::elementSize(dtype(dt)));
    for (int64_t i = 0; i < n; i++) {
      if (shape[i] < 0 || (shape[i] > 0 && bytes > (int64_t{1} << 50) / shape[i])) throw Failure("argument", "a shape that no tensor has");
      bytes *= shape[i];
    }
    check_range(*allocation, offset, bytes);
    auto *data = static_cast<char *>(allocation->base) + offset;
    return one(at::from_blob(data, at::IntArrayRef(shape, n), [allocation](void *) {}, options), "open_shared");
  });
}

}  // namespace

void fill_ipc(isac_core *core) { core->open_shared = open_shared; }

}  // namespace isac
