package diffusion

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestGuidanceReadsThePositivePrompt holds that what guidance measures at the first step depends on the positive prompt alone.
func TestGuidanceReadsThePositivePrompt(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	losses := func(positive, negative string) []guidance.Loss {
		r := request(t, p)
		r.Positive, r.Negative = encode(t, p, positive), encode(t, p, negative)
		r.Guidance = guided(r.Positive)
		_, reports := sample(t, p, r)
		return reports[0][0].Losses
	}
	want := losses(scene, "")
	if got := losses(scene, "three dogs"); !slices.Equal(got, want) {
		t.Errorf("with another negative prompt guidance sees %v, %v before", got, want)
	}
	if got := losses("three cats and a dog and cats", ""); slices.Equal(got, want) {
		t.Errorf("with another positive prompt guidance still sees %v", got)
	}
}

// TestCandidates holds that of several runs of a batch the best of each image is kept, latent and reports, and that the method has to
// be able to judge.
func TestCandidates(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	run := func(seed uint64, candidates int) ([]float32, [][]guidance.Report) {
		r := request(t, p)
		r.Batch, r.Seed = 2, seed
		r.Guidance = guided(r.Positive)
		r.Guidance.Measure, r.Guidance.Select = true, choice(candidates)
		return sample(t, p, r)
	}
	const n = 4
	best, reports := run(20, n)
	half := len(best) / 2
	for b := range 2 {
		lowest, kept := 0.0, -1
		var latent []float32
		for c := range uint64(n) {
			alone, seen := run(20+c, 1)
			sum := 0.0
			for _, images := range seen {
				sum += images[b].Loss
			}
			if kept < 0 || sum < lowest {
				lowest, kept, latent = sum, int(c), alone[b*half:(b+1)*half]
			}
		}
		got := 0.0
		for _, images := range reports {
			got += images[b].Loss
		}
		if !slices.Equal(best[b*half:(b+1)*half], latent) || math.Abs(got-lowest) > 1e-4*lowest { // read from evaluations of both sides
			t.Errorf("image %d: a loss of %v was kept, the lowest is %v of candidate %d", b, got, lowest, kept)
		}
	}
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	r.Guidance.Method, r.Guidance.Select = silent{isac.Typed()}, choice(2)
	if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), "cannot tell which") {
		t.Errorf("a method that cannot judge: %v", err)
	}
	r = request(t, p)
	r.Guidance = guided(r.Positive)
	r.Guidance.Select = choice(2)
	torch.WithScope(func() []torch.Tensor {
		r.Noise = torch.Zeros([]int64{2, 4, 16, 16}, torch.Float32, torch.CPU)
		if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), "2 candidates start from one noise") {
			t.Errorf("candidates of one noise: %v", err)
		}
		return nil
	})
}

// choice is one among so many candidates, all of which are run to the end.
func choice(candidates int) guidance.Selection {
	return guidance.Selection{Candidates: candidates, Keep: 0.5}
}

// silent is ISAC without its judgement of runs, and with noise of its own.
type silent struct{ isac.Options }

func (s silent) Begin(t guidance.Target) (guidance.Guide, error) {
	g, err := s.Options.Begin(t)
	return struct{ guidance.Guide }{g}, err
}

// turned is ISAC that starts from the noise turned around.
type turned struct{ isac.Options }

func (s turned) Begin(t guidance.Target) (guidance.Guide, error) {
	g, err := s.Options.Begin(t)
	return turning{g}, err
}

type turning struct{ guidance.Guide }

func (turning) Prepare(_ func(torch.Tensor) ([]attention.Tap, error), noise torch.Tensor, _ guidance.Step) (torch.Tensor, error) {
	return noise.Neg(), nil
}

// TestPreparedNoise holds that a run starts from the noise that its method prepares.
func TestPreparedNoise(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = guided(r.Positive)
	r.Guidance.Method = turned{r.Guidance.Method.(isac.Options)}
	got, _ := sample(t, p, r)
	fixture.InScope(t, func() {
		g := torch.NewGenerator(r.Seed)
		defer g.Close()
		r.Guidance = guided(r.Positive)
		r.Noise = g.Randn(1, 4, 8, 8).Neg()
		if want, _ := sample(t, p, r); !slices.Equal(got, want) {
			t.Error("the run did not start from the prepared noise")
		}
	})
}
