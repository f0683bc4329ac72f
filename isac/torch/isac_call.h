/* What cgo sees: the table of the loaded library, and functions that call through it (cgo cannot call a function pointer). */
#ifndef ISAC_CALL_H
#define ISAC_CALL_H

#include <stddef.h>
#include <stdlib.h>

#include "isac_torch.h"

/* Set once, by isac_load, before any other call. */
extern const isac_table *isac_loaded;

typedef struct {
  char *err;     /* malloc'ed; NULL if the library is loaded */
  char *path;    /* malloc'ed; where the dynamic linker found it */
  uint64_t abi;  /* of the library */
  int mismatch;  /* the library's ABI number is not ours */
} isac_load_result;

isac_load_result isac_load(const char *path);

/* Leaf calls: they never call back into Go. */
static inline isac_status isac_init(int64_t threads) { return isac_loaded->core.init(threads); }
static inline isac_text isac_info(void) { return isac_loaded->core.info(); }
static inline isac_status isac_set_threads(int64_t n) { return isac_loaded->core.set_threads(n); }
static inline isac_meta isac_get_meta(uint64_t id) { return isac_loaded->core.meta(id); }
static inline isac_status isac_close(uint64_t id) { return isac_loaded->core.close(id); }
static inline isac_status isac_keep(uint64_t id) { return isac_loaded->core.keep(id); }
static inline int64_t isac_live(void) { return isac_loaded->core.live(); }
static inline isac_text isac_live_list(int64_t max) { return isac_loaded->core.live_list(max); }
static inline uint64_t isac_scope_open(void) { return isac_loaded->core.scope_open(); }
static inline isac_status isac_scope_close(uint64_t frame, const uint64_t *keep, int64_t n) {
  return isac_loaded->core.scope_close(frame, keep, n);
}
static inline int64_t isac_dead_closures(uintptr_t *out, int64_t cap) { return isac_loaded->core.dead_closures(out, cap); }
static inline isac_result isac_from_data(const void *data, int64_t bytes, int32_t dtype, const int64_t *shape, int64_t n) {
  return isac_loaded->core.from_data(data, bytes, dtype, shape, n);
}
static inline isac_result isac_from_blob(void *data, int32_t dtype, const int64_t *shape, int64_t n) {
  return isac_loaded->core.from_blob(data, dtype, shape, n);
}
static inline isac_status isac_read(uint64_t id, int32_t dtype, void *dst, int64_t bytes) {
  return isac_loaded->core.read(id, dtype, dst, bytes);
}
static inline isac_float isac_item(uint64_t id) { return isac_loaded->core.item(id); }
static inline isac_int isac_all_finite(uint64_t id) { return isac_loaded->core.all_finite(id); }
static inline isac_status isac_set_requires_grad(uint64_t id, int32_t on) { return isac_loaded->core.set_requires_grad(id, on); }
static inline int32_t isac_grad_mode(int32_t on) { return isac_loaded->core.grad_mode(on); }
static inline isac_result isac_attention_mean(uint64_t q, uint64_t k, double scale, int64_t chunk) {
  return isac_loaded->core.attention_mean(q, k, scale, chunk);
}
static inline isac_int isac_generator_new(uint64_t seed) { return isac_loaded->core.generator_new(seed); }
static inline isac_status isac_generator_free(int64_t gen) { return isac_loaded->core.generator_free(gen); }
static inline isac_result isac_randn(int64_t gen, const int64_t *shape, int64_t n) { return isac_loaded->core.randn(gen, shape, n); }
static inline isac_result isac_rand(int64_t gen, const int64_t *shape, int64_t n) { return isac_loaded->core.rand(gen, shape, n); }
static inline isac_result isac_randperm(int64_t gen, int64_t n) { return isac_loaded->core.randperm(gen, n); }
static inline isac_memory isac_get_memory(int32_t device) { return isac_loaded->core.memory(device); }
static inline isac_status isac_empty_cache(int32_t device, int64_t keep) { return isac_loaded->core.empty_cache(device, keep); }
static inline isac_status isac_reset_peak(int32_t device) { return isac_loaded->core.reset_peak(device); }
static inline isac_status isac_synchronize(int32_t device) { return isac_loaded->core.synchronize(device); }
static inline isac_status isac_profile_begin(int32_t device) { return isac_loaded->core.profile_begin(device); }
static inline isac_text isac_profile_end(void) { return isac_loaded->core.profile_end(); }
static inline isac_status isac_section_begin(const char *name) { return isac_loaded->core.section_begin(name); }
static inline isac_status isac_section_end(void) { return isac_loaded->core.section_end(); }

static inline isac_result isac_open_shared(const void *handle, int64_t offset, int32_t dtype, const int64_t *shape, int64_t n, int32_t device) {
  return isac_loaded->core.open_shared(handle, offset, dtype, shape, n, device);
}
static inline isac_status isac_graph_free(int64_t graph) { return isac_loaded->core.graph_free(graph); }

/* These may call a Go closure, perhaps on another thread. */
static inline isac_list isac_vjp(const uint64_t *outputs, int64_t n, const uint64_t *cotangents, const uint64_t *inputs, int64_t m,
                                 int32_t retain) {
  return isac_loaded->core.vjp(outputs, n, cotangents, inputs, m, retain);
}
static inline isac_list isac_checkpoint(uintptr_t h, const uint64_t *inputs, int64_t n) {
  return isac_loaded->core.checkpoint(h, inputs, n);
}
static inline isac_int isac_graph_new(uintptr_t h, const uint64_t *inputs, int64_t n) { return isac_loaded->core.graph_new(h, inputs, n); }
static inline isac_list isac_graph_run(int64_t graph, const uint64_t *inputs, int64_t n) { return isac_loaded->core.graph_run(graph, inputs, n); }

#endif
