// Random numbers of torch's CPU generator (mt19937): the same as torch.Generator().manual_seed(seed) gives in Python.
#include <ATen/CPUGeneratorImpl.h>

#include "shim.h"

namespace isac {
namespace {

at::Generator &generator(int64_t gen) {
  if (gen == 0) throw Failure("handle", "the generator is closed");
  return *reinterpret_cast<at::Generator *>(gen);
}

isac_int generator_new(uint64_t seed) {
  return guard<isac_int>("generator", [&] {
    return isac_int{reinterpret_cast<int64_t>(new at::Generator(at::detail::createCPUGenerator(seed))), nullptr};
  });
}

isac_status generator_free(int64_t gen) {
  return guard<isac_status>("generator", [&] {
    delete &generator(gen);
    return isac_status{};
  });
}

isac_result randn(int64_t gen, const int64_t *shape, int64_t n) {
  return guard<isac_result>("randn", [&] {
    return one(at::randn(at::IntArrayRef(shape, n), generator(gen), at::TensorOptions().dtype(at::kFloat)), "randn");
  });
}

isac_result rand(int64_t gen, const int64_t *shape, int64_t n) {
  return guard<isac_result>("rand", [&] {
    return one(at::rand(at::IntArrayRef(shape, n), generator(gen), at::TensorOptions().dtype(at::kFloat)), "rand");
  });
}

isac_result randperm(int64_t gen, int64_t n) {
  return guard<isac_result>("randperm", [&] {
    return one(at::randperm(n, generator(gen), at::TensorOptions().dtype(at::kLong)), "randperm");
  });
}

}  // namespace

void fill_random(isac_core *core) {
  core->generator_new = generator_new;
  core->generator_free = generator_free;
  core->randn = randn;
  core->rand = rand;
  core->randperm = randperm;
}

}  // namespace isac
