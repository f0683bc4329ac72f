package diffusion

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestEverySamplerReusesOnce holds that each sampler takes over one evaluation of one side at each guided step, and evaluates whatever else
// it needs itself: those that come back to a step's noise level do so at another place.
func TestEverySamplerReusesOnce(t *testing.T) {
	p := loadTiny(t)
	c := counted(t, p)
	for _, name := range sampling.Names() {
		if sampling.Guidable(name) != nil {
			continue
		}
		for _, cfg := range []float64{3, 1} {
			var sampled [2]int
			var steps int
			for i, reuse := range []guidance.Reuse{guidance.ReuseNone, guidance.ReuseShared} {
				r := request(t, p)
				r.Steps, r.Sampler, r.CFG = 4, name, cfg
				r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Reuse, o.End = reuse, 0.75 })
				*c = counting{Denoiser: c.Denoiser}
				sample(t, p, r)
				sampled[i], steps = c.sampled, c.early+c.whole
			}
			if steps < 1 || sampled[0]-sampled[1] != steps {
				t.Errorf("%s, cfg %v: %d evaluations without reuse and %d with it, of %d guided steps", name, cfg, sampled[0], sampled[1], steps)
			}
		}
	}
}

// TestReuseEqualsAPlainLoop compares runs that take over predictions with a loop of their definition: models that predict noise, velocity
// of the diffusion and velocity of a flow, with and without classifier-free guidance, two images in one batch.
func TestReuseEqualsAPlainLoop(t *testing.T) {
	torchtest.Require(t)
	for _, folder := range []string{"tiny", "tiny-sd2", "tiny-sd3"} {
		p := load(t, fixture.Dir(folder), LoadOptions{})
		for _, how := range []guidance.Reuse{guidance.ReuseConditional, guidance.ReuseShared} {
			for _, cfg := range []float64{4, 1} {
				r := request(t, p)
				r.CFG, r.Batch, r.Width, r.Height = cfg, 2, 8*p.Factor(), 8*p.Factor()
				r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Eta = 0.1 })
				r.Noise = torch.Scoped(func() torch.Tensor {
					g := torch.NewGenerator(5)
					defer g.Close()
					return g.Randn(2, int64(p.LatentChannels()), 8, 8)
				}).Keep()
				want, exact := plainReuse(t, p, r, how)
				if got, _ := sample(t, p, r); !close32(got, exact, 1e-4) { // the loop itself
					t.Errorf("%s, cfg %v: the loop without reuse is not a run", folder, cfg)
				}
				r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Eta, o.Reuse = 0.1, how })
				got, _ := sample(t, p, r)
				if !close32(got, want, 1e-4) {
					t.Errorf("%s, %s, cfg %v: the run differs from the loop", folder, how, cfg)
				}
				if close32(got, exact, 1e-4) {
					t.Errorf("%s, %s, cfg %v: reuse changes nothing", folder, how, cfg)
				}
				r.Noise.Close()
			}
		}
	}
}

// plainReuse is Euler's method, image by image, with predictions reused, and without.
func plainReuse(t *testing.T, p *Pipeline, r SampleRequest, how guidance.Reuse) (reused, exact []float32) {
	t.Helper()
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	fixture.InScope(t, func() {
		torch.NoGrad(func() {
			for image := range 2 {
				reused = append(reused, plainImage(t, p, r, pl, how, image)...)
				exact = append(exact, plainImage(t, p, r, pl, guidance.ReuseNone, image)...)
			}
		})
	})
	return reused, exact
}

func plainImage(t *testing.T, p *Pipeline, r SampleRequest, pl plan, how guidance.Reuse, image int) []float32 {
	noise := p.noise
	predict := func(c Conditioning, in torch.Tensor, sigma float64) torch.Tensor {
		text, vector, err := p.place(c, r.Width, r.Height)
		if err != nil {
			t.Fatal(err)
		}
		return must(p.model.Denoiser.ForwardContext(context.Background(), in, noise.Timestep(sigma), text, vector, nil))
	}
	session, err := guidance.Open(guidance.Config{
		Model: p.Conditional(r.Positive), Noise: noise, Method: r.Guidance.Method, Target: r.Guidance.Target, Seed: r.Seed + uint64(image),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	x := noise.Noised(torch.Tensor{}, r.Noise.Narrow(0, int64(image), 1), pl.sigmas[0])
	for i, sigma := range pl.sigmas[:len(pl.sigmas)-1] {
		moved, report, err := session.Guide(x, guidance.Step{Index: i, Count: pl.whole, Sigma: sigma})
		if err != nil || report.Moves != 1 {
			t.Fatalf("step %d: %v, %+v", i, err, report.Skipped)
		}
		positiveAt, negativeAt := moved, moved
		switch how {
		case guidance.ReuseConditional:
			positiveAt = x
		case guidance.ReuseShared:
			positiveAt, negativeAt = x, x
		}
		y := predict(r.Positive, noise.Input(positiveAt, sigma), sigma)
		if r.CFG != 1 {
			n := predict(r.Negative, noise.Input(negativeAt, sigma), sigma)
			y = n.Add(y.Sub(n).MulScalar(r.CFG))
		}
		if how == guidance.ReuseShared {
			// dx/dσ = (x − D)/σ at x, from where the step led.
			slope := x.Sub(noise.Denoised(x, y, sigma)).DivScalar(sigma)
			x = moved.Add(slope.MulScalar(pl.sigmas[i+1] - sigma))
			continue
		}
		d := noise.Denoised(moved, y, sigma)
		x = moved.Add(moved.Sub(d).DivScalar(sigma).MulScalar(pl.sigmas[i+1] - sigma))
	}
	return p.unscale(x).Float32s()
}

// close32 tells whether two lists differ by at most a part of the largest number.
func close32(got, want []float32, limit float64) bool {
	worst, largest := 0.0, 0.0
	for i := range want {
		worst, largest = max(worst, float64(max(got[i]-want[i], want[i]-got[i]))), max(largest, float64(max(want[i], -want[i])))
	}
	return len(got) == len(want) && worst <= limit*largest
}

// TestReuseOfSeveralConditionings holds that what guidance did not evaluate is not taken over.
func TestReuseOfSeveralConditionings(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = guided(r.Positive, func(o *isac.Options) { o.Reuse = guidance.ReuseShared })
	both := Combine(r.Positive, r.Negative)
	defer both.Close()
	r.Positive = both
	if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), "reuse is shared, and there are several conditionings") {
		t.Errorf("several conditionings: %v", err)
	}
	r.Guidance.Measure = true // which reuses nothing
	if _, reports := sample(t, p, r); len(reports) != 3 {
		t.Error(fmt.Sprint(reports))
	}
}
