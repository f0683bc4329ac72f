package diffusion

import (
	"context"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/baseline"
	backbone "github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
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
	ask.Online = nil // which has sums in another order
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
