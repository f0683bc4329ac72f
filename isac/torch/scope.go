package torch

/*
#include "isac_call.h"
#cgo nocallback isac_scope_open
#cgo nocallback isac_scope_close
#cgo noescape isac_scope_close
#cgo nocallback isac_live
#cgo nocallback isac_live_list
*/
import "C"

import (
	"runtime"
	"strings"
	"unsafe"
)

// WithScope runs fn and frees every tensor made inside it but those that it returns, which move to the enclosing scope, or to
// the caller if there is none. It also frees when fn panics. See the package's text.
func WithScope(fn func() []Tensor) (out []Tensor) {
	ensure()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	frame := C.isac_scope_open()
	// If fn panics, out is still nil and nothing is kept.
	defer func() {
		check(C.isac_scope_close(frame, ids(out), C.int64_t(len(out))).err)
		collect()
	}()
	return fn()
}

// Scoped is WithScope for a function of one result.
func Scoped(fn func() Tensor) Tensor {
	return WithScope(func() []Tensor { return []Tensor{fn()} })[0]
}

// InScope runs fn and frees every tensor made inside it. It is for edges: an operation's panic (*Error) becomes the error.
func InScope(fn func() error) error {
	return Try(func() (err error) {
		WithScope(func() []Tensor {
			err = fn()
			return nil
		})
		return err
	})
}

// LiveHandles counts the tensors that are not closed. It is 0 before the library is loaded.
func LiveHandles() int {
	if !ready.Load() {
		return 0
	}
	return int(C.isac_live())
}

// LiveList describes up to limit live tensors, one line each: the operation that made it, shape, type, device. For leak hunts.
func LiveList(limit int) []string {
	if !ready.Load() {
		return nil
	}
	r := C.isac_live_list(C.int64_t(limit))
	check(r.err)
	defer C.free(unsafe.Pointer(r.value))
	return strings.FieldsFunc(C.GoString(r.value), func(c rune) bool { return c == '\n' })
}
