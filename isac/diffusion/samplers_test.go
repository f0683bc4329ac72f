package diffusion

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/diffusion/sampling"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// Every step of a run is guided once, whatever the sampler evaluates in it, in models of both kinds of noise.
func TestSamplersAreGuidedOnceAStep(t *testing.T) {
	torchtest.Require(t)
	for folder, names := range map[string][]string{
		"tiny":     {"heunpp2", "dpmpp_2s_ancestral", "dpmpp_sde", "seeds_3", "uni_pc", "sa_solver_pece", "dpm_fast", "euler_cfg_pp"},
		"tiny-sd3": {"dpm_2_ancestral", "dpmpp_2m_sde", "seeds_2", "uni_pc_bh2", "sa_solver", "lcm", "euler_ancestral_cfg_pp"},
	} {
		p := load(t, fixture.Dir(folder), LoadOptions{})
		for _, name := range names {
			r := request(t, p)
			r.Width, r.Height = 8*p.Factor(), 8*p.Factor()
			r.Steps, r.Sampler = 4, name
			plain, _ := sample(t, p, r)
			r.Guidance = guided(r.Positive)
			var told []int
			r.OnStep = func(s StepInfo) error {
				told = append(told, s.Index, s.Count)
				return nil
			}
			moved, reports := sample(t, p, r)
			steps := 4
			if name == "dpm_fast" {
				steps = 2
			}
			var want []int
			for i := range steps {
				want = append(want, i, steps)
			}
			if len(reports) != steps || !slices.Equal(told, want) {
				t.Errorf("%s %s: %d reports, steps %v, expected %d", folder, name, len(reports), told, steps)
			}
			if reports[0][0].Skipped != "" || slices.Equal(plain, moved) {
				t.Errorf("%s %s: guidance changed nothing: %q", folder, name, reports[0][0].Skipped)
			}
			r.OnStep, r.Guidance.Measure = nil, true
			if measured, _ := sample(t, p, r); !slices.Equal(plain, measured) {
				t.Errorf("%s %s: measuring changed the latent", folder, name)
			}
		}
	}
}

// What a flow model cannot be sampled with is refused by name, with all other mistakes, before anything is evaluated.
func TestFlowRefusesSamplers(t *testing.T) {
	p := load(t, fixture.Dir("tiny-sd3"), LoadOptions{})
	r := request(t, p)
	r.Width, r.Height, r.Denoise = 8*p.Factor(), 8*p.Factor(), 2
	for _, name := range []string{"ddpm", "res_multistep_ancestral", "dpmpp_2s_ancestral_cfg_pp", "res_multistep_ancestral_cfg_pp"} {
		r.Sampler = name
		_, _, err := p.Sample(context.Background(), r)
		for _, want := range []string{"sampler " + name + " adds noise", "rectified flow", "dpmpp_2m", "denoise 2"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v\ndoes not have %q", name, err, want)
			}
		}
	}
}

// Samplers with CFG++ need a negative conditioning at any cfg, and what they get of it is D of the negative alone.
func TestNegativeAlone(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Sampler, r.CFG = "euler_cfg_pp", 1
	missing := r
	missing.Negative = Conditioning{}
	if _, _, err := p.Sample(context.Background(), missing); err == nil || !strings.Contains(err.Error(), "no negative conditioning") {
		t.Errorf("without a negative: %v", err)
	}
	fixture.InScope(t, func() {
		for _, cfg := range []float64{1, 4} {
			of := func(sampler string, cfg float64) denoiser {
				r := r
				r.Sampler, r.CFG = sampler, cfg
				pl, err := p.plan(&r)
				if err != nil {
					t.Fatal(err)
				}
				d, err := newDenoiser(&run{p: p, ctx: context.Background(), request: &r, plan: pl})
				if err != nil {
					t.Fatal(err)
				}
				return d
			}
			torch.NoGrad(func() {
				g := torch.NewGenerator(3)
				defer g.Close()
				x := g.Randn(1, 4, 8, 8)
				denoised, negative, err := of("euler_cfg_pp", cfg).both(x, 2)
				if err != nil {
					t.Fatal(err)
				}
				fixture.Near(t, "D", denoised, must(of("euler", cfg).at(x, 2)), 1e-5)
				fixture.Near(t, "D of the negative", negative, must(of("euler", 0).at(x, 2)), 1e-5)
			})
		}
	})
	r.Negative = r.Positive
	same, _ := sample(t, p, r)
	r.Sampler = "euler"
	euler, _ := sample(t, p, r)
	for i := range same {
		if d := same[i] - euler[i]; d > 1e-3 || d < -1e-3 {
			t.Fatalf("of one conditioning alone, element %d is %g with CFG++ and %g without", i, same[i], euler[i])
		}
	}
}

// Candidates of a sampler that draws noise are the runs of their seeds.
func TestCandidatesOfSamplersWithNoise(t *testing.T) {
	p := loadTiny(t)
	for _, name := range []string{"dpmpp_2m_sde", "sa_solver", "lcm"} {
		r := request(t, p)
		r.Sampler, r.Guidance = name, guided(r.Positive)
		guide, err := r.Guidance.Method.Begin(r.Guidance.Target)
		if err != nil {
			t.Fatal(err)
		}
		judge, ok := guide.(guidance.Selector)
		if !ok {
			t.Skip("the method does not judge runs")
		}
		var runs [][]float32
		best, score := 0, 0.0
		for c := range 2 {
			one := r
			one.Seed += uint64(c)
			latent, reports := sample(t, p, one)
			own := make([]guidance.Report, len(reports))
			for i := range reports {
				own[i] = reports[i][0]
			}
			if s := judge.Score(own); c == 0 || s < score {
				best, score = c, s
			}
			runs = append(runs, latent)
		}
		r.Guidance.Select = choice(2)
		if kept, _ := sample(t, p, r); !slices.Equal(kept, runs[best]) {
			t.Errorf("%s: the candidate that was kept is not run %d", name, best)
		}
	}
}

// Where a run starts and ends is up to the sampler's own schedule.
func TestSchedulesOfSamplers(t *testing.T) {
	p := loadTiny(t)
	r := request(t, p)
	r.Sampler, r.Steps, r.Denoise = "uni_pc", 5, 0.5
	pl, err := p.plan(&r)
	if err != nil {
		t.Fatal(err)
	}
	want, err := sampling.ScheduleFor("uni_pc", r.Scheduler, p.Noise(), 5, 0.5)
	if err != nil || !slices.Equal(pl.sigmas, want) || pl.steps != 5 {
		t.Errorf("%v in %d steps, expected %v, %v", pl.sigmas, pl.steps, want, err)
	}
}
