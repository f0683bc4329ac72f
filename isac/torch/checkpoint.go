package torch

/*
#include "isac_call.h"
*/
import "C"

import (
	"fmt"
	"runtime/cgo"
	"runtime/debug"
	"unsafe"
)

// closure is what a checkpoint runs, in forward and again in backward.
type closure func([]Tensor) []Tensor

// Checkpoint runs fn on inputs and keeps nothing of its inside for the gradient: fn runs once more in backward, so a network's
// activations need the memory of one block instead of all. Undefined inputs pass through.
//
// fn must be a pure function of its inputs: it runs twice, the second time perhaps on another OS thread, in a scope of its own.
// Gradients flow to inputs only; tensors that fn captures (weights) are constants to it. It may call Checkpoint itself. An
// operation's panic inside fn comes out as that *Error, any other panic as one of KindClosure with the stack.
func Checkpoint(fn func([]Tensor) []Tensor, inputs ...Tensor) []Tensor {
	ensure()
	if !Differentiable(inputs) {
		return WithScope(func() []Tensor { return fn(inputs) })
	}
	defer collect()
	h := cgo.NewHandle(closure(fn)) // C++ owns it from here on, collect deletes it
	return takeList(C.isac_checkpoint(C.uintptr_t(h), ids(inputs), C.int64_t(len(inputs))))
}

// Differentiable tells whether what is made of tensors, which may be undefined, has a gradient.
func Differentiable(ts []Tensor) bool {
	if !GradEnabled() {
		return false
	}
	for _, t := range ts {
		if t.Defined() && t.RequiresGrad() {
			return true
		}
	}
	return false
}

// collect frees the closures whose graphs are gone. C++ cannot do it: graphs die inside operations that must not call Go.
func collect() {
	var dead [64]C.uintptr_t
	for {
		n := int(C.isac_dead_closures(&dead[0], C.int64_t(len(dead))))
		for _, h := range dead[:n] {
			cgo.Handle(h).Delete()
		}
		if n < len(dead) {
			return
		}
	}
}

// isacTorchClosure is called by C++ with a closure's handle; no panic may leave it.
//
//export isacTorchClosure
func isacTorchClosure(h C.uintptr_t, inputs *C.uint64_t, n C.int64_t) (r C.isac_list) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		e, ok := p.(*Error)
		if !ok {
			e = &Error{Kind: KindClosure, Op: "checkpoint", Message: fmt.Sprintf("panic in the closure: %v", p), Stack: string(debug.Stack())}
		}
		r.err = C.CString(e.wire())
	}()
	in := make([]Tensor, int(n))
	for i, id := range unsafe.Slice((*uint64)(unsafe.Pointer(inputs)), len(in)) {
		in[i] = Tensor{id}
	}
	out := cgo.Handle(h).Value().(closure)(in)
	size := C.size_t(max(1, len(out))) * C.size_t(unsafe.Sizeof(Tensor{}))
	r.ids = (*C.uint64_t)(C.malloc(size))
	r.n = C.int64_t(len(out))
	copy(unsafe.Slice((*Tensor)(unsafe.Pointer(r.ids)), len(out)), out)
	return r
}
