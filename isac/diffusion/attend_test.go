package diffusion

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac"
	"github.com/isac-guidance/isac/isac/baseline"
	"github.com/isac-guidance/isac/isac/diffusion/internal/fixture"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/methods"
	"github.com/isac-guidance/isac/isac/prompt"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// attendRuns is testdata/attend/fixture.json: runs of diffusers' Attend-and-Excite on the mini model.
type attendRuns struct {
	Cases map[string]struct {
		Prompt     string
		Indices    []int // of the class words
		Seed       uint64
		Side       int
		Eta        float64
		Thresholds [3]float64
		Losses     []float64 // of all steps, before anything was moved
		Moves      []int     // of those that are guided
	}
}

// TestAttendExciteEqualsDiffusers compares whole runs, with steps that are refined until they have enough and until they give up:
// the losses before each step, how often each was moved, and the latents at the end.
func TestAttendExciteEqualsDiffusers(t *testing.T) {
	torchtest.Require(t)
	f := fixture.Open(t, "attend")
	var runs attendRuns
	text, err := os.ReadFile(filepath.Join(f.Dir, "fixture.json"))
	if err == nil {
		err = json.Unmarshal(text, &runs)
	}
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(f.Dir, "..", "..", "..", "..", "examples", "mini", "model")
	f.Bound(path)
	p := load(t, path, LoadOptions{})
	for name, c := range runs.Cases {
		t.Run(name, func(t *testing.T) {
			method := baseline.Official()
			method.Resolution, method.Eta = c.Side, c.Eta
			method.Threshold = baseline.Thresholds{First: c.Thresholds[0], Second: c.Thresholds[1], Third: c.Thresholds[2]}
			positive := encode(t, p, c.Prompt)
			target, err := methods.TargetFromPrompt(prompt.Parse(c.Prompt), positive.Spans)
			if err != nil {
				t.Fatal(err)
			}
			var indices []int
			for _, class := range target.Classes {
				indices = append(indices, class.Tokens...)
			}
			if !slices.Equal(indices, c.Indices) {
				t.Fatalf("the classes are at %v, want %v", indices, c.Indices)
			}
			var losses []float64 // an observer sees the steps after the window too
			size := p.NativeSize()
			latent, reports, err := p.Sample(context.Background(), SampleRequest{
				Positive: positive, Negative: encode(t, p, ""), Width: size, Height: size, Steps: f.About.Steps, CFG: f.About.CFG,
				Seed: c.Seed, Denoise: 1, Sampler: "ddim", Scheduler: "ddim_uniform",
				Guidance: &Guidance{Method: method, Target: target, Observe: func(_ int, m guidance.Maps) { losses = append(losses, m.Report.Loss) }},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer latent.Close()
			fixture.InScope(t, func() {
				fixture.Near(t, "losses", torch.FromFloat64s(losses), torch.FromFloat64s(c.Losses), 1e-3)
				fixture.Near(t, "latent", p.scale(latent), f.Tensor(name+".latent"), 1e-3)
			})
			for i, step := range reports {
				moves := 0
				if i < len(c.Moves) {
					moves = c.Moves[i]
				}
				if step[0].Moves != moves {
					t.Errorf("step %d was moved %d times, want %d", i, step[0].Moves, moves)
				}
			}
		})
	}
}

// TestAttendExciteGuidesFamilies takes guided runs of every family, those of one joint softmax too: the latent is moved, several times
// where a step is refined, the loss is in [0,1], and the bytes are the same twice.
func TestAttendExciteGuidesFamilies(t *testing.T) {
	torchtest.Require(t)
	renormalised := baseline.Official()
	renormalised.RenormaliseJoint = true
	for _, c := range tinyFamilies {
		t.Run(c.family, func(t *testing.T) {
			p, f := load(t, fixture.Dir(c.folder), LoadOptions{}), fixture.Open(t, c.folder)
			fixture.InScope(t, func() {
				r := familyRequest(t, p, f)
				r.Sampler, r.Scheduler, r.Steps = "euler", "normal", 4
				plain, _ := sample(t, p, r)
				for name, method := range map[string]baseline.AttendExcite{
					"official": baseline.Official(), "paper": baseline.AttendPaper(), "renormalised": renormalised,
				} {
					method.Tries, method.Threshold.First = 2, 1
					r.Guidance = guided(r.Positive, func(*isac.Options) {})
					r.Guidance.Method = method
					moved, reports := sample(t, p, r)
					again, _ := sample(t, p, r)
					if slices.Equal(plain, moved) || !slices.Equal(moved, again) {
						t.Errorf("%s: guidance changed nothing, or something else the second time", name)
					}
					if first := reports[0][0]; first.Skipped != "" || first.Moves != 3 || first.Loss <= 0 || first.Loss > 1 {
						t.Errorf("%s: the first step: loss %v, %d moves, skipped %q", name, first.Loss, first.Moves, first.Skipped)
					}
				}
			})
		})
	}
}
