package diffusion

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

const scene = "a photo of two cats and a dog"

// request is a short run of the tiny model.
func request(t testing.TB, p *Pipeline) SampleRequest {
	t.Helper()
	return SampleRequest{
		Positive: encode(t, p, scene), Negative: encode(t, p, ""), Width: 32, Height: 32,
		Steps: 3, CFG: 4, Sampler: "euler", Scheduler: "normal", Seed: 11, Denoise: 1,
	}
}

// guided asks for the scene's two cats and a dog, at every step, with some options changed.
func guided(c Conditioning, changes ...func(*isac.Options)) *Guidance {
	o := isac.Typed()
	o.End = 1
	for _, change := range changes {
		change(&o)
	}
	return &Guidance{
		Target: guidance.Target{Classes: []guidance.Class{{Name: "cat", Count: 2, Tokens: tokens(c, "cats")}, {Name: "dog", Count: 1, Tokens: tokens(c, "dog")}}},
		Method: o,
	}
}

// sample runs a request and gives the latent's values.
func sample(t testing.TB, p *Pipeline, r SampleRequest) ([]float32, [][]guidance.Report) {
	t.Helper()
	before := torch.LiveHandles()
	latent, reports, err := p.Sample(context.Background(), r)
	if err != nil {
		t.Fatal(err)
	}
	values := latent.Float32s()
	latent.Close()
	if left := torch.LiveHandles() - before; left != 0 {
		t.Errorf("%d tensors were left", left)
	}
	return values, reports
}

func TestSameRequestSameBytes(t *testing.T) {
	p := loadTiny(t)
	for _, name := range sampling.Names() {
		if strings.HasSuffix(name, "_gpu") { // what the name without is
			continue
		}
		for _, with := range []bool{false, true} {
			t.Run(name+" guided "+strconv.FormatBool(with), func(t *testing.T) {
				r := request(t, p)
				r.Sampler = name
				if with {
					r.Guidance = guided(r.Positive)
				}
				if with && name == "dpm_adaptive" { // its steps are not known
					if _, _, err := p.Sample(context.Background(), r); err == nil || !strings.Contains(err.Error(), "dpm_adaptive chooses its steps") {
						t.Errorf("guided: %v", err)
					}
					return
				}
				first, _ := sample(t, p, r)
				again, _ := sample(t, p, r)
				if !slices.Equal(first, again) {
					t.Error("two runs differ")
				}
				r.Seed++
				if other, _ := sample(t, p, r); slices.Equal(first, other) {
					t.Error("another seed gives the same latent")
				}
			})
		}
	}
}

func TestGuidanceMovesTheLatentAndReports(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	plain, none := sample(t, p, r)
	if len(none) != 0 {
		t.Errorf("%d reports without guidance", len(none))
	}
	r.Guidance = guided(r.Positive)
	var steps []StepInfo
	r.OnStep = func(s StepInfo) error {
		if got := s.Denoised.Shape(); !slices.Equal(got, []int64{1, 4, 8, 8}) {
			t.Errorf("step %d: preview of shape %v", s.Index, got)
		}
		steps = append(steps, s)
		return nil
	}
	moved, reports := sample(t, p, r)
	if slices.Equal(plain, moved) {
		t.Error("guidance changed nothing")
	}
	if len(reports) != 3 || len(steps) != 3 {
		t.Fatalf("%d reports and %d steps, want 3", len(reports), len(steps))
	}
	for i, s := range steps {
		if s.Index != i || s.Count != 3 || len(s.Reports) != 1 || s.Reports[0].Index != i {
			t.Errorf("step %d: %+v", i, s)
		}
		report := reports[i][0]
		if want := p.Noise().Timestep(s.Sigma); report.Timestep != want || report.Sigma != s.Sigma {
			t.Errorf("step %d: timestep %v, want %v", i, report.Timestep, want)
		}
		if report.Skipped == "" && (report.StepNorm <= 0 || report.Loss <= 0) {
			t.Errorf("step %d: loss %v, step norm %v", i, report.Loss, report.StepNorm)
		}
	}
	if reports[0][0].Skipped != "" {
		t.Errorf("the first step was skipped: %s", reports[0][0].Skipped)
	}
}

