// What libtorch does, event by event: operators everywhere, and on a GPU what the driver was asked for and what the device did.
//
// Operators are seen by callbacks of at::RecordFunction. On a GPU libtorch's own profiler (Kineto, over CUPTI) sees them, and kernels,
// copies and calls of the driver besides; where it is not built in, operators are all there is.
#include <ATen/record_function.h>
#include <torch/csrc/api/include/torch/version.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <unordered_set>

#include "shim.h"

#define ISAC_KINETO (TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 6))
#if ISAC_KINETO
#include <torch/csrc/autograd/profiler_kineto.h>
#endif

namespace isac {
namespace {

struct Event {
  std::string name;
  int64_t start, end;
  uint64_t thread;
  bool section;
};

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Names of sections are kept for good: events refer to them, and there are few.
const char *intern(const char *name) {
  static std::mutex mutex;
  static auto *names = new std::set<std::string>;
  std::lock_guard<std::mutex> lock(mutex);
  return names->insert(name).first->c_str();
}

// The recorder of operators. One profile at a time.
struct Recorder {
  std::mutex mutex;
  std::vector<Event> events;
  at::CallbackHandle handle = 0;
  bool on = false, kineto = false;

  static Recorder &one() {
    static auto *r = new Recorder;
    return *r;
  }
};

struct Running : at::ObserverContext {
  int64_t start = 0;
};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction &) {
  auto r = std::make_unique<Running>();
  r->start = now();
  return r;
}

void leave(const at::RecordFunction &fn, at::ObserverContext *context) {
  const int64_t end = now();
  if (context == nullptr) return;
  Recorder &r = Recorder::one();
  std::lock_guard<std::mutex> lock(r.mutex);
  r.events.push_back({fn.name(), static_cast<Running *>(context)->start, end, fn.threadId(), fn.scope() == at::RecordScope::USER_SCOPE});
}

// A line of the profile: kind, name, start and length in ns, correlation, correlation of the operator behind it, thread, bytes.
void line(std::ostream &out, const char *kind, std::string name, int64_t start, int64_t length, uint64_t own, uint64_t linked, uint64_t thread,
          int64_t bytes) {
  for (char &c : name) {
    if (c == '\t' || c == '\n') c = ' ';
  }
  out << kind << '\t' << name << '\t' << start << '\t' << length << '\t' << own << '\t' << linked << '\t' << thread << '\t' << bytes << '\n';
}

#if ISAC_KINETO
namespace impl = torch::profiler::impl;

void begin_kineto() {
  const std::set<impl::ActivityType> what = {impl::ActivityType::CPU, impl::ActivityType::CUDA};
  const impl::ProfilerConfig config(impl::ProfilerState::KINETO);
  torch::autograd::profiler::prepareProfiler(config, what);
  torch::autograd::profiler::enableProfiler(config, what);
}

void end_kineto(std::ostream &out) {
  const auto result = torch::autograd::profiler::disableProfiler();
  for (const auto &e : result->events()) {
    const std::string name = e.name();
    const bool device = e.deviceType() == at::kCUDA;
    if (device && name.rfind("isac", 0) == 0) continue;  // a section, drawn on the device's time line as well
    const char *kind = "op";
    if (device) {
      kind = name.rfind("Memcpy", 0) == 0 ? "copy" : name.rfind("Memset", 0) == 0 ? "set" : "kernel";
    } else if (name.rfind("cuda", 0) == 0 || (name.rfind("cu", 0) == 0 && name.size() > 2 && isupper(name[2]))) {
      kind = "driver";
    } else if (name.rfind("isac", 0) == 0) {
      kind = "section";
    }
    line(out, kind, name, static_cast<int64_t>(e.startNs()), static_cast<int64_t>(e.durationNs()), e.correlationId(), e.linkedCorrelationId(),
         e.startThreadId(), e.nBytes());
  }
}
#endif

isac_status profile_begin(int32_t dev) {
  return guard<isac_status>("profile_begin", [&] {
    Recorder &r = Recorder::one();
    if (r.on) throw Failure("argument", "a profile is being made already: end it first");
    r.events.clear();
    r.kineto = false;
#if ISAC_KINETO
    if (dev >= 0) {
      begin_kineto();
      r.kineto = true;
    }
#endif
    if (!r.kineto) {
      r.handle = at::addGlobalCallback(at::RecordFunctionCallback(&enter, &leave));
    }
    r.on = true;
    return isac_status{};
  });
}

isac_text profile_end() {
  return guard<isac_text>("profile_end", [&] {
    Recorder &r = Recorder::one();
    if (!r.on) throw Failure("argument", "no profile is being made: begin one first");
    r.on = false;
    std::ostringstream out;
#if ISAC_KINETO
    if (r.kineto) end_kineto(out);
#endif
    if (!r.kineto) {
      at::removeCallback(r.handle);
      std::lock_guard<std::mutex> lock(r.mutex);
      for (const Event &e : r.events) line(out, e.section ? "section" : "op", e.name, e.start, e.end - e.start, 0, 0, e.thread, 0);
      r.events.clear();
      r.events.shrink_to_fit();
    }
    return isac_text{strdup(out.str().c_str()), nullptr};
  });
}

// Sections that are open on this thread, the innermost last.
thread_local std::vector<std::unique_ptr<at::RecordFunction>> open_sections;

isac_status section_begin(const char *name) {
  return guard<isac_status>("section_begin", [&] {
    auto section = std::make_unique<at::RecordFunction>(at::RecordScope::USER_SCOPE);
    if (section->isActive()) section->before(intern(name));
    open_sections.push_back(std::move(section));
    return isac_status{};
  });
}

isac_status section_end() {
  return guard<isac_status>("section_end", [&] {
    if (open_sections.empty()) throw Failure("argument", "no section is open on this thread");
    open_sections.pop_back();
    return isac_status{};
  });
}

}  // namespace

void fill_profile(isac_core *core) {
  core->profile_begin = profile_begin;
  core->profile_end = profile_end;
  core->section_begin = section_begin;
  core->section_end = section_end;
}

}  // namespace isac
