package weights_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestOver holds that given tensors stand in the place of a file's, also in parts of them and by other names, and outlive what was read.
func TestOver(t *testing.T) {
	torchtest.Require(t)
	path := filepath.Join(t.TempDir(), "w.safetensors")
	entry := func(name string, shape ...int64) weights.Entry {
		n := 4
		for _, s := range shape {
			n *= int(s)
		}
		return weights.Entry{Name: name, DType: weights.F32, Shape: shape, Data: make([]byte, n)}
	}
	if err := weights.Write(path, []weights.Entry{entry("x.qkv", 6, 2), entry("x.b", 2), entry("x.c", 3)}, nil); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	live := torch.LiveHandles()
	torch.WithScope(func() []torch.Tensor {
		given := map[string]torch.Tensor{
			"x.qkv": torch.Ones([]int64{6, 2}, torch.Float32, torch.CPU), "x.b": torch.Ones([]int64{2}, torch.Float16, torch.CPU),
			"x.c": torch.Ones([]int64{4}, torch.Float32, torch.CPU), "other": torch.Ones([]int64{1}, torch.Float32, torch.CPU),
		}
		over, used := weights.Over(file, given)
		if !slices.Equal(used, []string{"x.b", "x.qkv"}) {
			t.Errorf("used are %v", used)
		}
		src := weights.Derive(weights.Prefix(over, "x."), map[string]weights.Piece{
			"q": {Name: "qkv", Parts: 3}, "v": {Name: "qkv", Part: 2, Parts: 3}, "b": {Name: "b"}, "c": {Name: "c"},
		})
		p := weights.NewParams(src, torch.Float32, torch.CPU)
		for name, want := range map[string]float32{"q": 1, "v": 1, "b": 1, "c": 0} {
			for _, x := range p.Tensor(name).Float32s() {
				if x != want {
					t.Errorf("%s holds %v, expected %v", name, x, want)
				}
			}
		}
		if err := p.Err(); err != nil {
			t.Error(err)
		}
		p.Close()
		if got := given["x.qkv"].Float32s(); got[0] != 1 {
			t.Errorf("the given tensor holds %v after the model is gone", got)
		}
		return nil
	})
	if torch.LiveHandles() != live {
		t.Errorf("%d handles live, expected %d", torch.LiveHandles(), live)
	}
}
