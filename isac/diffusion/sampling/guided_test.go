package sampling

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// wave is wavy of one number.
func wave(x, sigma float64) float64 {
	return math.Tanh(x/(1+sigma)) + 0.1*math.Sin(3*x/math.Sqrt(1+sigma*sigma))
}

// guidedRun runs a sampler on one number, and moves the state of step i by moves[i].
func guidedRun(t *testing.T, sampler Sampler, x float64, sigmas, moves []float64) float64 {
	t.Helper()
	torchtest.Require(t)
	var end float64
	err := torch.InScope(func() error {
		h := constant(0.5, wavy)
		h.BeforeStep = func(i int, _ float64, x torch.Tensor) (torch.Tensor, error) { return x.AddScalar(moves[i]), nil }
		out, err := sampler(wavy, torch.FromFloat64s([]float64{x}, 1, 1, 1, 1), sigmas, h)
		if err == nil {
			end = out.Item()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return end
}

// A corrector goes back to the state before the predicted one, and takes along what guidance moved that by: two steps of uni_pc by hand,
// both of first order.
func TestUniPCIsGuided(t *testing.T) {
	sigmas, moves := []float64{5, 2, 1}, []float64{0.3, -0.2}
	for name, b := range map[string]func(h float64) float64{
		"uni_pc": func(h float64) float64 { return -h }, "uni_pc_bh2": func(h float64) float64 { return math.Expm1(-h) },
	} {
		sampler, err := Named(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		x0 := 4 + moves[0]
		d0 := wave(x0, 5)
		base := x0*2/5 + d0*3/5
		predicted := base + moves[1]
		d1 := wave(predicted, 2)
		corrected := base - b(math.Log(5./2))*0.5*(d1-d0) + moves[1]
		want := corrected/2 + d1/2
		if got := guidedRun(t, sampler, 4, sigmas, moves); math.Abs(got-want) > 1e-5 {
			t.Errorf("%s: %.7f, by hand %.7f", name, got, want)
		}
	}
}

// Three steps of sa_solver without noise by hand: in the second, a corrector of second order.
func TestSASolverIsGuided(t *testing.T) {
	sigmas, moves := []float64{5, 2, 1, 0}, []float64{0.3, -0.2, 0.1}
	x0 := 4 + moves[0]
	d0 := wave(x0, 5)
	predicted := x0*2/5 + d0*3/5 + moves[1]
	d1 := wave(predicted, 2)
	// e^λ·(D0 + (D1−D0)·share of the step) over the step, by parts.
	h := math.Log(5. / 2)
	corrected := x0*2/5 + d0*3/5 + (d1-d0)*(1-0.6/h) + moves[1]
	last := corrected/2 + d1/2 + moves[2]
	want := wave(last, 1)
	if got := guidedRun(t, saSolver("sa_solver", false, 0, 0).sample, 4, sigmas, moves); math.Abs(got-want) > 1e-12 {
		t.Errorf("%.12f, by hand %.12f", got, want)
	}
}

// A hook that gives a new tensor of the same values changes nothing, and one that gives the state itself not one bit.
func TestGuidanceThatMovesNothing(t *testing.T) {
	torchtest.Require(t)
	noise := torch.FromFloat64s([]float64{0.7, -1.3, 0.123456, 1. / 3, -0.01, 2.1, 0.9, -0.55}, 1, 1, 2, 4)
	defer noise.Close()
	f := flow(t, 3)
	for _, n := range []Noise{discrete(t, StableDiffusion1()), f} {
		sigmas, err := Schedule("simple", n, 6)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range NamesFor(n) {
			sampler, err := Named(name, n)
			if err != nil {
				t.Fatal(err)
			}
			run := func(before func(x torch.Tensor) torch.Tensor) (v []float64) {
				err := torch.InScope(func() error {
					h := constant(0.5, wavy)
					if before != nil {
						h.BeforeStep = func(_ int, _ float64, x torch.Tensor) (torch.Tensor, error) { return before(x), nil }
					}
					out, err := sampler(wavy, noise.MulScalar(sigmas[0]), sigmas, h)
					if err == nil {
						v = out.Float64s()
					}
					return err
				})
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				return v
			}
			plain := run(nil)
			if same := run(func(x torch.Tensor) torch.Tensor { return x }); !slices.Equal(same, plain) {
				t.Errorf("%s: the state itself gives %v, no guidance %v", name, same, plain)
			}
			for i, copied := range run(func(x torch.Tensor) torch.Tensor { return x.Clone() }) {
				if math.Abs(copied-plain[i]) > 1e-9 {
					t.Errorf("%s: of a copy, element %d is %.12g, with no guidance %.12g", name, i, copied, plain[i])
				}
			}
		}
	}
}

// A model that gives no numbers ends the solver that looks for a step short enough.
func TestAdaptiveEnds(t *testing.T) {
	torchtest.Require(t)
	nan := func(x torch.Tensor, _ float64) (torch.Tensor, error) { return x.MulScalar(math.NaN()), nil }
	err := torch.InScope(func() error {
		_, err := dpmAdaptive(nan, torch.FromFloat64s([]float64{3, -2}, 1, 1, 1, 2), []float64{5, 2, 1, 0}, Hooks{})
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "take another sampler") {
		t.Errorf("%v", err)
	}
}

// A flow's run from noise alone starts a little later, which has to be before the second level.
func TestRatioNeedsRoom(t *testing.T) {
	torchtest.Require(t)
	sampler, err := Named("seeds_2", flow(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	err = torch.InScope(func() error {
		_, err := sampler(wavy, torch.FromFloat64s([]float64{3}, 1, 1, 1, 1), []float64{1, 0.99999, 0}, constant(1, wavy))
		return err
	})
	if err == nil || !strings.Contains(err.Error(), "seeds_2 starts at") {
		t.Errorf("%v", err)
	}
}
