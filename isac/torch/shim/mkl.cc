// MKL, which pip's libtorch brings, asks itself by this name whether the processor is Intel's, and takes kernels of half the width on any
// other. The linker asks the library that was opened first, which is this one: so processors of AMD that have the instructions are
// answered for as well. A libtorch with another BLAS never asks.
#include <cstdlib>
#include <cstring>

extern "C" __attribute__((visibility("default"))) int mkl_serv_intel_cpu_true() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_is("intel")) return 1;
  const char *asked = std::getenv("ISAC_MKL_KERNELS");
  if (asked != nullptr && std::strcmp(asked, "vendor") == 0) return 0;
  return __builtin_cpu_is("amd") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return 0;
#endif
}
