package torch

/*
#include "isac_call.h"
#cgo nocallback isac_grad_mode
#cgo noescape isac_vjp
#cgo noescape isac_checkpoint
#cgo nocallback isac_attention_mean
#cgo nocallback isac_dead_closures
#cgo noescape isac_dead_closures
*/
import "C"

import (
	"runtime"
	"unsafe"
)

// NoGrad runs fn without recording operations for gradients.
func NoGrad(fn func()) { gradMode(0, fn) }

// WithGrad runs fn with operations recorded for gradients, which is the state that every thread starts in.
func WithGrad(fn func()) { gradMode(1, fn) }

func gradMode(on C.int32_t, fn func()) {
	ensure()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before := C.isac_grad_mode(on)
	defer func() { C.isac_grad_mode(before) }()
	fn()
}

// GradEnabled reports whether operations are recorded on this thread.
func GradEnabled() bool {
	ensure()
	return C.isac_grad_mode(-1) != 0
}

// Grad returns the gradients of the scalar loss with respect to inputs, in their shapes. It frees the graph behind loss: a second
// Grad through the same operations is an error. It panics with KindGrad if loss is not a scalar, depends on nothing that requires
// a gradient, or does not depend on one of the inputs.
func Grad(loss Tensor, inputs ...Tensor) []Tensor { return VJP([]Tensor{loss}, nil, inputs, false) }

// VJP returns the gradients of Σ outputs·cotangents with respect to inputs (a vector-Jacobian product). Each cotangent has the
// shape of its output; nil cotangents mean that all outputs are scalars with weight 1. With retain the graph stays for another call.
func VJP(outputs, cotangents, inputs []Tensor, retain bool) []Tensor {
	ensure()
	if cotangents != nil && len(cotangents) != len(outputs) {
		fail(KindArgument, "grad", "%d cotangents for %d outputs", len(cotangents), len(outputs))
	}
	if len(outputs) == 0 || len(inputs) == 0 {
		fail(KindArgument, "grad", "%d outputs and %d inputs; at least one of each is needed", len(outputs), len(inputs))
	}
	defer Section("backward")()
	defer collect()
	return takeList(C.isac_vjp(ids(outputs), C.int64_t(len(outputs)), ids(cotangents), ids(inputs), C.int64_t(len(inputs)), boolean(retain)))
}

// AttentionMean returns softmax(scale · q kᵀ) averaged over heads, [B,N,M], for q [B,h,N,d] and k [B,h,M,d]; in float32 for half
// types. Its gradient keeps only q and k and computes the probabilities again, chunk query rows at a time; chunk 0 picks a size
// that suits the device. It is the averaged attention map of the paper's accumulation step at the memory of the map itself.
func AttentionMean(q, k Tensor, scale float64, chunk int) Tensor {
	ensure()
	return wrap(C.isac_attention_mean(C.uint64_t(q.id), C.uint64_t(k.id), C.double(scale), C.int64_t(chunk)))
}

// takeList makes tensors of a C list, and frees the list.
func takeList(r C.isac_list) []Tensor {
	check(r.err)
	defer C.free(unsafe.Pointer(r.ids))
	out := make([]Tensor, int(r.n))
	for i, id := range unsafe.Slice((*uint64)(unsafe.Pointer(r.ids)), len(out)) {
		out[i] = Tensor{id}
	}
	return out
}
