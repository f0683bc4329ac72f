package torch

/*
#include "isac_call.h"
#cgo nocallback isac_get_meta
#cgo nocallback isac_close
#cgo nocallback isac_keep
#cgo nocallback isac_set_requires_grad
*/
import "C"

import (
	"fmt"
	"strconv"
	"strings"
	"unsafe"
)

// Tensor names a tensor of libtorch. It is a small value, free to copy; all copies name the same tensor. The zero value is
// undefined: it stands for an absent bias or mask. A tensor lives in the scope that it was made in, see the package's text.
type Tensor struct{ id uint64 }

// DType is the type of a tensor's elements.
type DType int32

// The element types; the order is that of isac_torch.h.
const (
	Float32 DType = iota
	Float64
	Float16
	BFloat16
	Int64
	Int32
	Int16
	Int8
	Uint8
	Bool
)

var dtypes = [...]struct {
	name string
	size int
}{{"float32", 4}, {"float64", 8}, {"float16", 2}, {"bfloat16", 2}, {"int64", 8}, {"int32", 4}, {"int16", 2}, {"int8", 1}, {"uint8", 1}, {"bool", 1}}

// String gives "float32" and so on.
func (d DType) String() string {
	if d < 0 || int(d) >= len(dtypes) {
		return fmt.Sprintf("dtype(%d)", int(d))
	}
	return dtypes[d].name
}

// Bytes is the size of one element.
func (d DType) Bytes() int { return dtypes[d].size }

// Floating reports whether the type is a floating-point one.
func (d DType) Floating() bool { return d >= Float32 && d <= BFloat16 }

// Device names where a tensor's memory is: "cpu", "cuda" (the first one), "cuda:1".
type Device string

// CPU is the device that every machine has. The empty Device means the same.
const CPU Device = "cpu"

// pack gives the device's number in C: -1 for the CPU, n for cuda:n.
func (d Device) pack() int32 {
	n, err := d.parse()
	if err != nil {
		fail(KindArgument, "device", "%v", err)
	}
	return n
}

func (d Device) parse() (int32, error) {
	switch {
	case d == CPU || d == "":
		return -1, nil
	case d == "cuda":
		return 0, nil
	case strings.HasPrefix(string(d), "cuda:"):
		if n, err := strconv.ParseUint(string(d[5:]), 10, 7); err == nil {
			return int32(n), nil
		}
	}
	return 0, fmt.Errorf("unknown device %q; expected cpu, cuda or cuda:N", string(d))
}

func unpackDevice(n int32) Device {
	if n < 0 {
		return CPU
	}
	return Device("cuda:" + strconv.Itoa(int(n)))
}

// Defined reports whether t names a tensor at all (it may be closed already).
func (t Tensor) Defined() bool { return t.id != 0 }

func (t Tensor) meta() C.isac_meta {
	ensure()
	m := C.isac_get_meta(C.uint64_t(t.id))
	check(m.err)
	return m
}

// Shape returns the sizes of t's dimensions; empty for a scalar.
func (t Tensor) Shape() []int64 {
	m := t.meta()
	shape := make([]int64, int(m.ndim))
	for i := range shape {
		shape[i] = int64(m.sizes[i])
	}
	return shape
}

// Size returns the size of dimension i; negative i count from the end.
func (t Tensor) Size(i int) int64 {
	m := t.meta()
	n := int(m.ndim)
	at := i
	if at < 0 {
		at += n
	}
	if at < 0 || at >= n {
		fail(KindIndex, "size", "dimension %d of a tensor of %d dimensions", i, n)
	}
	return int64(m.sizes[at])
}

// Dim returns the number of dimensions.
func (t Tensor) Dim() int { return int(t.meta().ndim) }

// Numel returns the number of elements.
func (t Tensor) Numel() int64 { return int64(t.meta().numel) }

// DType returns the type of the elements.
func (t Tensor) DType() DType { return DType(t.meta().dtype) }

// Device returns where the elements are.
func (t Tensor) Device() Device { return unpackDevice(int32(t.meta().device)) }

// IsContiguous reports whether the elements lie in row-major order without gaps.
func (t Tensor) IsContiguous() bool { return t.meta().contiguous != 0 }

// RequiresGrad reports whether gradients flow to t.
func (t Tensor) RequiresGrad() bool { return t.meta().requires_grad != 0 }

// SetRequiresGrad says whether gradients are to flow to t, and returns t. Switching off is only possible for a tensor that no
// operation made (else: Detach).
func (t Tensor) SetRequiresGrad(on bool) Tensor {
	ensure()
	check(C.isac_set_requires_grad(C.uint64_t(t.id), boolean(on)).err)
	return t
}

// Close frees t. Closing an undefined tensor does nothing; closing one twice panics.
func (t Tensor) Close() {
	if t.id == 0 {
		return
	}
	ensure()
	check(C.isac_close(C.uint64_t(t.id)).err)
}

// Keep takes t out of all scopes and returns it; from now on the caller must Close it.
func (t Tensor) Keep() Tensor {
	if t.id == 0 {
		return t
	}
	ensure()
	check(C.isac_keep(C.uint64_t(t.id)).err)
	return t
}

// String describes t without its values: "float32 [1 4 64 64] on cpu".
func (t Tensor) String() string {
	if t.id == 0 {
		return "undefined tensor"
	}
	ensure()
	m := C.isac_get_meta(C.uint64_t(t.id))
	if m.err != nil {
		C.free(unsafe.Pointer(m.err))
		return "closed tensor"
	}
	shape := make([]int64, int(m.ndim))
	for i := range shape {
		shape[i] = int64(m.sizes[i])
	}
	return fmt.Sprintf("%v %v on %v", DType(m.dtype), shape, unpackDevice(int32(m.device)))
}

// wrap turns what a C function returned into a Tensor, or panics.
func wrap(r C.isac_result) Tensor {
	if r.err != nil {
		panic(takeError(r.err))
	}
	return Tensor{uint64(r.id)}
}

func wrapPair(r C.isac_pair) (Tensor, Tensor) {
	if r.err != nil {
		panic(takeError(r.err))
	}
	return Tensor{uint64(r.a)}, Tensor{uint64(r.b)}
}

// done ends an operation in place.
func (t Tensor) done(r C.isac_status) Tensor {
	if r.err != nil {
		panic(takeError(r.err))
	}
	return t
}

// ids, ints and chars pass Go memory to C for the length of one call. A Tensor is one uint64, so a slice of them is an array of
// handles.
func ids(ts []Tensor) *C.uint64_t { return (*C.uint64_t)(unsafe.Pointer(unsafe.SliceData(ts))) }
func ints(v []int64) *C.int64_t   { return (*C.int64_t)(unsafe.Pointer(unsafe.SliceData(v))) }
func chars(s string) *C.char      { return (*C.char)(unsafe.Pointer(unsafe.StringData(s))) }
func boolean(on bool) C.int32_t {
	if on {
		return 1
	}
	return 0
}
