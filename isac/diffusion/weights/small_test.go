package weights

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
)

// TestSmallFloats reads every 8-bit float as PyTorch does, and weights with their scales.
func TestSmallFloats(t *testing.T) {
	stored, meant := openTest(t, pickled("small.safetensors")), openTest(t, pickled("small_meant.safetensors"))
	if !slices.Equal(stored.Names(), meant.Names()) || !stored.Scaled() || meant.Scaled() {
		t.Errorf("holds %q, want %q and scales hidden", stored.Names(), meant.Names())
	}
	for _, name := range meant.Names() {
		err := torch.InScope(func() error {
			got, err := stored.Tensor(name)
			if err != nil {
				return err
			}
			want, err := meant.Tensor(name)
			if err != nil {
				return err
			}
			a, b := got.To(torch.Float32).Float32s(), want.Float32s()
			if !slices.Equal(got.Shape(), want.Shape()) {
				t.Errorf("%s has shape %v, want %v", name, got.Shape(), want.Shape())
			}
			for i := range b {
				if a[i] != b[i] && !(math.IsNaN(float64(a[i])) && math.IsNaN(float64(b[i]))) {
					t.Errorf("%s: value %d is %v, want %v", name, i, a[i], b[i])
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	p := NewParams(stored, torch.BFloat16, torch.CPU)
	defer p.Close()
	if w := p.Sub("float8_e4m3fn.one").Tensor("weight", 8, 15); p.Err() != nil || w.DType() != torch.BFloat16 {
		t.Errorf("a layer's weight is %v (%v)", w.DType(), p.Err())
	}
}
