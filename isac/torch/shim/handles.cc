// The table from handle to tensor, and scopes.
//
// A handle is generation<<32 | slot+1. Closing a slot raises its generation, so a stale handle is recognised and never reaches
// another tensor. A scope is a frame on a stack of the calling OS thread; each slot knows the frame that owns it, which makes
// moving a tensor to another frame, or to none, one assignment.
#include "shim.h"

#include <atomic>
#include <deque>
#include <mutex>
#include <sstream>

namespace isac {
namespace {

struct Slot {
  at::Tensor value;
  uint64_t frame = 0;       // owning scope, 0 = nobody
  const char *op = nullptr;  // what made it, for lists of leaks; a string literal
  uint32_t generation = 1;
  bool live = false;
};

struct Table {
  std::mutex mutex;
  std::deque<Slot> slots;  // a deque never moves its elements
  std::vector<uint32_t> free;
  int64_t live = 0;
};

// Never destroyed: threads may still close tensors while the process exits.
Table &table() {
  static Table *t = new Table;
  return *t;
}

struct Frame {
  uint64_t id;
  std::vector<uint64_t> handles;
  size_t compact_at = 1024;
};

thread_local std::vector<Frame> frames;
std::atomic<uint64_t> next_frame{1};

// The slot of a live handle, or NULL. The mutex is held by the caller.
Slot *find(Table &t, uint64_t id) {
  const uint64_t index = (id & 0xffffffffu) - 1;
  if (id == 0 || index >= t.slots.size()) return nullptr;
  Slot &s = t.slots[index];
  return s.live && s.generation == id >> 32 ? &s : nullptr;
}

[[noreturn]] void fail_closed(uint64_t id) {
  if (id == 0) throw Failure("handle", "an undefined tensor (torch.Tensor{}) was given where one is needed");
  throw Failure("handle", "the tensor is closed: it was closed by Close, or its scope has ended (Keep it, or return it from the scope)");
}

// Empties the slot and hands its tensor out, so that it is destroyed after the mutex is released.
at::Tensor release(Table &t, Slot *s, uint64_t id) {
  at::Tensor value = std::move(s->value);
  s->value = at::Tensor();
  s->live = false;
  s->generation++;
  if (s->generation == 0) s->generation = 1;
  t.free.push_back(static_cast<uint32_t>((id & 0xffffffffu) - 1));
  t.live--;
  return value;
}

// Drops handles of the frame that are closed or moved away, so that a long scope does not remember everything it ever made.
void compact(Table &t, Frame &f) {
  size_t n = 0;
  for (uint64_t id : f.handles) {
    const Slot *s = find(t, id);
    if (s != nullptr && s->frame == f.id) f.handles[n++] = id;
  }
  f.handles.resize(n);
  f.compact_at = std::max<size_t>(1024, 2 * n);
}

}  // namespace

bool peek(uint64_t id, at::Tensor *out) {
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  Slot *s = find(t, id);
  if (s == nullptr) return false;
  *out = s->value;
  return true;
}

const at::Tensor tensor(uint64_t id) {
  at::Tensor value;
  if (!peek(id, &value)) fail_closed(id);
  return value;
}

const at::Tensor maybe(uint64_t id) { return id == 0 ? at::Tensor() : tensor(id); }

std::vector<at::Tensor> tensors(const uint64_t *ids, int64_t n) {
  std::vector<at::Tensor> out;
  out.reserve(n);
  for (int64_t i = 0; i < n; i++) out.push_back(tensor(ids[i]));
  return out;
}

uint64_t put(const at::Tensor &value, const char *op) {
  if (!value.defined()) return 0;
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  uint32_t index;
  if (t.free.empty()) {
    index = static_cast<uint32_t>(t.slots.size());
    t.slots.emplace_back();
  } else {
    index = t.free.back();
    t.free.pop_back();
  }
  Slot &s = t.slots[index];
  const uint64_t id = static_cast<uint64_t>(s.generation) << 32 | (index + 1);
  s.frame = 0;
  if (!frames.empty()) {
    Frame &f = frames.back();
    if (f.handles.size() >= f.compact_at) compact(t, f);
    f.handles.push_back(id);
    s.frame = f.id;
  }
  s.value = value;
  s.op = op;
  s.live = true;
  t.live++;
  return id;
}

isac_list list(const std::vector<at::Tensor> &ts, const char *op) {
  isac_list r{};
  r.ids = static_cast<uint64_t *>(malloc(sizeof(uint64_t) * std::max<size_t>(1, ts.size())));
  if (r.ids == nullptr) throw std::bad_alloc();
  for (const at::Tensor &t : ts) r.ids[r.n++] = put(t, op);
  return r;
}

void close_handle(uint64_t id) {
  if (id == 0) return;
  at::Tensor dead;
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  Slot *s = find(t, id);
  if (s == nullptr) throw Failure("handle", "the tensor is closed already");
  dead = release(t, s, id);
}

void keep_handle(uint64_t id) {
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  Slot *s = find(t, id);
  if (s == nullptr) fail_closed(id);
  s->frame = 0;
}

int64_t live_handles() {
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  return t.live;
}

std::string list_live(int64_t max) {
  Table &t = table();
  std::lock_guard<std::mutex> lock(t.mutex);
  std::ostringstream out;
  for (const Slot &s : t.slots) {
    if (!s.live) continue;
    if (max-- <= 0) break;
    out << s.op << " " << s.value.sizes() << " " << s.value.scalar_type() << " " << s.value.device() << "\n";
  }
  return out.str();
}

uint64_t open_scope() {
  frames.push_back(Frame{next_frame++, {}});
  return frames.back().id;
}

void close_scope(uint64_t frame, const uint64_t *keep, int64_t n) {
  size_t depth = frames.size();
  while (depth > 0 && frames[depth - 1].id != frame) depth--;
  if (depth == 0) throw Failure("handle", "a scope must end on the OS thread that it began on");
  std::vector<at::Tensor> dead;  // destroyed last, outside the mutex
  bool lost = false;
  {
    Table &t = table();
    std::lock_guard<std::mutex> lock(t.mutex);
    Frame *parent = depth > 1 ? &frames[depth - 2] : nullptr;
    for (int64_t i = 0; i < n; i++) {
      if (keep[i] == 0) continue;
      Slot *s = find(t, keep[i]);
      if (s == nullptr) {
        lost = true;
        continue;
      }
      bool ours = false;  // a tensor of an outer scope, or of nobody, stays where it is
      for (size_t d = depth - 1; d < frames.size(); d++) ours = ours || s->frame == frames[d].id;
      if (!ours) continue;
      s->frame = parent == nullptr ? 0 : parent->id;
      if (parent != nullptr) parent->handles.push_back(keep[i]);
    }
    // Frames above ours are there only if a goroutine left a scope without closing it; they go too.
    for (size_t d = depth - 1; d < frames.size(); d++) {
      for (uint64_t id : frames[d].handles) {
        Slot *s = find(t, id);
        if (s != nullptr && s->frame == frames[d].id) dead.push_back(release(t, s, id));
      }
    }
    frames.resize(depth - 1);
  }
  if (lost) throw Failure("handle", "a tensor returned from a scope is closed");
}

}  // namespace isac
