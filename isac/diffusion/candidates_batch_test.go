package diffusion

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestSelectionOfABatch holds that each image of a batch has a choice of its own among its own candidates, where it starts from a latent,
// behind a mask, and with conditionings for parts of the picture or of another length.
func TestSelectionOfABatch(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	for name, change := range map[string]func(*SampleRequest){
		"nothing": func(*SampleRequest) {},
		"latent, mask and numbers": func(r *SampleRequest) {
			g := torch.NewGenerator(4)
			defer g.Close()
			r.Latent, r.Width, r.Height, r.Batch, r.Denoise = g.Randn(2, 4, 8, 8), 0, 0, 0, 0.7
			r.Mask, r.BatchIndex = g.Randn(3, 8, 8).Gt(torch.Zeros([]int64{1}, torch.Float32, torch.CPU)).To(torch.Float32), []int{3, 1}
		},
		"an area": func(r *SampleRequest) {
			g := torch.NewGenerator(5)
			defer g.Close()
			r.Negative = r.Negative.InRegions(func(of *Region) { of.Strength, of.Mask = 0.5, g.Randn(3, 8, 8).Square().Keep() })
		},
		"prompts of other lengths": func(r *SampleRequest) { r.Negative = encode(t, p, strings.Repeat("a cat and a dog ", 8)) },
		"no negative":              func(r *SampleRequest) { r.CFG, r.Negative = 1, Conditioning{} },
	} {
		err := torch.InScope(func() error {
			r := request(t, p)
			r.Batch = 2
			change(&r)
			if r.Negative.Region != nil {
				defer r.Negative.Close()
			}
			const n = 3
			r.Guidance = selecting(r.Positive, candidates(n))
			got, out := ran(t, p, r)
			half := len(got) / 2
			each := 2 // evaluations of an image's step
			switch name {
			case "no negative":
				each = 1
			case "an area": // a session evaluates the model on its own
				each = 3
			}
			if want := n * 2 * r.Steps * each; out.Cost.Evaluations != want {
				t.Errorf("%s: it cost %d evaluations, want %d", name, out.Cost.Evaluations, want)
			}
			for image := range 2 {
				best, lowest := 0, math.Inf(1)
				var kept []float32
				for c := range n {
					one := r
					one.Seed += uint64(c)
					one.Guidance = guided(r.Positive)
					one.Guidance.Method, one.Guidance.Measure = isac.Paper(), true
					latent, reports := sample(t, p, one)
					sum := 0.0
					for _, images := range reports {
						sum += images[image].Loss
					}
					if sum < lowest {
						best, lowest, kept = c, sum, latent[image*half:(image+1)*half]
					}
				}
				choice := out.Choices[image]
				if choice.Chosen != best || !slices.Equal(got[image*half:(image+1)*half], kept) {
					t.Errorf("%s: image %d is candidate %d, want %d", name, image, choice.Chosen, best)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TestSelectionOfAStretch holds that of a run that takes a part of a schedule those steps are measured which the window of the whole has.
func TestSelectionOfAStretch(t *testing.T) {
	torchtest.Require(t)
	p := loadTiny(t)
	r := request(t, p)
	r.Steps, r.FirstStep = 8, 3
	r.Guidance = selecting(r.Positive, candidates(2), func(s *isac.Selector) { s.End = 0.75 })
	_, out := ran(t, p, r)
	if c := out.Choices[0]; c.Candidates[0].Measured != 3 || c.Candidates[c.Chosen].Steps != 5 || !slices.Equal(c.Cuts, []guidance.Cut{{After: 3, Keep: 1}}) {
		t.Errorf("%+v", c)
	}
	r.Guidance = selecting(r.Positive, candidates(2), func(s *isac.Selector) { s.End = 0.25 })
	if _, out := ran(t, p, r); !strings.Contains(out.Choices[0].Reason, "none of the steps") {
		t.Errorf("%+v", out.Choices[0])
	}
}

// TestSelectionEqualsPlainPyTorch holds that the losses which are read from an evaluation of two candidates with both conditionings are
// those that the script took from one of the positive conditioning alone, in double precision.
func TestSelectionEqualsPlainPyTorch(t *testing.T) {
	p, f, cases := loadGuidance(t)
	for _, c := range cases.Cases {
		t.Run(c.Name, func(t *testing.T) {
			conditioning := encode(t, p, c.Prompt)
			target, err := methods.TargetFromPrompt(prompt.Parse(c.Prompt), conditioning.Spans)
			if err != nil {
				t.Fatal(err)
			}
			method := isac.SelectPaper()
			if method.Candidates = 2; c.Preset == "typed" {
				method.Options = isac.SelectTyped().Options
			}
			err = torch.InScope(func() error {
				x, labels := f.Tensor(c.Name+"/x"), []int{}
				for _, l := range f.Tensor(c.Name + "/labels").Int64s() {
					labels = append(labels, int(l))
				}
				sigma := p.Noise().SigmaAt(c.Timestep)
				r := SampleRequest{
					Positive: conditioning, Negative: encode(t, p, ""), Latent: x, Steps: c.Count, CFG: 3, Sampler: "euler", Scheduler: "normal", Denoise: 1,
					Guidance: &Guidance{Target: target, Method: method},
				}
				pl, err := p.plan(&r)
				if err != nil {
					return err
				}
				pl.part, pl.together = 2, true
				run := &run{p: p, ctx: context.Background(), request: &r, plan: pl}
				defer run.close()
				if err := run.begin(); err != nil {
					return err
				}
				if run.denoise, err = newDenoiser(run); err != nil {
					return err
				}
				for _, s := range run.sessions {
					if err := s.Resume(labels, c.Height, c.Width); err != nil {
						return err
					}
					run.current = append(run.current, guidance.Report{Step: guidance.Step{Index: c.Index, Count: c.Count, Sigma: sigma}})
				}
				both := p.Noise().Output(torch.Cat([]torch.Tensor{x, x}, 0).To(torch.Float32), sigma)
				torch.NoGrad(func() { err = run.selection.measure(c.Index, both, sigma) })
				if err != nil {
					return err
				}
				for row, report := range run.current {
					got := torch.FromFloat64s([]float64{loss(report, isac.LossInstance), loss(report, isac.LossClass), report.Loss})
					fixture.Near(t, "losses", got, torch.FromFloat64s([]float64{c.Instance, c.Cls, c.Loss}), 1e-4)
					if report.Skipped != "" || report.Foreground != c.Foreground || run.result.Cost.Evaluations != 4 {
						t.Errorf("candidate %d: %+v at a cost of %+v", row, report, run.result.Cost)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestSelectionOfFamilies holds, of each other family, that candidates which are evaluated together have the losses of sessions that evaluate
// the model on their own.
func TestSelectionOfFamilies(t *testing.T) {
	torchtest.Require(t)
	for _, c := range tinyFamilies {
		t.Run(c.family, func(t *testing.T) {
			p, f := load(t, fixture.Dir(c.folder), LoadOptions{}), fixture.Open(t, c.folder)
			fixture.InScope(t, func() {
				r := familyRequest(t, p, f)
				r.Noise, r.Steps, r.Seed = torch.Tensor{}, 3, 5
				r.Sampler, r.Scheduler = c.runs[0].sampler, c.runs[0].scheduler
				method := isac.SelectTyped()
				method.Candidates, method.KMeans.Warm = 3, false
				r.Guidance = &Guidance{Method: method, Target: guidance.Target{Classes: []guidance.Class{{Name: "a", Count: 2, Tokens: []int{2}}, {Name: "b", Count: 1, Tokens: []int{4}}}}}
				pl, err := p.plan(&r)
				if err != nil {
					t.Fatal(err)
				}
				pl.part, pl.together = 2, true
				out, err := p.run(context.Background(), &r, pl)
				if err != nil {
					t.Fatal(err)
				}
				defer out.Latent.Close()
				r.Guidance.Method, r.Guidance.Measure = method.Options, true
				for i, one := range out.Choices[0].Candidates {
					r.Seed = one.Seed
					_, reports := sample(t, p, r)
					if len(one.Losses) != len(reports) {
						t.Fatalf("%d losses of %d steps", len(one.Losses), len(reports))
					}
					for at, images := range reports {
						if loss := images[0].Loss; math.Abs(loss-one.Losses[at]) > 1e-3*loss || loss == 0 {
							t.Errorf("candidate %d, step %d: a loss of %v, alone it is %v", i, at, one.Losses[at], loss)
						}
					}
				}
			})
		})
	}
}