// The step is taken in X_t, the model's own parametrisation: what the sampler's x moves by is √(1+σ²) times as much.
func TestGuidedStepIsTakenInTheModelsParametrisation(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Guidance = guided(r.Positive, func(o *isac.Options) { o.StepRule, o.Eta = guidance.StepRelative, 0.05 })
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	for _, sigma := range []float64{14.6, 1} {
		run := &run{p: p, ctx: context.Background(), request: &r, plan: pl}
		fixture.InScope(t, func() {
			if err := run.begin(); err != nil {
				t.Fatal(err)
			}
			defer run.close()
			x := must(run.noised())
			moved, err := run.before(0, sigma, x)
			if err != nil {
				t.Fatal(err)
			}
			scale := math.Sqrt(1 + sigma*sigma)
			norm, step := x.NormAll().Item()/scale, moved.Sub(x).NormAll().Item()/scale
			if report := run.reports[0][0]; math.Abs(step/report.StepNorm-1) > 1e-3 || math.Abs(step/norm-0.05) > 1e-3 {
				t.Errorf("sigma %v: X moved by %v of %v, report says %v, want 0.05 of it", sigma, step, norm, report.StepNorm)
			}
		})
	}
}

// One image of a batch is what it would be alone: noise is made for all at once, guidance is each one's own.
func TestBatch(t *testing.T) {
	p := loadTiny(t)
	for _, with := range []bool{false, true} {
		r := request(t, p)
		if with {
			r.Guidance = guided(r.Positive)
		}
		alone, _ := sample(t, p, r)
		r.Batch = 3
		three, reports := sample(t, p, r)
		if len(three) != 3*len(alone) {
			t.Fatalf("%d values, want 3 times %d", len(three), len(alone))
		}
		near(t, three[:len(alone)], alone, 1e-3)
		if slices.Equal(three[:len(alone)], three[len(alone):2*len(alone)]) {
			t.Error("two images of a batch are the same")
		}
		if want := 3; with && (len(reports) != want || len(reports[0]) != want) {
			t.Errorf("reports of %d steps, want %d, of as many images", len(reports), want)
		}
	}
}

func TestWithoutNegative(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.CFG, r.Negative = 1, Conditioning{}
	one, _ := sample(t, p, r)
	r.CFG, r.Negative = 1+1e-9, encode(t, p, "dogs")
	two, _ := sample(t, p, r)
	near(t, two, one, 1e-4)
}

func TestStartFromAnImage(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Width, r.Height, r.Steps, r.Denoise = 0, 0, 4, 0.01
	fixture.InScope(t, func() {
		r.Latent = torch.Full([]int64{2, 4, 8, 6}, 3, torch.Float32, torch.CPU)
		values, _ := sample(t, p, r)
		if len(values) != 2*4*8*6 {
			t.Fatalf("%d values, want the latent's %d", len(values), 2*4*8*6)
		}
		sum := 0.0
		for _, v := range values {
			sum += float64(v)
		}
		if mean := sum / float64(len(values)); math.Abs(mean-3) > 0.2 {
			t.Errorf("one percent of noise took the mean from 3 to %v", mean)
		}
	})
}

func TestConditioningsOfDifferentLengths(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	want, _ := sample(t, p, r)
	fixture.InScope(t, func() {
		r.Negative = Conditioning{Hidden: torch.Cat([]torch.Tensor{r.Negative.Hidden, r.Negative.Hidden}, 1)}
		got, _ := sample(t, p, r)
		near(t, got, want, 1e-4) // a conditioning that is there twice is the same
	})
}

func TestRunsOnAnExecutor(t *testing.T) {
	torchtest.Require(t)
	e := torch.NewExecutor()
	defer e.Close()
	err := e.Do(context.Background(), func() error {
		p, err := Load(fixture.Dir("tiny"), LoadOptions{})
		if err != nil {
			return err
		}
		defer p.Close()
		r := request(t, p)
		latent, _, err := p.Sample(context.Background(), r)
		if err != nil {
			return err
		}
		defer latent.Close()
		image, err := p.DecodeLatent(latent)
		if err == nil {
			image.Close()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// near fails where two latents differ anywhere by more than tolerance.
func near(t *testing.T, got, want []float32, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	most := 0.0
	for i := range want {
		if d := math.Abs(float64(got[i] - want[i])); !(d <= most) {
			most = d
		}
	}
	if !(most <= tolerance) {
		t.Errorf("values differ by up to %v, allowed is %v", most, tolerance)
	}
}

func must(t torch.Tensor, err error) torch.Tensor {
	if err != nil {
		panic(err)
	}
	return t
}
