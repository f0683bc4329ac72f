// Large blocks of the CPU's memory, kept for the tensors to come. glibc maps what is above 32 MiB anew each time, and the kernel then
// clears it page by page: of a convolution's weights alone, which are reordered at each evaluation, that was a third of the time of a
// Stable Diffusion on the CPU. Blocks lie on huge pages, where the kernel has them.
#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <unordered_map>

#include "shim.h"

namespace isac {
namespace {

const size_t kPage = size_t(2) << 20;   // of a huge page: blocks begin at one, and end where they are used up
const size_t kUnit = size_t(64) << 10;
const size_t kLarge = size_t(4) << 20;  // smaller ones malloc keeps itself

struct Reserve final : c10::Allocator {
  c10::Allocator *small = c10::GetDefaultCPUAllocator();
  std::mutex mutex;
  std::unordered_map<void *, size_t> sizes;  // of all blocks
  std::multimap<size_t, void *> idle;
  size_t kept = 0;  // bytes in idle
  // Few blocks at a time are large, so little is enough: beyond it huge pages make up for most.
  const size_t most = size_t(512) << 20;

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
    void *p = n < kLarge ? small->raw_allocate(n) : block((n + kUnit - 1) / kUnit * kUnit);
    return {p, p, &release, c10::Device(c10::DeviceType::CPU)};
  }

  void *block(size_t n) {
    {
      std::lock_guard<std::mutex> lock(mutex);
      const auto at = idle.lower_bound(n);
      if (at != idle.end() && at->first <= n + n / 2) {
        void *p = at->second;
        kept -= at->first;
        idle.erase(at);
        return p;
      }
    }
    void *p = map(n);
    if (p == nullptr) {
      trim(0);
      p = map(n);
    }
    TORCH_CHECK(p != nullptr, "not enough memory: you tried to allocate ", n, " bytes");
    std::lock_guard<std::mutex> lock(mutex);
    sizes[p] = n;
    return p;
  }

  // n bytes that begin at a huge page.
  static void *map(size_t n) {
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
    if (reinterpret_cast<uintptr_t>(p) % kPage == 0) {
      std::unique_lock<std::mutex> lock(r.mutex);
      const auto at = r.sizes.find(p);
      if (at != r.sizes.end()) {
        r.idle.emplace(at->second, p);
        r.kept += at->second;
        lock.unlock();
        r.trim(r.most);
        return;
      }
    }
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

void keep_large_blocks() { c10::SetCPUAllocator(&Reserve::one()); }

void drop_large_blocks() { Reserve::one().trim(0); }

}  // namespace isac
