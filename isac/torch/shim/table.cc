// The two exported functions.
#include "shim.h"

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT uint64_t isac_torch_abi(void) { return ISAC_TORCH_ABI; }

EXPORT const isac_table *isac_torch_open(isac_closure_fn closure) {
  static isac_table table;
  table.abi = ISAC_TORCH_ABI;
  isac::fill_ops(&table.ops);
  isac::fill_handles(&table.core);
  isac::fill_data(&table.core);
  isac::fill_autograd(&table.core, closure);
  isac::fill_random(&table.core);
  isac::fill_device(&table.core);
  isac::fill_profile(&table.core);
  isac::fill_graph(&table.core);
  return &table;
}
