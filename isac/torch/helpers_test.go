package torch_test

import (
	"errors"
	"math"
	"os"
	"reflect"
	"regexp"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// opCase is one value test of an operation: the result's elements and shape, computed by hand.
type opCase struct {
	op    string // its Go name; "Add (int64)" is a second case of Add
	run   func() torch.Tensor
	want  []float64
	shape []int64 // nil: a vector of len(want)
}

var nan, inf = math.NaN(), math.Inf(1)

// f makes a float32 tensor of a test's numbers; no shape means a vector.
func f(values []float64, shape ...int64) torch.Tensor {
	if len(shape) == 0 {
		shape = []int64{int64(len(values))}
	}
	return torch.FromFloat64s(values, shape...).To(torch.Float32)
}

func vec(values ...float64) torch.Tensor { return f(values) }
func long(values ...int64) torch.Tensor  { return torch.FromInt64s(values) }
func mask(values ...float64) torch.Tensor {
	return f(values).To(torch.Bool)
}

// m23 is [[1 2 3] [4 5 6]].
func m23() torch.Tensor { return f([]float64{1, 2, 3, 4, 5, 6}, 2, 3) }

// image is [1,1,2,2] of 1 2 3 4.
func image() torch.Tensor { return f([]float64{1, 2, 3, 4}, 1, 1, 2, 2) }

func runCases(t *testing.T, cases []opCase) {
	t.Helper()
	torchtest.Require(t)
	for _, c := range cases {
		t.Run(c.op, func(t *testing.T) {
			err := torch.InScope(func() error {
				got := c.run()
				want := c.shape
				if want == nil {
					want = []int64{int64(len(c.want))}
				}
				if shape := got.Shape(); !reflect.DeepEqual(shape, want) {
					t.Errorf("shape %v, want %v", shape, want)
				}
				near(t, got.Float64s(), c.want, 2e-6)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// near compares with a tolerance relative to the larger of 1 and the value.
func near(t testing.TB, got, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d: %v", len(got), len(want), got)
	}
	for i := range got {
		if math.IsNaN(want[i]) && math.IsNaN(got[i]) || got[i] == want[i] {
			continue
		}
		if d := math.Abs(got[i] - want[i]); !(d <= tolerance*math.Max(1, math.Abs(want[i]))) {
			t.Fatalf("value %d is %v, want %v (off by %.2g)\n got %v\nwant %v", i, got[i], want[i], d, clip(got), clip(want))
		}
	}
}

func clip(v []float64) []float64 { return v[:min(len(v), 32)] }

// wantError fails unless err is a *torch.Error of that kind, and returns it.
func wantError(t testing.TB, err error, kind torch.Kind) *torch.Error {
	t.Helper()
	var e *torch.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v (%T), want a *torch.Error of kind %s", err, err, kind)
	}
	if e.Kind != kind {
		t.Fatalf("got kind %s (%v), want %s", e.Kind, err, kind)
	}
	return e
}

// scoped runs a test's body in a scope and fails on an error.
func scoped(t testing.TB, body func()) {
	t.Helper()
	if err := torch.InScope(func() error { body(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// TestEveryOpHasACase reads ops.txt, so that an added operation without a value test is noticed.
func TestEveryOpHasACase(t *testing.T) {
	spec, err := os.ReadFile("ops.txt")
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]bool{}
	name := regexp.MustCompile(`^\w+`)
	for _, list := range [][]opCase{arithmeticCases, activationCases, compareCases, nnCases, shapeCases, reduceCases, createCases} {
		for _, c := range list {
			have[name.FindString(c.op)] = true
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^([A-Z]\w*)\(`).FindAllStringSubmatch(string(spec), -1) {
		if !have[m[1]] {
			t.Errorf("%s has no value test", m[1])
		}
	}
}
