package cluster

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestDeferEqualsCluster holds that labels that stay on the device are Cluster's where they say so, and that they say so but where an instance lacks pixels.
func TestDeferEqualsCluster(t *testing.T) {
	g := Grid{6, 7}
	hw := g.Height * g.Width
	held, lacking := 0, 0
	for seed := range uint64(60) {
		synthetic.In(t, func() {
			r := rand.New(rand.NewPCG(seed, 1))
			n := 2 + r.IntN(3)
			values, in, last := make([]float64, hw*hw), make([]float64, hw), make([]int, hw)
			var pixels []int
			for i := range values {
				values[i] = 20 + 20*r.Float64()
			}
			for p := range hw {
				if last[p] = r.IntN(n+1) - 1; r.IntN(3) > 0 {
					in[p] = 1
					pixels = append(pixels, p)
				}
			}
			for i := range values { // what lies in the background has no part in it, whatever its size
				if in[i/hw] == 0 || in[i%hw] == 0 {
					values[i] = 200 * r.Float64()
				}
			}
			bare := seed%10 == 0
			if bare { // the last instance has pixels in the background alone
				for _, p := range pixels {
					last[p] = min(last[p], n-2)
				}
			}
			sa, within := torch.FromFloat64s(values, int64(hw), int64(hw)), torch.FromFloat64s(in, int64(hw))
			index := torch.FromInt64s(int64sOf(pixels), int64(len(pixels)))
			c := &Clusterer{Options: Options{Iterations: 1 + r.IntN(50), Warm: true}, Weight: 20 * r.Float64(), Norm: []Norm{NormMinMax, NormNone}[r.IntN(2)]}
			c.Resume(last, g)
			if !c.Defers(g) || c.Defers(Grid{7, 6}) {
				t.Fatal("it does not defer on the grid of its labels, or on another")
			}
			labels, _, holds := c.Defer(sa, within, g, n)
			all := intsOf(labels.Int64s())
			got := make([]int, len(pixels))
			for i, p := range pixels {
				got[i] = all[p]
			}
			if holds.Item() == 0 {
				if lacking++; !bare {
					t.Logf("seed %d: it does not hold", seed)
				}
				return
			}
			if held++; bare {
				t.Errorf("seed %d: an instance without pixels holds", seed)
			}
			if want := c.Cluster(sa.IndexSelect(0, index).IndexSelect(1, index), pixels, g, n); !slices.Equal(got, want) {
				t.Errorf("seed %d: %v, want %v", seed, got, want)
			}
		})
	}
	if held < 45 || lacking < 6 {
		t.Errorf("%d held, %d did not: the test has lost its subject", held, lacking)
	}
}

// TestDeferDoesNotFill holds that an instance which loses its pixels on the way is found out: the two begin at one place, and the first takes all.
func TestDeferDoesNotFill(t *testing.T) {
	synthetic.In(t, func() {
		g := Grid{1, 5}
		c := &Clusterer{Options: Options{Iterations: 25, Warm: true}, Weight: 1, Norm: NormNone}
		c.Resume([]int{0, -1, 1, -1, 0}, g)
		sa := torch.Zeros([]int64{5, 5}, torch.Float64, torch.CPU)
		if _, _, holds := c.Defer(sa, torch.Ones([]int64{5}, torch.Float64, torch.CPU), g, 2); holds.Item() != 0 {
			t.Error("an instance without pixels holds")
		}
	})
}

// TestDefersWhatItCan lists what is not deferred.
func TestDefersWhatItCan(t *testing.T) {
	g := Grid{2, 2}
	for name, c := range map[string]*Clusterer{
		"cold":       {},
		"spectral":   {Kind: Spectral, Options: Options{Warm: true}},
		"a mixture":  {Kind: GMM, Options: Options{Warm: true}},
		"first step": {Options: Options{Warm: true}},
	} {
		if name != "first step" {
			c.Resume([]int{0, 1, 0, 1}, g)
		}
		if c.Defers(g) {
			t.Error(name)
		}
	}
}
