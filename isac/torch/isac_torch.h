/* The C ABI between the Go package torch and libisactorch.so, part one: types and the functions written by hand.
 *
 * Tensors are named by handles: slot and generation in one uint64, 0 = undefined. Every function that can fail returns an error
 * string, NULL if all went well. The string is malloc'ed, the caller frees it; its fields are separated by 0x1f:
 * kind, op, shapes, message, and for errors that came out of a Go closure also where and stack.
 * No C++ exception and no Go panic ever crosses this boundary. */
#ifndef ISAC_TORCH_H
#define ISAC_TORCH_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ISAC_MAX_DIMS 16

typedef struct { char *err; } isac_status;
typedef struct { uint64_t id; char *err; } isac_result;
typedef struct { uint64_t a, b; char *err; } isac_pair;
typedef struct { int64_t value; char *err; } isac_int;
typedef struct { double value; char *err; } isac_float;
typedef struct { char *value; char *err; } isac_text;
/* ids is malloc'ed, the receiver frees it. */
typedef struct { uint64_t *ids; int64_t n; char *err; } isac_list;

/* device is packed: -1 = CPU, n >= 0 = CUDA device n. dtype: see enum isac_dtype. */
typedef struct {
  int64_t sizes[ISAC_MAX_DIMS];
  int64_t numel;
  int32_t ndim, dtype, device, defined, requires_grad, contiguous;
  char *err;
} isac_meta;

typedef struct { int64_t allocated, reserved, peak, free, total, tensors, tensors_peak; char *err; } isac_memory;

enum isac_dtype {
  ISAC_FLOAT32, ISAC_FLOAT64, ISAC_FLOAT16, ISAC_BFLOAT16, ISAC_INT64, ISAC_INT32, ISAC_INT16, ISAC_INT8, ISAC_UINT8, ISAC_BOOL
};

/* Runs the Go closure h on the n tensors; called in a scope of its own, perhaps on a thread that Go did not make. */
typedef isac_list (*isac_closure_fn)(uintptr_t h, uint64_t *inputs, int64_t n);

typedef struct {
  isac_status (*init)(int64_t threads);
  isac_text (*info)(void); /* JSON */
  isac_status (*set_threads)(int64_t n);

  /* handles and scopes */
  isac_meta (*meta)(uint64_t id);
  isac_status (*close)(uint64_t id);
  isac_status (*keep)(uint64_t id);
  int64_t (*live)(void);
  isac_text (*live_list)(int64_t max); /* one line a handle: op, shape, dtype, device */
  uint64_t (*scope_open)(void);
  isac_status (*scope_close)(uint64_t frame, const uint64_t *keep, int64_t n);
  int64_t (*dead_closures)(uintptr_t *out, int64_t cap); /* closures that nothing in C++ refers to any more */

  /* data in and out */
  isac_result (*from_data)(const void *data, int64_t bytes, int32_t dtype, const int64_t *shape, int64_t n);
  isac_result (*from_blob)(void *data, int32_t dtype, const int64_t *shape, int64_t n);
  isac_status (*read)(uint64_t id, int32_t dtype, void *dst, int64_t bytes);
  isac_float (*item)(uint64_t id);
  isac_int (*all_finite)(uint64_t id);

  /* gradients */
  isac_status (*set_requires_grad)(uint64_t id, int32_t on);
  int32_t (*grad_mode)(int32_t on); /* on: 0, 1, or -1 to ask; returns what was set before */
  isac_list (*vjp)(const uint64_t *outputs, int64_t n, const uint64_t *cotangents, const uint64_t *inputs, int64_t m, int32_t retain);
  isac_result (*attention_mean)(uint64_t q, uint64_t k, double scale, int64_t chunk);
  isac_list (*checkpoint)(uintptr_t h, const uint64_t *inputs, int64_t n);

  /* random numbers: the CPU generator of torch */
  isac_int (*generator_new)(uint64_t seed);
  isac_status (*generator_free)(int64_t gen);
  isac_result (*randn)(int64_t gen, const int64_t *shape, int64_t n);
  isac_result (*rand)(int64_t gen, const int64_t *shape, int64_t n);
  isac_result (*randperm)(int64_t gen, int64_t n);

  /* devices */
  isac_memory (*memory)(int32_t device);
  isac_status (*empty_cache)(int32_t device, int64_t keep); /* keep: bytes that may stay, of the CPU */
  isac_status (*reset_peak)(int32_t device);
  isac_status (*synchronize)(int32_t device);

  /* memory of another process, see shim/ipc.cc; handle has 64 bytes */
  isac_result (*open_shared)(const void *handle, int64_t offset, int32_t dtype, const int64_t *shape, int64_t n, int32_t device);

  /* profiles: one event a line, see shim/profile.cc */
  isac_status (*profile_begin)(int32_t device);
  isac_text (*profile_end)(void);
  isac_status (*section_begin)(const char *name);
  isac_status (*section_end)(void);

  /* what is recorded once and repeated, see shim/graph.cc */
  isac_int (*graph_new)(uintptr_t h, const uint64_t *inputs, int64_t n);
  isac_list (*graph_run)(int64_t graph, const uint64_t *inputs, int64_t n);
  isac_status (*graph_free)(int64_t graph);
} isac_core;

#ifdef __cplusplus
}
#endif

#include "isac_ops_gen.h"

typedef struct {
  uint64_t abi;
  isac_core core;
  isac_ops ops;
} isac_table;

#ifdef __cplusplus
extern "C" {
#endif
/* The only two names that the library exports. */
uint64_t isac_torch_abi(void);
const isac_table *isac_torch_open(isac_closure_fn closure);
#ifdef __cplusplus
}
#endif

#endif
