package torch

/*
#cgo nocallback isac_open_shared
#cgo noescape isac_open_shared
#include "isac_call.h"
*/
import "C"

import "unsafe"

// SharedHandleBytes is the size of CUDA's handle of memory that another process opens (cudaIpcMemHandle_t).
const SharedHandleBytes = 64

// OpenShared returns a tensor over memory of another process on the same CUDA device, without a copy: handle is of the allocation that it
// lies in, offset its distance from the allocation's start in bytes. The memory is not given back to the device before the tensor, and
// every view of it, is freed, even where the other process frees it or ends. Its contents are the other process's: it has to keep them.
func OpenShared(handle []byte, offset int64, dt DType, device Device, shape ...int64) Tensor {
	ensure()
	if len(handle) != SharedHandleBytes {
		fail(KindArgument, "open_shared", "a handle of %d bytes, expected %d", len(handle), SharedHandleBytes)
	}
	return wrap(C.isac_open_shared(unsafe.Pointer(unsafe.SliceData(handle)), C.int64_t(offset), C.int32_t(dt), ints(shape), C.int64_t(len(shape)), C.int32_t(device.pack())))
}
