package torch_test

import (
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestDataInAndOut(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		floats := []float32{1.5, -2, 3}
		x := torch.FromFloat32s(floats)
		floats[0] = 99 // a copy was made
		if got := x.Float32s(); !reflect.DeepEqual(got, []float32{1.5, -2, 3}) {
			t.Errorf("Float32s %v", got)
		}
		if got := x.Int64s(); !reflect.DeepEqual(got, []int64{1, -2, 3}) {
			t.Errorf("Int64s %v", got)
		}
		if got := mask(0, 2).Bools(); !reflect.DeepEqual(got, []bool{false, true}) {
			t.Errorf("Bools %v", got)
		}
		// bfloat16 1.0 is 0x3f80.
		b := torch.FromBytes([]byte{0x80, 0x3f, 0, 0x40}, torch.BFloat16, 2)
		if got := b.Float64s(); !reflect.DeepEqual(got, []float64{1, 2}) {
			t.Errorf("bfloat16 %v", got)
		}
		if got := b.Flip(0).Bytes(); !reflect.DeepEqual(got, []byte{0, 0x40, 0x80, 0x3f}) {
			t.Errorf("Bytes %v", got)
		}
		// Row-major whatever the strides are.
		if got := m23().Transpose(0, 1).Float64s(); !reflect.DeepEqual(got, []float64{1, 4, 2, 5, 3, 6}) {
			t.Errorf("transposed %v", got)
		}
		if s := torch.Scalar(2.5); s.Item() != 2.5 || s.Dim() != 0 || s.Numel() != 1 {
			t.Errorf("Scalar is %v", s)
		}
		if e := torch.FromFloat32s(nil); e.Numel() != 0 || len(e.Float32s()) != 0 {
			t.Errorf("an empty tensor is %v", e)
		}
		if e := torch.Zeros([]int64{2, 0, 3}, torch.Int8, torch.CPU); e.Numel() != 0 || len(e.Bytes()) != 0 {
			t.Errorf("an empty tensor is %v", e)
		}
	})
}

func TestDescription(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		x := torch.Zeros([]int64{1, 4, 8}, torch.Float16, torch.CPU)
		if x.Dim() != 3 || x.Size(1) != 4 || x.Size(-1) != 8 || x.Numel() != 32 || x.DType() != torch.Float16 || x.Device() != torch.CPU || !x.Defined() || x.RequiresGrad() {
			t.Errorf("wrong description: %v", x)
		}
		if got := x.String(); got != "float16 [1 4 8] on cpu" {
			t.Errorf("String %q", got)
		}
		if !x.IsContiguous() || x.Transpose(1, 2).IsContiguous() {
			t.Error("IsContiguous")
		}
		if none.Defined() || none.String() != "undefined tensor" {
			t.Errorf("the zero value is %v", none)
		}
		if !vec(1, 2).AllFinite() || vec(1, nan).AllFinite() || vec(inf).AllFinite() || !long(1).AllFinite() {
			t.Error("AllFinite")
		}
	})
	for d := torch.Float32; d <= torch.Bool; d++ {
		scoped(t, func() {
			x := torch.Ones([]int64{2}, d, torch.CPU)
			if x.DType() != d || len(x.Bytes()) != 2*d.Bytes() || x.Float64s()[1] != 1 {
				t.Errorf("%v comes back as %v of %d bytes", d, x.DType(), len(x.Bytes()))
			}
		})
	}
}

func TestFromBlobSharesMemory(t *testing.T) {
	torchtest.Require(t)
	scoped(t, func() {
		var pin runtime.Pinner
		defer pin.Unpin()
		data := make([]float32, 4)
		pin.Pin(&data[0])
		x := torch.FromBlob(unsafe.Pointer(&data[0]), torch.Float32, 2, 2)
		data[3] = 7
		if got := x.Float32s()[3]; got != 7 {
			t.Errorf("got %v: the memory was copied", got)
		}
	})
}

func TestMemoryAndThreads(t *testing.T) {
	torchtest.Require(t)
	m := torch.MemoryStats(torch.CPU)
	if m.Allocated <= 0 || m.Peak < m.Allocated/2 || m.Total < m.Free || m.Free <= 0 {
		t.Errorf("memory %+v", m)
	}
	torch.EmptyCache(torch.CPU)
	torch.ResetPeak(torch.CPU)
	torch.Synchronize(torch.CPU)
	before := torch.GetInfo().Threads
	torch.SetThreads(before + 1)
	if got := torch.GetInfo().Threads; got != before+1 {
		t.Errorf("%d threads, want %d", got, before+1)
	}
	torch.SetThreads(before)
}
