package torch_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unsafe"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func zeros(shape ...int64) T { return torch.Zeros(shape, torch.Float32, torch.CPU) }

func TestErrors(t *testing.T) {
	torchtest.Require(t)
	for _, c := range []struct {
		name string
		kind torch.Kind
		text string // a part of the message; a whole message where it is ours
		run  func()
	}{
		{"shape mismatch", torch.KindTorch, "torch.matmul[[3 4] [5 6]]: mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)",
			func() { zeros(3, 4).Matmul(zeros(5, 6)) }},
		{"shapes in a list", torch.KindTorch, "torch.cat[[1 2] [3 4]]: ", func() { torch.Cat([]T{zeros(1, 2), zeros(3, 4)}, 0) }},
		{"optional argument", torch.KindTorch, "torch.linear[[2 3] [4 5] none]: ", func() { torch.Linear(zeros(2, 3), zeros(4, 5), none) }},
		{"negative dimension", torch.KindTorch, "torch.zeros: ", func() { zeros(2, -3) }},
		{"dimension out of range", torch.KindIndex, "torch.softmax[[2 3]]: Dimension out of range", func() { zeros(2, 3).Softmax(5) }},
		{"a reshape that does not fit", torch.KindTorch, "torch.reshape[[2 3]]: shape '[4]' is invalid for input of size 6", func() { zeros(2, 3).Reshape(4) }},
		// More than any address space has: what would fit in one, a kernel that overcommits grants, and the zeros fill the machine.
		{"an allocation of 2^62 bytes", torch.KindMemory, "allocate", func() { zeros(1 << 60) }},
		{"an allocation whose bytes overflow", torch.KindTorch, "overflow", func() { zeros(1<<40, 1<<40) }},
		{"size out of range", torch.KindIndex, "torch.size: dimension 2 of a tensor of 2 dimensions", func() { zeros(2, 3).Size(2) }},
		{"data that does not fit", torch.KindArgument, "torch.from_data: 8 bytes of data for a tensor of 12 bytes", func() { torch.FromFloat32s([]float32{1, 2}, 3) }},
		{"item of many", torch.KindTorch, "torch.item[[2]]: a tensor of one element is needed, this one has 2", func() { zeros(2).Item() }},
		{"undefined tensor", torch.KindHandle, "torch.add[[2] none]: an undefined tensor (torch.Tensor{}) was given where one is needed", func() { zeros(2).Add(none) }},
		{"undefined receiver", torch.KindHandle, "undefined tensor", func() { none.Exp() }},
		{"unknown device", torch.KindArgument, `torch.device: unknown device "tpu"; expected cpu, cuda or cuda:N`, func() { zeros(2).ToDevice("tpu") }},
		{"bad device number", torch.KindArgument, `unknown device "cuda:x"`, func() { zeros(2).ToDevice("cuda:x") }},
		{"a device that is not there", torch.KindArgument, "there is no device cuda:99", func() { torch.MemoryStats("cuda:99") }},
		{"unknown dtype", torch.KindType, "torch.to[[2]]: unknown dtype 99", func() { zeros(2).To(torch.DType(99)) }},
		{"nil blob", torch.KindArgument, "torch.from_blob: a nil pointer", func() { torch.FromBlob(nil, torch.Float32, 1) }},
		{"misaligned blob", torch.KindArgument, "is not aligned for float32", func() { torch.FromBlob(unsafe.Add(unsafe.Pointer(new([4]float32)), 1), torch.Float32, 1) }},
		{"no threads", torch.KindTorch, "the number of threads must be positive, got 0", func() { torch.SetThreads(0) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := torch.InScope(func() error { c.run(); return nil })
			e := wantError(t, err, c.kind)
			if !strings.Contains(e.Error(), c.text) {
				t.Errorf("got %q, want a message with %q", e.Error(), c.text)
			}
			if strings.Contains(e.Error(), "Exception raised from") || strings.Contains(e.Error(), "frame #") {
				t.Errorf("the message has a C++ stack trace:\n%s", e.Error())
			}
			if !strings.Contains(e.Where, "_test.go:") {
				t.Errorf("Where is %q, want the calling line of this test", e.Where)
			}
		})
	}
}

func TestClosedTensors(t *testing.T) {
	torchtest.Require(t)
	err := torch.Try(func() error {
		x := zeros(2)
		x.Close()
		x.Add(x)
		return nil
	})
	e := wantError(t, err, torch.KindHandle)
	if want := "torch.add[closed closed]: the tensor is closed"; !strings.HasPrefix(e.Error(), want) {
		t.Errorf("got %q, want %q…", e, want)
	}
	err = torch.Try(func() error {
		x := zeros(2)
		x.Close()
		x.Close()
		return nil
	})
	if e := wantError(t, err, torch.KindHandle); e.Error() != "torch.close: the tensor is closed already" {
		t.Errorf("double close: %q", e)
	}
	none.Close()
	if none.Keep().Defined() {
		t.Error("Keep of an undefined tensor is defined")
	}
}

// TestStaleHandle closes a tensor and makes another in its slot: the old name must not reach it.
func TestStaleHandle(t *testing.T) {
	torchtest.Require(t)
	old := zeros(2)
	old.Close()
	fresh := zeros(3)
	defer fresh.Close()
	err := torch.Try(func() error { old.Shape(); return nil })
	wantError(t, err, torch.KindHandle)
	if got := old.String(); got != "closed tensor" {
		t.Errorf("String of a closed tensor is %q", got)
	}
}

func TestTry(t *testing.T) {
	plain := errors.New("plain")
	if err := torch.Try(func() error { return plain }); err != plain {
		t.Errorf("got %v", err)
	}
	e := &torch.Error{Kind: torch.KindMemory, Op: "x", Message: "y"}
	if err := torch.Try(func() error { panic(e) }); err != e {
		t.Errorf("got %v, want the same *Error", err)
	}
	if err := fmt.Errorf("step 3: %w", e); !torch.IsOutOfMemory(err) || torch.IsFatal(err) {
		t.Error("a wrapped KindMemory is out of memory, and not fatal")
	}
	if !torch.IsFatal(&torch.Error{Kind: torch.KindCUDA}) || torch.IsFatal(plain) || torch.IsOutOfMemory(plain) {
		t.Error("IsFatal is for KindCUDA alone")
	}
	defer func() {
		if r := recover(); r != "other" {
			t.Errorf("recovered %v, want the panic passed through", r)
		}
	}()
	_ = torch.Try(func() error { panic("other") })
}
