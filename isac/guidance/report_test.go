package guidance_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/internal/synthetic"
	"github.com/isac-guidance/isac/isac/torch"
)

// TestReportOfLossesThatAreNotFinite holds that they end the step, with a report that can be written as JSON.
func TestReportOfLossesThatAreNotFinite(t *testing.T) {
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float32)
		for _, value := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement {
				return term(1, q.SumAll().MulScalar(0).AddScalar(value))
			}}
			_, report := guide(t, open(t, guidance.Config{Model: identity(torch.Float32), Method: m}), x, guidance.Step{Count: 5})
			if report.Skipped != "the loss is not finite (NaN or Inf)" || report.Moves != 0 || report.Losses != nil {
				t.Errorf("%v: %+v", value, report)
			}
			if _, err := json.Marshal(report); err != nil {
				t.Errorf("%v: %v", value, err)
			}
		}
	})
}

// TestReportOfTheMethodsGrid holds that a method may read another grid than that of the finest attention.
func TestReportOfTheMethodsGrid(t *testing.T) {
	synthetic.In(t, func() {
		x := synthetic.NewLatent(t, 1, torch.Float32) // 8×8
		m := given{Options: method().Options}
		for want, grid := range map[[2]int][2]int{{8, 8}: {}, {2, 4}: {2, 4}} {
			m.measure = func(q torch.Tensor, _ int) guidance.Measurement {
				out := term(1, q.Square().SumAll())
				out.Height, out.Width = grid[0], grid[1]
				return out
			}
			_, report := guide(t, open(t, guidance.Config{Model: identity(torch.Float32), Method: m}), x, guidance.Step{Count: 5})
			if [2]int{report.Height, report.Width} != want {
				t.Errorf("the grid of the report is %dx%d, want %v", report.Height, report.Width, want)
			}
		}
	})
}

// TestObservedStepsAreForgotten holds that a guide knows nothing of steps that were only looked at, and all of those that it guided.
func TestObservedStepsAreForgotten(t *testing.T) {
	synthetic.In(t, func() {
		x, m := synthetic.NewLatent(t, 1, torch.Float32), method()
		m.Start = 0.4
		seen := 0
		s := open(t, guidance.Config{Model: identity(torch.Float32), Method: m, Observe: func(guidance.Maps) { seen++ }})
		var looks []int
		for i := range 8 {
			_, report := guide(t, s, x, guidance.Step{Index: i, Count: 8})
			looks = append(looks, report.Foreground)
			if outside := i < 4; (report.Skipped != "") != outside || outside && !strings.Contains(report.Skipped, "outside") && i != 3 {
				t.Errorf("step %d: %+v", i, report)
			}
		}
		// The method reports how often it has been asked.
		for i, want := range []int{1, 2, 3, 4, 1, 2, 3, 4} {
			if looks[i] != want {
				t.Errorf("steps are looked at for the %v-th time", looks)
				break
			}
		}
		if seen != 8 {
			t.Errorf("the observer has seen %d steps, want 8", seen)
		}
	})
}

// TestObserverOfAMethodWithoutMaps holds that it is not called where there is nothing to see.
func TestObserverOfAMethodWithoutMaps(t *testing.T) {
	synthetic.In(t, func() {
		m := given{Options: method().Options, measure: func(q torch.Tensor, _ int) guidance.Measurement { return term(1, q.Square().SumAll()) }}
		s := open(t, guidance.Config{Model: identity(torch.Float32), Method: m, Observe: func(m guidance.Maps) { t.Errorf("the observer has seen %+v", m) }})
		guide(t, s, synthetic.NewLatent(t, 1, torch.Float32), guidance.Step{Count: 5})
	})
}

// TestResumeNeedsLabels holds that no labels are no grid.
func TestResumeNeedsLabels(t *testing.T) {
	s := open(t, guidance.Config{Model: synthetic.Layers{}, Method: method()})
	if err := s.Resume(nil, 0, 0); err == nil || !strings.Contains(err.Error(), "0 labels") {
		t.Errorf("no labels give %v", err)
	}
}

// TestIdle holds that a run in which no step was to be guided says why, of the steps that the window chooses.
func TestIdle(t *testing.T) {
	o := guidance.Options{Start: 0.5, End: 1}
	report := func(index int, skipped string, wanted bool, moves int) []guidance.Report {
		return []guidance.Report{{Step: guidance.Step{Index: index, Count: 2}, Skipped: skipped, Wanted: wanted, Moves: moves}}
	}
	outside := report(0, "outside", false, 0)
	for want, reports := range map[string][][]guidance.Report{
		"nothing": {outside, report(1, "nothing", false, 0)},
		"":        {outside, report(1, "failed", true, 0)},
	} {
		if got := guidance.Idle(reports, o); got != want {
			t.Errorf("%+v: %q, want %q", reports, got, want)
		}
	}
	if got := guidance.Idle([][]guidance.Report{outside, report(1, "", true, 1)}, o); got != "" {
		t.Errorf("a run that was guided was idle: %q", got)
	}
}
