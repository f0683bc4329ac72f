// Exceptions become strings: kind, op, shapes and message, without C++ stack traces.
#include "shim.h"

namespace isac {
namespace {

const char *const kSeparator = "\x1f";

// libtorch appends stack traces and debugging hints that say nothing to a user of the Go package.
std::string first_part(std::string text) {
  for (const char *tail : {"\nException raised from", "\nC++ CapturedTraceback", "\nCompile with `TORCH_USE_CUDA_DSA`",
                           "\nCUDA kernel errors might be asynchronously reported", "\nFor debugging consider passing CUDA_LAUNCH_BLOCKING"}) {
    const size_t at = text.find(tail);
    if (at != std::string::npos) text.resize(at);
  }
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char &c : text) {
    if (c == '\x1f') c = ' ';
  }
  return text;
}

bool has(const std::string &text, const char *part) { return text.find(part) != std::string::npos; }

// Older libtorch reports a failed CPU allocation, and every release a CUDA failure, as a plain c10::Error.
std::string kind_of(const std::string &message, const char *otherwise) {
  if (has(message, "CUDA out of memory")) return "cuda_memory";
  if (has(message, "can't allocate memory") || has(message, "not enough memory")) return "memory";
  if (has(message, "CUDA error") || has(message, "CUDNN_STATUS") || has(message, "cuDNN error") || has(message, "CUBLAS_STATUS")) return "cuda";
  return otherwise;
}

char *text(const std::string &kind, const std::string &op, const std::string &shapes, const std::string &message,
           const std::string &more = "") {
  return strdup((kind + kSeparator + op + kSeparator + shapes + kSeparator + message + more).c_str());
}

}  // namespace

char *describe(const char *op, const Shapes &shapes) noexcept {
  try {
    try {
      throw;
    } catch (const Failure &e) {
      const bool nested = !e.op.empty();  // raised by an op inside a closure: name that op
      std::string more;
      if (!e.where.empty() || !e.stack.empty()) more = kSeparator + e.where + kSeparator + e.stack;
      return text(e.kind, nested ? e.op : op, nested ? "" : shapes.text(), e.message, more);
    } catch (const c10::OutOfMemoryError &e) {
      return text("cuda_memory", op, shapes.text(), first_part(e.what_without_backtrace()));
    } catch (const c10::IndexError &e) {
      return text("index", op, shapes.text(), first_part(e.what_without_backtrace()));
    } catch (const c10::ValueError &e) {
      return text("value", op, shapes.text(), first_part(e.what_without_backtrace()));
    } catch (const c10::TypeError &e) {
      return text("type", op, shapes.text(), first_part(e.what_without_backtrace()));
    } catch (const c10::NotImplementedError &e) {
      return text("not_implemented", op, shapes.text(), first_part(e.what_without_backtrace()));
    } catch (const c10::Error &e) {
      const std::string message = first_part(e.what_without_backtrace());
      return text(kind_of(message, "torch"), op, shapes.text(), message);
    } catch (const std::bad_alloc &) {
      return text("memory", op, shapes.text(), "out of memory");
    } catch (const std::exception &e) {
      const std::string message = first_part(e.what());
      return text(kind_of(message, "torch"), op, shapes.text(), message);  // older libtorch checks some shapes so
    } catch (...) {
      return text("internal", op, shapes.text(), "unknown C++ exception");
    }
  } catch (...) {
    return strdup("internal\x1f\x1f\x1fout of memory while reporting an error");
  }
}

Failure parse_failure(const char *raw) {
  std::vector<std::string> fields(1);
  for (const char *c = raw; *c != 0; c++) {
    if (*c == '\x1f' && fields.size() < 6) {
      fields.emplace_back();
    } else {
      fields.back() += *c;
    }
  }
  fields.resize(6);
  Failure f(fields[0], fields[3]);
  f.op = fields[1] + fields[2];
  f.where = fields[4];
  f.stack = fields[5];
  return f;
}

void Shapes::add(uint64_t id) {
  at::Tensor t;
  if (!text_.empty()) text_ += " ";
  if (id == 0) {
    text_ += "none";
    return;
  }
  if (!peek(id, &t)) {
    text_ += "closed";
    return;
  }
  text_ += "[";
  for (int64_t d = 0; d < t.dim(); d++) text_ += (d > 0 ? " " : "") + std::to_string(t.size(d));
  text_ += "]";
}

void Shapes::add(const uint64_t *ids, int64_t n) {
  for (int64_t i = 0; i < n; i++) add(ids[i]);
}

}  // namespace isac
