package diffusion

import (
	"math"
	"os"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestEffectOfModes tells what modes do to the mini model's pictures, of some seeds: how far the latent ends from that of exact guidance,
// in parts of the way that exact guidance leads from the unguided one, and the loss of all steps as exact guidance sees it. It takes
// minutes, and runs only when asked for:
//
//	ISAC_LARGE=1 go test -v -run EffectOfModes ./isac/diffusion
func TestEffectOfModes(t *testing.T) {
	if os.Getenv("ISAC_LARGE") == "" {
		t.Skip("set ISAC_LARGE=1 to measure what modes do: it takes minutes")
	}
	p, f := loadMini(t)
	const seeds = 6
	type way struct {
		latent []float32
		loss   float64
	}
	run := func(seed uint64, g *Guidance) way {
		r := miniRequest(t, p, f)
		r.Seed, r.Guidance = seed, g
		var w way
		g.Method = watched{g.Method.(isac.Options), &w.loss}
		g.Observe = func(int, guidance.Maps) {} // which has all steps looked at
		latent, _ := sample(t, p, r)
		w.latent = latent
		return w
	}
	for _, end := range []float64{0.5, 1} {
		moves := map[string]float64{}
		losses := map[string]float64{}
		modes := []string{"reuse=conditional", "reuse=shared", "every=2", "depth=0.5", "depth=0.5+reuse=shared", "skip_below=0.04"}
		for seed := range uint64(seeds) {
			positive := miniRequest(t, p, f).Positive
			target := guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: tokens(positive, "cats")}, {Name: "dog", Count: 1, Tokens: tokens(positive, "dog")}}}
			with := func(settings map[string]string) *Guidance {
				o := isac.Typed()
				o.End = end
				m, err := guidance.With(o, settings)
				if err != nil {
					t.Fatal(err)
				}
				return &Guidance{Target: target, Method: m}
			}
			look := with(nil)
			look.Measure = true
			none, exact := run(seed, look), run(seed, with(nil))
			losses["none"] += none.loss
			losses["exact"] += exact.loss
			for _, mode := range modes {
				settings := map[string]string{}
				for setting := range strings.SplitSeq(mode, "+") {
					name, value, _ := strings.Cut(setting, "=")
					settings[name] = value
				}
				got := run(seed, with(settings))
				moves[mode] += distance(got.latent, exact.latent) / distance(exact.latent, none.latent) / seeds
				losses[mode] += got.loss
			}
		}
		for _, mode := range modes {
			t.Logf("end %v, %s: %.2f of the way beside it; the loss, summed over the run, %.4g (unguided %.4g, exact %.4g)", end, mode, moves[mode], losses[mode]/seeds, losses["none"]/seeds, losses["exact"]/seeds)
		}
	}
}

func distance(a, b []float32) float64 {
	sum := 0.0
	for i := range a {
		d := float64(a[i] - b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

// watched is ISAC that adds up, over the steps, the losses that it would see if it read all layers.
type watched struct {
	isac.Options
	sum *float64
}

func (w watched) Begin(target guidance.Target) (guidance.Guide, error) {
	all := w.Options
	all.Depth = 0
	of, err := w.Options.Begin(target)
	if err != nil {
		return nil, err
	}
	exact, err := all.Begin(target)
	return watching{of, exact, w.sum}, err
}

type watching struct {
	guidance.Guide
	exact guidance.Guide
	sum   *float64
}

func (w watching) Measure(r attention.Reading, step guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	var err error
	torch.NoGrad(func() {
		var m guidance.Measurement
		m, err = w.exact.Measure(r, step, nil)
		for _, term := range m.Terms {
			*w.sum += term.Weight * term.Value.Item()
		}
	})
	if err != nil {
		return guidance.Measurement{}, err
	}
	reads, i := w.Guide.(guidance.Reader).Reads(r.Taps), -1
	return w.Guide.Measure(r.Only(func(attention.Tap) bool { i++; return reads[i] }), step, maps)
}
