package diffusion

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

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
