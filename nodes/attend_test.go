package nodes

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/baseline"
)

// TestAttendExciteNode samples with the other method: its steps are reported, its options arrive, and there are no masks to draw.
func TestAttendExciteNode(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", catsAndDog)
	plain := h.run("KSampler", h.sampling(l, nil))
	var steps []StepReport
	h.env.Step = func(report any) { steps = append(steps, report.(StepReport)) }
	l.model = h.guided(l.model, map[string]any{
		"method": "attend_excite", "preset": "default", "eta": 5.0, "tries": json.Number("2"), "threshold_first": 1.0,
	})
	sampled := h.run("KSampler", h.sampling(l, nil))
	if len(steps) != 4 {
		t.Fatalf("heard %d step reports, want four", len(steps))
	}
	for i, s := range steps {
		loss, ok := s.Named(baseline.LossAttend)
		if guided := i < 2; guided != (s.Skipped == "") || guided != ok || guided && (loss.Value <= 0 || loss.Value > 1) {
			t.Errorf("step %d: skipped %q, losses %v", i, s.Skipped, s.Losses)
		}
	}
	if steps[0].Moves != 3 || steps[2].Moves != 0 {
		t.Errorf("the first step was moved %d times and the third %d, want 3 and 0: two tries and the step itself", steps[0].Moves, steps[2].Moves)
	}
	if string(h.pngs(plain.Values[0], l.vae)[0]) == string(h.pngs(sampled.Values[0], l.vae)[0]) {
		t.Error("guidance changed nothing")
	}
	masks := h.run("ISACMasks", map[string]any{"samples": sampled.Values[0], "step": "all", "upscale": "nearest"}).Values[0]
	if shape := masks.(*Image).Pixels.Shape(); shape[0] != 1 {
		t.Errorf("masks have shape %v, want one blank picture", shape)
	}
}

// TestOptionsOfAnotherMethod holds that an option that the method does not have is an error that names its input, and that all such
// are named.
func TestOptionsOfAnotherMethod(t *testing.T) {
	h := newHost(t, tinyFolder)
	l := h.load("tiny", "")
	base := map[string]any{"model": l.model, "preset": "default", "eta": -1, "start": 0, "end": -1, "schedule": "preset"}
	for _, tt := range []struct {
		change map[string]any
		want   []string
	}{
		{map[string]any{"method": "attend_excite", "schedule": "C", "self_norm": "row"}, []string{"schedule is C", "self_norm is row", "attend_excite"}},
		{map[string]any{"method": "isac", "resolution": json.Number("16"), "accumulate": "on"}, []string{"resolution is 16", "accumulate is on", "isac"}},
		{map[string]any{"method": "attend_excite", "preset": "typed"}, []string{`"typed"`, "official or paper"}},
		{map[string]any{"method": "attend_excite", "threshold_second": 1.5}, []string{"threshold_second"}},
	} {
		in := map[string]any{}
		for _, inputs := range []map[string]any{base, tt.change} {
			for name, v := range inputs {
				in[name] = v
			}
		}
		_, err := h.try(context.Background(), "ISACGuidance", in)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: error %v, want one that says %q", tt.change, err, want)
			}
		}
	}
	// Which grids the model has shows when it is sampled.
	l = h.load("tiny", catsAndDog)
	l.model = h.guided(l.model, map[string]any{"method": "attend_excite", "preset": "official", "resolution": json.Number("7")})
	if _, err := h.try(context.Background(), "KSampler", h.sampling(l, nil)); err == nil || !strings.Contains(err.Error(), "the model's grids are") {
		t.Errorf("a resolution that the model does not have: error %v", err)
	}
}
