package config

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

func TestNumbersOutOfBounds(t *testing.T) {
	r := read(t, `{"steps": 2000000000, "heads": 0, "list": [4, -1], "eps": 1e300, "one": 1000}`)
	if r.IntIn("steps", 1000, 2, MaxTimesteps) != 1000 || r.IntIn("heads", 8, 1, MaxHeads) != 8 || r.IntsIn("list", 2, 1, 9) != nil || r.FloatIn("eps", 0.5, 0, 1) != 0.5 {
		t.Error("a number out of bounds does not give its default")
	}
	if r.IntIn("one", 2, 2, MaxTimesteps) != 1000 || r.IntIn("absent", 0, 1, 9) != 0 || r.FloatIn("absent", 0.25, 0, 1) != 0.25 {
		t.Error("numbers within bounds")
	}
	err := r.Err()
	if !errors.Is(err, weights.ErrConfig) {
		t.Fatal(err)
	}
	for _, want := range []string{"steps is 2e+09, expected a whole number from 2 to 10000", "heads is 0", "list is [4 -1]", "eps is 1e+300, expected a number from 0 to 1"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q\ndoes not have %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "absent") {
		t.Error("a setting that is absent is blamed")
	}
}

func TestCount(t *testing.T) {
	asked := 0
	n, err := Count("blocks.%d", 8, func(i int) bool { asked++; return true })
	if n != 8 || asked > 9 || !errors.Is(err, weights.ErrUnsupported) || !strings.Contains(err.Error(), "more than 8 of blocks.%d") {
		t.Errorf("%d of %d asked for: %v", n, asked, err)
	}
	if n, err := Count("blocks.%d", 8, func(i int) bool { return i < 8 }); n != 8 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// shapes is a source of shapes alone.
type shapes struct {
	weights.Source
	of map[string][]int64
}

func (s shapes) Shape(name string) ([]int64, bool) { shape, ok := s.of[name]; return shape, ok }
func (s shapes) Origin(string) string              { return "model.safetensors" }

// A tensor without elements may have sides of any length, for nothing: they must not become the sizes of a model.
func TestSize(t *testing.T) {
	src := shapes{of: map[string][]int64{"a": {0, 1 << 55}, "b": {320, 4}, "c": {1, MaxSize + 1}}}
	for _, c := range []struct {
		name string
		dim  int
		want int64
		kind error
	}{{"a", 0, 0, weights.ErrShape}, {"a", 1, 0, weights.ErrShape}, {"b", 0, 320, nil}, {"c", 1, 0, weights.ErrShape}, {"d", 0, 0, weights.ErrMissing}} {
		t.Run(fmt.Sprint(c.name, c.dim), func(t *testing.T) {
			if n, err := Size(src, c.name, c.dim, 2); n != c.want || !errors.Is(err, c.kind) {
				t.Errorf("%d, %v", n, err)
			}
		})
	}
}
