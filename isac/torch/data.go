package torch

/*
#include "isac_call.h"
#cgo nocallback isac_from_data
#cgo noescape isac_from_data
#cgo nocallback isac_from_blob
#cgo noescape isac_from_blob
#cgo nocallback isac_read
#cgo noescape isac_read
#cgo nocallback isac_item
#cgo nocallback isac_all_finite
*/
import "C"

import "unsafe"

// FromFloat32s returns a float32 tensor on the CPU with a copy of data; no shape means a vector.
func FromFloat32s(data []float32, shape ...int64) Tensor { return fromData(data, Float32, shape) }

// FromFloat64s returns a float64 tensor on the CPU with a copy of data; no shape means a vector.
func FromFloat64s(data []float64, shape ...int64) Tensor { return fromData(data, Float64, shape) }

// FromInt64s returns an int64 tensor on the CPU with a copy of data; no shape means a vector.
func FromInt64s(data []int64, shape ...int64) Tensor { return fromData(data, Int64, shape) }

// FromBytes returns a tensor on the CPU with a copy of data, its elements in the machine's byte order.
func FromBytes(data []byte, dt DType, shape ...int64) Tensor {
	ensure()
	return wrap(C.isac_from_data(unsafe.Pointer(unsafe.SliceData(data)), C.int64_t(len(data)), C.int32_t(dt), ints(shape), C.int64_t(len(shape))))
}

// Scalar returns a float64 tensor of no dimensions.
func Scalar(v float64) Tensor {
	ensure()
	return wrap(C.isac_from_data(unsafe.Pointer(&v), 8, C.int32_t(Float64), nil, 0))
}

func fromData[T float32 | float64 | int64](data []T, dt DType, shape []int64) Tensor {
	ensure()
	if len(shape) == 0 {
		shape = []int64{int64(len(data))}
	}
	size := len(data) * dt.Bytes()
	return wrap(C.isac_from_data(unsafe.Pointer(unsafe.SliceData(data)), C.int64_t(size), C.int32_t(dt), ints(shape), C.int64_t(len(shape))))
}

// FromBlob returns a tensor over the memory at p, without a copy. The memory must stay valid until the tensor, and every view of
// it, is freed, must be aligned for dt, and must not be Go's (a mapped file is what this is for).
func FromBlob(p unsafe.Pointer, dt DType, shape ...int64) Tensor {
	ensure()
	if p == nil {
		fail(KindArgument, "from_blob", "a nil pointer")
	}
	if uintptr(p)%uintptr(dt.Bytes()) != 0 {
		fail(KindArgument, "from_blob", "address %#x is not aligned for %v; copy the data (FromBytes)", uintptr(p), dt)
	}
	return wrap(C.isac_from_blob(p, C.int32_t(dt), ints(shape), C.int64_t(len(shape))))
}

// Float32s returns the elements in row-major order, converted to float32, from whatever device.
func (t Tensor) Float32s() []float32 { return read[float32](t, Float32) }

// Float64s returns the elements in row-major order, converted to float64, from whatever device.
func (t Tensor) Float64s() []float64 { return read[float64](t, Float64) }

// Int64s returns the elements in row-major order, converted to int64, from whatever device.
func (t Tensor) Int64s() []int64 { return read[int64](t, Int64) }

// Bools returns the elements in row-major order, from whatever device; what is not zero is true.
func (t Tensor) Bools() []bool { return read[bool](t, Bool) }

// Bytes returns the elements' memory in row-major order, in t's own type and the machine's byte order.
func (t Tensor) Bytes() []byte {
	m := t.meta()
	out := make([]byte, int(m.numel)*DType(m.dtype).Bytes())
	check(C.isac_read(C.uint64_t(t.id), m.dtype, unsafe.Pointer(unsafe.SliceData(out)), C.int64_t(len(out))).err)
	return out
}

func read[T float32 | float64 | int64 | bool](t Tensor, dt DType) []T {
	m := t.meta()
	out := make([]T, int(m.numel))
	check(C.isac_read(C.uint64_t(t.id), C.int32_t(dt), unsafe.Pointer(unsafe.SliceData(out)), C.int64_t(len(out)*dt.Bytes())).err)
	return out
}

// Item returns the only element of t.
func (t Tensor) Item() float64 {
	ensure()
	r := C.isac_item(C.uint64_t(t.id))
	check(r.err)
	return float64(r.value)
}

// AllFinite reports whether no element is NaN or infinite.
func (t Tensor) AllFinite() bool {
	ensure()
	r := C.isac_all_finite(C.uint64_t(t.id))
	check(r.err)
	return r.value != 0
}
