package isac

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestReads holds which layers are read: all, the first of them up to a depth, and as many as it takes to have both kinds.
func TestReads(t *testing.T) {
	self, cross := attention.Tap{Keys: attention.Self(2, 2)}, attention.Tap{Keys: attention.Cross(7)}
	joint := attention.Tap{Keys: append(attention.Self(2, 2), attention.Cross(7)...)}
	second := attention.Tap{Keys: attention.Self(2, 2), Auxiliary: true}
	unet := []attention.Tap{self, cross, self, cross, self, cross, self, cross}
	mmdit := []attention.Tap{joint, second, joint, second, joint}
	late := []attention.Tap{self, self, self, cross, self}
	for _, c := range []struct {
		layers    []attention.Tap
		depth     float64
		auxiliary bool
		want      string
	}{
		{unet, 0, false, "11111111"}, {unet, 1, false, "11111111"}, {unet, 0.5, false, "11110000"}, {unet, 0.51, false, "11111000"}, {unet, 0.3, false, "11100000"},
		{unet, 0.01, false, "11000000"}, {mmdit, 0, false, "10101"}, {mmdit, 0, true, "11111"}, {mmdit, 0.6, false, "10100"}, {mmdit, 0.6, true, "11100"},
		{late, 0.2, false, "11110"}, {nil, 0.5, false, ""},
	} {
		o := Typed()
		o.Depth, o.AuxiliarySelf = c.depth, c.auxiliary
		got := ""
		for _, is := range (&guide{opt: o}).Reads(c.layers) {
			got += fmt.Sprint(map[bool]int{true: 1}[is])
		}
		if got != c.want {
			t.Errorf("%d layers, depth %v, auxiliary %v: %s are read, want %s", len(c.layers), c.depth, c.auxiliary, got, c.want)
		}
	}
	for _, depth := range []float64{-0.1, 1.1, math.NaN()} {
		o := Typed()
		o.Depth = depth
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), "depth is") {
			t.Errorf("depth %v: %v", depth, err)
		}
	}
}

// TestLossesOfHalfPrecision holds that losses of float16 and bfloat16 taps are computed in float32, and are those of float32 taps of the
// same values.
func TestLossesOfHalfPrecision(t *testing.T) {
	layers := synthetic.NewLayers(t, 12)
	target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: []int{2}}, {Name: "dog", Count: 1, Tokens: []int{5}}}}
	for name, o := range map[string]Options{"typed": Typed(), "paper": Paper()} {
		for _, engine := range []Engine{EngineSparse, EngineDense} {
			o.Engine = engine
			for _, half := range []torch.DType{torch.Float16, torch.BFloat16} {
				synthetic.In(t, func() {
					x := synthetic.NewLatent(t, 12, torch.Float32)
					measure := func(to ...torch.DType) []guidance.Term {
						taps, _ := layers.Taps(x, 0)
						for i := range taps {
							for _, dtype := range to {
								taps[i].Q, taps[i].K = taps[i].Q.To(dtype), taps[i].K.To(dtype)
							}
						}
						r, err := attention.Read(taps)
						if err != nil {
							t.Fatal(err)
						}
						g, err := o.Begin(target)
						if err != nil {
							t.Fatal(err)
						}
						m, err := g.Measure(r, guidance.Step{Index: 1, Count: 4}, nil)
						if err != nil || m.Skipped != "" {
							t.Fatal(err, m.Skipped)
						}
						return m.Terms
					}
					want, got := measure(half, torch.Float32), measure(half)
					for i := range want {
						if got[i].Value.DType() != torch.Float32 {
							t.Errorf("%s, %s, %s: the loss %s is %s", name, engine, half, got[i].Name, got[i].Value.DType())
						}
						synthetic.Near(t, fmt.Sprint(name, engine, half, got[i].Name), []float64{got[i].Value.Item()}, []float64{want[i].Value.Item()}, 1e-5)
					}
				})
			}
		}
	}
}
