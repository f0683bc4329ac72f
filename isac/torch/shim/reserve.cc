// Large blocks of the CPU's memory, kept for the tensors to come. glibc maps what is above 32 MiB anew each time, and the kernel then
// clears it page by page: of a convolution's weights alone, which are reordered at each evaluation, that was a third of the time of a
// Stable Diffusion on the CPU. Blocks lie on huge pages, where the kernel has them. What is kept and what is in use are together never more
// than was in use at once before, so that keeping blocks does not raise the peak. It also counts what tensors take, and holds
// ISAC_MEMORY_LIMIT.
#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include "shim.h"

namespace isac {
namespace {

const size_t kPage = size_t(2) << 20;   // of a huge page: blocks begin at one, and end where they are used up
const size_t kUnit = size_t(16) << 10;
const size_t kHuge = size_t(4) << 20;     // from here on blocks lie on huge pages
const size_t kLarge = size_t(128) << 10;  // smaller ones malloc keeps itself; of larger ones, kept for a gradient, its heap would be full of holes
const size_t kAlign = size_t(4) << 10;    // of all blocks, at least

struct Reserve final : c10::Allocator {
  c10::Allocator *small = c10::GetDefaultCPUAllocator();
  std::mutex mutex;
  std::unordered_map<void *, size_t> sizes;  // of all blocks
  std::multimap<size_t, void *> idle;
  size_t kept = 0;  // bytes in idle
  // A small model's blocks are kept whatever the peak: given back and mapped anew, they cost a step a quarter of its time.
  const int64_t slack = int64_t(32) << 20;
  std::atomic<int64_t> live{0}, high{0};  // bytes of blocks that are in use, small ones too, and the most of them
  int64_t limit = 0;                      // of live, 0 for none

  static Reserve &one() {
    static auto *r = new Reserve;
    return *r;
  }

  // libtorch has had this with const and without, and copy_data only of late.
  c10::DataPtr allocate(size_t n) const { return one().take(n); }
  c10::DataPtr allocate(size_t n) { return one().take(n); }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  virtual void copy_data(void *to, const void *from, std::size_t n) const { memcpy(to, from, n); }

  c10::DataPtr take(size_t n) {
    const int64_t left = limit - live.load(std::memory_order_relaxed);
    TORCH_CHECK(limit == 0 || static_cast<int64_t>(n) <= left, "not enough memory: you tried to allocate ", n, " bytes, and of the ", limit,
                " that ISAC_MEMORY_LIMIT allows ", std::max<int64_t>(left, 0), " are left");
    void *p;
    if (n < kLarge) {
      p = small->raw_allocate(n);
      count(p == nullptr ? 0 : static_cast<int64_t>(malloc_usable_size(p)));
    } else {
      p = block((n + kUnit - 1) / kUnit * kUnit);
    }
    return {p, p, &release, c10::Device(c10::DeviceType::CPU)};
  }

  void count(int64_t n) {
    const int64_t now = live.fetch_add(n, std::memory_order_relaxed) + n;
    int64_t before = high.load(std::memory_order_relaxed);
    while (now > before && !high.compare_exchange_weak(before, now, std::memory_order_relaxed)) {
    }
  }

  void *block(size_t n) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      const auto at = idle.lower_bound(n);
      if (at != idle.end() && at->first <= n + n / 2) {
        void *p = at->second;
        kept -= at->first;
        count(static_cast<int64_t>(at->first));
        idle.erase(at);
        return p;
      }
    }
    // A new block takes the place of idle ones that it cannot use, as far as the peak would rise otherwise.
    trim(static_cast<size_t>(std::max<int64_t>(high - live - static_cast<int64_t>(n), slack)));
    void *p = map(n);
    if (p == nullptr) {
      trim(0);
      p = map(n);
    }
    TORCH_CHECK(p != nullptr, "not enough memory: you tried to allocate ", n, " bytes");
    count(static_cast<int64_t>(n));
    std::lock_guard<std::mutex> lock(mutex);
    sizes[p] = n;
    return p;
  }

  // n bytes that begin at a huge page where they are many.
  static void *map(size_t n) {
    if (n < kHuge) {
      void *p = mmap(nullptr, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return p == MAP_FAILED ? nullptr : p;
    }
    void *all = mmap(nullptr, n + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) return nullptr;
    const uintptr_t from = reinterpret_cast<uintptr_t>(all), at = (from + kPage - 1) / kPage * kPage;
    if (at > from) munmap(all, at - from);
    if (at - from < kPage) munmap(reinterpret_cast<void *>(at + n), kPage - (at - from));
    void *p = reinterpret_cast<void *>(at);
    madvise(p, n, MADV_HUGEPAGE);
    return p;
  }

  static void release(void *p) {
    Reserve &r = one();
    if (p != nullptr && reinterpret_cast<uintptr_t>(p) % kAlign == 0) {
      std::lock_guard<std::mutex> lock(r.mutex);
      const auto at = r.sizes.find(p);
      if (at != r.sizes.end()) {
        r.idle.emplace(at->second, p);
        r.kept += at->second;
        r.live.fetch_sub(static_cast<int64_t>(at->second), std::memory_order_relaxed);
        return;
      }
    }
    if (p != nullptr) r.live.fetch_sub(static_cast<int64_t>(malloc_usable_size(p)), std::memory_order_relaxed);
    r.small->raw_deleter()(p);
  }

  // Gives idle blocks back to the kernel, the largest first, until no more than so many bytes are kept.
  void trim(size_t most) {
    std::lock_guard<std::mutex> lock(mutex);
    while (kept > most && !idle.empty()) {
      const auto at = std::prev(idle.end());
      munmap(at->second, at->first);
      sizes.erase(at->second);
      kept -= at->first;
      idle.erase(at);
    }
  }
};

}  // namespace

void keep_large_blocks() {
  Reserve &r = Reserve::one();
  if (const char *text = getenv("ISAC_MEMORY_LIMIT")) r.limit = std::strtoll(text, nullptr, 10);
  c10::SetCPUAllocator(&r);
}

void drop_large_blocks(int64_t keep) { Reserve::one().trim(static_cast<size_t>(std::max<int64_t>(keep, 0))); }

void tensor_bytes(int64_t *now, int64_t *peak) {
  *now = Reserve::one().live;
  *peak = Reserve::one().high;
}

void reset_tensor_peak() { Reserve::one().high = Reserve::one().live.load(); }

}  // namespace isac
