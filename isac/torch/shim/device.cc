// Threads, devices and memory. The CUDA parts go through libtorch's own interfaces, so no CUDA headers are needed with a
// libtorch that has c10::getDeviceAllocator; older ones need cuda_runtime_api.h for the statistics (see flags.sh).
#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/csrc/api/include/torch/cuda.h>
#include <torch/csrc/api/include/torch/version.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#if defined(ISAC_DEVICE_ALLOCATOR)
#include <c10/core/CachingDeviceAllocator.h>
#elif defined(ISAC_CUDA_ALLOCATOR)
#include <c10/cuda/CUDACachingAllocator.h>
#endif

#include "shim.h"

namespace isac {

// A function of the CUDA libraries that libtorch has loaded, or NULL. Looked up among the dependencies of this library and in the driver,
// which a plain RTLD_DEFAULT does not see.
void *cuda_symbol(const char *name) {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&isac_torch_abi), &info) == 0) return nullptr;
  // What libtorch is linked with, and the driver, which CUDA's runtime opens by itself.
  for (const char *library : {info.dli_fname, "libcuda.so.1"}) {
    void *open = dlopen(library, RTLD_NOW | RTLD_NOLOAD);
    if (open == nullptr) continue;
    void *symbol = dlsym(open, name);
    dlclose(open);
    if (symbol != nullptr) return symbol;
  }
  return nullptr;
}

namespace {

void need_cuda(int32_t dev) {
  const int64_t n = torch::cuda::device_count();
  if (dev < n) return;
  throw Failure("argument", "there is no device cuda:" + std::to_string(dev) + "; libtorch sees " + std::to_string(n) + " CUDA device" + (n == 1 ? "" : "s"));
}

// One byte on the device: makes its CUDA context and caching allocator exist.
void wake(int32_t dev) {
  need_cuda(dev);
  at::empty({1}, at::TensorOptions().dtype(at::kByte).device(device(dev)));
}

int64_t status_kib(const char *field) {
  std::ifstream in("/proc/self/status");
  std::string line;
  while (std::getline(in, line)) {
    if (line.rfind(field, 0) == 0) return std::strtoll(line.c_str() + std::strlen(field) + 1, nullptr, 10);
  }
  return 0;
}

int64_t meminfo_kib(const char *field) {
  std::ifstream in("/proc/meminfo");
  std::string name, unit;
  int64_t value = 0;
  while (in >> name >> value && std::getline(in, unit)) {
    if (name == field) return value;
  }
  return 0;
}

void cuda_memory(int32_t dev, isac_memory *m) {
  wake(dev);
#if defined(ISAC_DEVICE_ALLOCATOR)
  const auto s = c10::getDeviceAllocator(at::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(dev));
  m->allocated = s.allocated_bytes[0].current;  // [0]: small and large pools together
  m->peak = s.allocated_bytes[0].peak;
  m->reserved = s.reserved_bytes[0].current;
#elif defined(ISAC_CUDA_ALLOCATOR)
  const auto s = c10::cuda::CUDACachingAllocator::getDeviceStats(dev);
  m->allocated = s.allocated_bytes[0].current;
  m->peak = s.allocated_bytes[0].peak;
  m->reserved = s.reserved_bytes[0].current;
#endif
  using get_info = int (*)(size_t *, size_t *);
  using get_device = int (*)(int *);
  using set_device = int (*)(int);
  const auto info = reinterpret_cast<get_info>(cuda_symbol("cudaMemGetInfo"));
  const auto get = reinterpret_cast<get_device>(cuda_symbol("cudaGetDevice"));
  const auto set = reinterpret_cast<set_device>(cuda_symbol("cudaSetDevice"));
  if (info == nullptr || get == nullptr || set == nullptr) return;
  int before = 0;
  size_t free_bytes = 0, total_bytes = 0;
  if (get(&before) != 0 || set(dev) != 0) return;
  if (info(&free_bytes, &total_bytes) == 0) {
    m->free = static_cast<int64_t>(free_bytes);
    m->total = static_cast<int64_t>(total_bytes);
  }
  set(before);
}

isac_memory memory(int32_t dev) {
  return guard<isac_memory>("memory", [&] {
    isac_memory m{};
    if (dev >= 0) {
      cuda_memory(dev, &m);
      m.tensors = m.allocated;
      m.tensors_peak = m.peak;
      return m;
    }
    m.allocated = m.reserved = status_kib("VmRSS:") * 1024;
    m.peak = status_kib("VmHWM:") * 1024;
    m.free = meminfo_kib("MemAvailable:") * 1024;
    m.total = meminfo_kib("MemTotal:") * 1024;
    tensor_bytes(&m.tensors, &m.tensors_peak);
    return m;
  });
}

isac_status empty_cache(int32_t dev, int64_t keep) {
  return guard<isac_status>("empty_cache", [&] {
    if (dev < 0) {
      drop_large_blocks(keep);
      if (keep == 0) malloc_trim(0);
      return isac_status{};
    }
    wake(dev);
#if defined(ISAC_DEVICE_ALLOCATOR)
    c10::getDeviceAllocator(at::kCUDA)->emptyCache();
#elif defined(ISAC_CUDA_ALLOCATOR)
    c10::cuda::CUDACachingAllocator::emptyCache();
#endif
    return isac_status{};
  });
}

isac_status reset_peak(int32_t dev) {
  return guard<isac_status>("reset_peak", [&] {
    if (dev < 0) {
      reset_tensor_peak();
      std::ofstream("/proc/self/clear_refs") << 5;  // resets VmHWM; without permission the old peak stays
      return isac_status{};
    }
    wake(dev);
#if defined(ISAC_DEVICE_ALLOCATOR)
    c10::getDeviceAllocator(at::kCUDA)->resetPeakStats(static_cast<c10::DeviceIndex>(dev));
#elif defined(ISAC_CUDA_ALLOCATOR)
    c10::cuda::CUDACachingAllocator::resetPeakStats(dev);
#endif
    return isac_status{};
  });
}

isac_status synchronize(int32_t dev) {
  return guard<isac_status>("synchronize", [&] {
    if (dev >= 0) {
      need_cuda(dev);
      torch::cuda::synchronize(dev);
    }
    return isac_status{};
  });
}

isac_status set_threads(int64_t n) {
  return guard<isac_status>("set_threads", [&] {
    TORCH_CHECK(n > 0, "the number of threads must be positive, got ", n);
    at::set_num_threads(static_cast<int>(n));
    return isac_status{};
  });
}

// glibc gives freed blocks of a tensor's size back to the kernel at once and has every page faulted in anew at the next op;
// with these thresholds 1 MiB ops are about five times faster. The environment wins where it is set.
void keep_freed_memory() {
  if (getenv("MALLOC_MMAP_THRESHOLD_") == nullptr) mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc accepts
  if (getenv("MALLOC_TRIM_THRESHOLD_") == nullptr) mallopt(M_TRIM_THRESHOLD, 512 << 20);
  if (getenv("MALLOC_TOP_PAD_") == nullptr) mallopt(M_TOP_PAD, 64 << 20);
}

isac_status init(int64_t threads) {
  keep_freed_memory();
  keep_large_blocks();
  return set_threads(threads);
}

std::string quote(const std::string &text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) >= 0x20) {
      out += c;
    }
  }
  return out + "\"";
}

