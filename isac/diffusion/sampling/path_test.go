package sampling

import (
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// comfyPaths is what testdata/make_comfyui_path.py wrote.
type comfyPaths struct {
	Paths []struct {
		Seed   uint64
		Sigmas []float64
		Shape  []int64
		Asked  [][2]float64
		Noise  [][]float64
	}
	Runs []way
}

func readPaths(t *testing.T) (c comfyPaths) {
	t.Helper()
	readJSON(t, "comfyui_path.json", &c)
	return c
}

// The same seed gives the results of ComfyUI's samplers, which no noise was given to.
func TestSeedsLikeComfyUI(t *testing.T) {
	torchtest.Require(t)
	runs := readPaths(t).Runs
	if len(runs) != 12 {
		t.Fatalf("%d runs", len(runs))
	}
	for _, w := range runs {
		sampler, err := Named(w.Sampler, kindsOfNoise(t)[w.Kind])
		if err != nil {
			t.Fatal(err)
		}
		tolerance := 1e-4
		if w.Sampler == "dpmpp_sde" || w.Sampler == "dpmpp_sde_gpu" {
			tolerance = 3e-3 // its middles are computed in float32 there, and a path moves by a thousandth over a millionth
		}
		err = torch.InScope(func() error {
			p := NewPath(77, w.Sigmas, w.Shape)
			out, err := sampler(wavy, w.tensor(w.X), w.Sigmas, Hooks{
				Brownian: func(_ int, from, to float64, _ torch.Tensor) torch.Tensor { return p.Noise(from, to) },
			})
			if err == nil {
				w.within(t, "result", out, w.Result, tolerance)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", w.name(), err)
		}
	}
}

func TestPathLikeComfyUI(t *testing.T) {
	torchtest.Require(t)
	c := readPaths(t)
	if len(c.Paths) != 4 {
		t.Fatalf("%d paths", len(c.Paths))
	}
	for _, c := range c.Paths {
		p := NewPath(c.Seed, c.Sigmas, c.Shape)
		for i, q := range c.Asked {
			before := torch.LiveHandles()
			noise := p.Noise(q[0], q[1])
			got := noise.To(torch.Float64)
			for j, v := range got.Float64s() {
				if math.Abs(v-c.Noise[i][j]) > 1e-5 {
					t.Errorf("seed %d, from %g to %g: element %d is %.9g, expected %.9g", c.Seed, q[0], q[1], j, v, c.Noise[i][j])
					break
				}
			}
			got.Close()
			noise.Close()
			if left := torch.LiveHandles() - before; left != 0 {
				t.Fatalf("%d tensors stay alive", left)
			}
		}
	}
}

// Noise has unit variance over any interval, and that of an interval is made of its parts'.
func TestPathIsBrownian(t *testing.T) {
	torchtest.Require(t)
	fixed := func(p *Path, from, to float64) []float64 {
		n := p.Noise(from, to)
		defer n.Close()
		d := n.To(torch.Float64)
		defer d.Close()
		return d.Float64s()
	}
	p := NewPath(7, []float64{10, 3, 1, 0.1, 0}, []int64{1, 4, 64, 64})
	for _, q := range [][2]float64{{10, 3}, {3, 0.1}, {10, 9.99}, {0.2, 0.1}, {10, 0.1}} {
		sum := 0.0
		values := fixed(p, q[0], q[1])
		for _, v := range values {
			sum += v * v
		}
		if variance := sum / float64(len(values)); math.Abs(variance-1) > 0.05 {
			t.Errorf("from %g to %g: variance %g", q[0], q[1], variance)
		}
	}
	whole, first, second := fixed(p, 10, 1), fixed(p, 10, 4.2), fixed(p, 4.2, 1)
	for i := range whole {
		if parts := (first[i]*math.Sqrt(5.8) + second[i]*math.Sqrt(3.2)) / 3; math.Abs(whole[i]-parts) > 1e-5 {
			t.Fatalf("element %d: the whole is %g, its parts %g", i, whole[i], parts)
		}
	}
	if back := fixed(p, 4.2, 10); math.Abs(back[0]+first[0]) > 1e-6 {
		t.Errorf("the way back is %g, the way there %g", back[0], first[0])
	}
	if again := fixed(NewPath(7, []float64{10, 0.1}, []int64{1, 4, 64, 64}), 10, 4.2); !slices.Equal(again, first) {
		t.Error("another path of the same seed and ends differs")
	}
	if other := fixed(NewPath(8, []float64{10, 0.1}, []int64{1, 4, 64, 64}), 10, 4.2); slices.Equal(other, first) {
		t.Error("another seed gives the same path")
	}
	if near := fixed(p, 3, 3-1e-9); slices.ContainsFunc(near, func(v float64) bool { return v != 0 }) {
		t.Error("there is a path within a millionth")
	}
}
