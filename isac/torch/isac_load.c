//go:build !windows

/* Opens libisactorch.so. Only dlopen is linked: a program starts, and its tests run, where no libtorch is installed. */
#define _GNU_SOURCE /* dladdr */
#include <dlfcn.h>
#include <string.h>

#include "isac_call.h"
#include "_cgo_export.h"

const isac_table *isac_loaded = NULL;

isac_load_result isac_load(const char *path) {
  isac_load_result r = {0};
  void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  if (lib == NULL) {
    r.err = strdup(dlerror());
    return r;
  }
  uint64_t (*abi)(void) = (uint64_t(*)(void))dlsym(lib, "isac_torch_abi");
  const isac_table *(*open)(isac_closure_fn) = (const isac_table *(*)(isac_closure_fn))dlsym(lib, "isac_torch_open");
  if (abi == NULL || open == NULL) {
    r.err = strdup("it does not export isac_torch_abi and isac_torch_open, so it is not libisactorch.so");
    dlclose(lib);
    return r;
  }
  r.abi = abi();
  if (r.abi != ISAC_TORCH_ABI) {
    r.mismatch = 1; /* not dlclose'd: unloading libtorch runs its static destructors under live threads */
    return r;
  }
  isac_loaded = open(isacTorchClosure);
  Dl_info info;
  if (dladdr((void *)abi, &info) != 0 && info.dli_fname != NULL) r.path = strdup(info.dli_fname);
  return r;
}