std::string device_name(int dev) {
  using get_name = int (*)(char *, int, int);
  const auto get = reinterpret_cast<get_name>(cuda_symbol("cuDeviceGetName"));
  char name[256] = "";
  if (get == nullptr || get(name, sizeof(name), dev) != 0) return "";
  return name;
}

// 10·major + minor of a GPU's compute capability, 0 where it is not known.
int capability(int dev) {
  using get_attribute = int (*)(int *, int, int);
  const auto get = reinterpret_cast<get_attribute>(cuda_symbol("cudaDeviceGetAttribute"));
  constexpr int major_attribute = 75, minor_attribute = 76;  // cudaDevAttrComputeCapability…, part of CUDA's ABI
  int major = 0, minor = 0;
  if (get == nullptr || get(&major, major_attribute, dev) != 0 || get(&minor, minor_attribute, dev) != 0) return 0;
  return 10 * major + minor;
}

std::string library_of(const void *symbol) {
  Dl_info info;
  return dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "";
}

isac_text info() {
  return guard<isac_text>("info", [&] {
    std::ostringstream out;
    const int64_t n = torch::cuda::device_count();
    out << "{\"torch\":" << quote(TORCH_VERSION) << ",\"libtorch\":" << quote(library_of(reinterpret_cast<void *>(&at::get_num_threads)))
        << ",\"config\":" << quote(at::show_config()) << ",\"threads\":" << at::get_num_threads()
        << ",\"cuda_built\":" << (at::globalContext().hasCUDA() || cuda_symbol("cudaMemGetInfo") != nullptr ? "true" : "false") << ",\"cuda\":[";
    for (int64_t i = 0; i < n; i++) out << (i > 0 ? "," : "") << quote(device_name(static_cast<int>(i)));
    out << "],\"capability\":[";
    for (int64_t i = 0; i < n; i++) out << (i > 0 ? "," : "") << capability(static_cast<int>(i));
    out << "]}";
    return isac_text{strdup(out.str().c_str()), nullptr};
  });
}

}  // namespace

void fill_device(isac_core *core) {
  core->init = init;
  core->info = info;
  core->set_threads = set_threads;
  core->memory = memory;
  core->empty_cache = empty_cache;
  core->reset_peak = reset_peak;
  core->synchronize = synchronize;
}

}  // namespace isac
