package diffusion

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/baseline"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// counting is a denoiser that counts what it is asked for, in images: evaluations for guidance that end early, others for guidance, and
// those of samplers.
type counting struct {
	backbone.Denoiser
	early, whole, sampled int
}

func (c *counting) ForwardContext(ctx context.Context, x torch.Tensor, timestep float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error) {
	n := int(x.Size(0))
	switch {
	case r == nil:
		c.sampled += n
	case r.Only:
		c.early += n
	default:
		c.whole += n
	}
	return c.Denoiser.ForwardContext(ctx, x, timestep, text, vector, r)
}

// counted puts a counter in front of a pipeline's denoiser for a test.
func counted(t *testing.T, p *Pipeline) *counting {
	c := &counting{Denoiser: p.model.Denoiser}
	p.model.Denoiser = c
	t.Cleanup(func() { p.model.Denoiser = c.Denoiser })
	return c
}

// TestEvaluationsOfModes counts the evaluations that modes cost in a run of four steps on two images, with classifier-free guidance and
// without.
func TestEvaluationsOfModes(t *testing.T) {
	p := loadTiny(t)
	c := counted(t, p)
	const images, steps = 2, 4
	for _, mode := range []struct {
		name                     string
		change                   func(*isac.Options)
		early, whole, cfg, plain int // a run and image; cfg and plain are the sampler's
		sampler                  string
	}{
		{"exact", func(*isac.Options) {}, 4, 0, 8, 4, "euler"},
		{"every", func(o *isac.Options) { o.Every = 2 }, 2, 0, 8, 4, "euler"},
		{"at", func(o *isac.Options) { o.At, o.End = "0 0.75", 0.1 }, 2, 0, 8, 4, "euler"},
		{"skip", func(o *isac.Options) { o.SkipBelow = 1e9 }, 4, 0, 8, 4, "euler"},
		{"conditional", func(o *isac.Options) { o.Reuse = guidance.ReuseConditional }, 0, 4, 4, 0, "euler"},
		{"shared", func(o *isac.Options) { o.Reuse = guidance.ReuseShared }, 0, 4, 4, 0, "euler"},
		{"shared, every", func(o *isac.Options) { o.Reuse, o.Every = guidance.ReuseShared, 2 }, 0, 2, 6, 2, "euler"},
		{"shared, random", func(o *isac.Options) { o.Reuse, o.Direction = guidance.ReuseShared, guidance.DirectionRandom }, 0, 4, 4, 0, "euler"},
		{"shared, skipped", func(o *isac.Options) { o.Reuse, o.SkipBelow = guidance.ReuseShared, 1e9 }, 0, 4, 4, 0, "euler"},
		// Its last step has one evaluation, the others two, of which the first can be taken over.
		{"conditional, heun", func(o *isac.Options) { o.Reuse = guidance.ReuseConditional }, 0, 4, 10, 3, "heun"},
	} {
		for _, cfg := range []float64{4, 1} {
			r := request(t, p)
			r.Batch, r.Steps, r.CFG, r.Sampler = images, steps, cfg, mode.sampler
			r.Guidance = guided(r.Positive, mode.change)
			*c = counting{Denoiser: c.Denoiser}
			_, reports := sample(t, p, r)
			sampled := mode.cfg
			if cfg == 1 {
				sampled = mode.plain
			}
			if c.early != images*mode.early || c.whole != images*mode.whole || c.sampled != images*sampled {
				t.Errorf("%s, cfg %v: for guidance %d early and %d whole, for sampling %d evaluations, want %d, %d, %d", mode.name, cfg,
					c.early, c.whole, c.sampled, images*mode.early, images*mode.whole, images*sampled)
			}
			if short := guidance.Shortfall(reports); short != "" {
				t.Errorf("%s: %s", mode.name, short)
			}
		}
	}
}

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

// telling tells how many layers an evaluation has recorded.
type telling struct {
	guidance.Evaluator
	told func(taps int)
}

func (m telling) Taps(x torch.Tensor, timestep float64) ([]attention.Tap, error) {
	taps, err := m.Evaluator.Taps(x, timestep)
	m.told(len(taps))
	return taps, err
}

func (m telling) Evaluate(x torch.Tensor, timestep float64, ask guidance.Ask) ([]attention.Tap, torch.Tensor, error) {
	taps, prediction, err := m.Evaluator.Evaluate(x, timestep, ask)
	m.told(len(taps))
	return taps, prediction, err
}

// TestGuidedPassEndsBehindWhatIsRead holds, of each family, that an evaluation is asked for no layer behind the last that the method
// reads, and that what guidance does keeps its bits.
func TestGuidedPassEndsBehindWhatIsRead(t *testing.T) {
	torchtest.Require(t)
	cross := baseline.Official() // reads one grid
	cross.Refine = false
	cross.Eta = 1
	half := isac.Typed()
	half.Depth, half.End = 0.5, 1
	typed := isac.Typed()
	for _, folder := range []string{"tiny", "tiny-sdxl", "tiny-sd3"} {
		for _, checkpoint := range []bool{false, true} {
			p := load(t, fixture.Dir(folder), LoadOptions{Checkpoint: checkpoint})
			positive := encode(t, p, scene)
			model := p.Conditional(positive).(guidance.Evaluator)
			fixture.InScope(t, func() {
				g := torch.NewGenerator(3)
				defer g.Close()
				x := g.Randn(1, int64(p.LatentChannels()), 16, 16)
				all := len(p.model.Denoiser.Layers(16, 16, int(positive.Hidden.Size(1))))
				for name, method := range map[string]guidance.Method{"attend": cross, "half": half, "typed": typed} {
					var taps []int
					told := func(n int) { taps = append(taps, n) }
					guide := func(m guidance.Model) ([]float32, guidance.Report) {
						s, err := guidance.Open(guidance.Config{Model: m, Noise: p.noise, Method: method, Target: guided(positive).Target})
						if err != nil {
							t.Fatal(err)
						}
						defer s.Close()
						out, report, err := s.Guide(x, guidance.Step{Count: 4, Sigma: 0.5})
						if err != nil || report.Moves != 1 {
							t.Fatalf("%s, %s: %v, %s", folder, name, err, report.Skipped)
						}
						return out.Float32s(), report
					}
					got, report := guide(telling{model, told})
					want, plain := guide(struct{ guidance.Model }{telling{model, told}}) // can do nothing but all
					if !slices.Equal(got, want) || report.Loss != plain.Loss || report.GradNorm != plain.GradNorm {
						t.Errorf("%s, %s, checkpoints %v: a shorter evaluation guides otherwise", folder, name, checkpoint)
					}
					// tiny-sd3's layers lie on one grid, of which Attend-and-Excite reads all.
					ends := name == "half" || name == "attend" && folder != "tiny-sd3"
					if taps[1] != all || (taps[0] < all) != ends {
						t.Errorf("%s, %s: %d and %d layers of %d are evaluated", folder, name, taps[0], taps[1], all)
					}
				}
			})
		}
	}
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
