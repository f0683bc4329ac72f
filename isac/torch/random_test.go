package torch_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strconv"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestRandomAgainstTorch compares with numbers that Python's torch drew (testdata/make_rng.py).
func TestRandomAgainstTorch(t *testing.T) {
	torchtest.Require(t)
	data, err := os.ReadFile("testdata/rng.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Seed               string
			Shape              []int64
			Randn, Again, Rand []float64
			Perm               []int64
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range file.Cases {
		seed, err := strconv.ParseUint(c.Seed, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		scoped(t, func() {
			g := torch.NewGenerator(seed)
			defer g.Close()
			first := sameType(g.Randn(c.Shape...), torch.Float32)
			if !reflect.DeepEqual(first.Shape(), c.Shape) {
				t.Errorf("shape %v, want %v", first.Shape(), c.Shape)
			}
			// Releases of libtorch differ in the last bit of a logarithm or a cosine.
			near(t, first.Float64s(), c.Randn, 1e-6)
			near(t, g.Randn(c.Shape...).Float64s(), c.Again, 1e-6)
			near(t, g.Rand(4).Float64s(), c.Rand, 0)
			if got := g.RandPerm(9).Int64s(); !reflect.DeepEqual(got, c.Perm) {
				t.Errorf("seed %s: permutation %v, want %v", c.Seed, got, c.Perm)
			}
		})
	}
}

func TestClosedGenerator(t *testing.T) {
	torchtest.Require(t)
	g := torch.NewGenerator(1)
	g.Close()
	g.Close()
	err := torch.Try(func() error { g.Randn(2); return nil })
	if e := wantError(t, err, torch.KindHandle); e.Error() != "torch.randn: the generator is closed" {
		t.Errorf("got %q", e)
	}
}
