package weights

import (
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

func TestDerive(t *testing.T) {
	torchtest.Require(t)
	path := filepath.Join(t.TempDir(), "x.safetensors")
	err := torch.InScope(func() error {
		m := torch.FromFloat32s([]float32{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}, 6, 2)
		return Write(path, []Entry{FromTensor("qkv", m)}, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	src := Derive(f, map[string]Piece{
		"k": {Name: "qkv", Part: 1, Parts: 3}, "turned": {Name: "qkv", Part: 2, Parts: 3, Transposed: true},
		"swapped": {Name: "qkv", SwapHalves: true}, "none": {Name: "absent"}, "uneven": {Name: "qkv", Parts: 4},
	})
	if got, want := src.Names(), []string{"k", "swapped", "turned", "uneven"}; !slices.Equal(got, want) {
		t.Errorf("names %q, want %q", got, want)
	}
	for _, c := range []struct {
		name   string
		shape  []int64
		values []float32
	}{
		{"k", []int64{2, 2}, []float32{4, 5, 6, 7}},
		{"turned", []int64{2, 2}, []float32{8, 10, 9, 11}},
		{"swapped", []int64{6, 2}, []float32{6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5}},
	} {
		if shape, _ := src.Shape(c.name); !slices.Equal(shape, c.shape) {
			t.Errorf("%s has shape %v, want %v", c.name, shape, c.shape)
		}
		err := torch.InScope(func() error {
			x, err := src.Tensor(c.name)
			if err == nil && !slices.Equal(x.Contiguous().Float32s(), c.values) {
				t.Errorf("%s is %v, want %v", c.name, x.Contiguous().Float32s(), c.values)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if err := torch.InScope(func() error { _, err := src.Tensor("uneven"); return err }); !errors.Is(err, ErrShape) {
		t.Errorf("six rows in four parts: got %v, want ErrShape", err)
	}
}
