package isac

import (
	"errors"
	"math"

	"github.com/isac-guidance/isac/isac/guidance"
)

// Selector is ISAC_LS: it moves no latent and takes no gradient, but measures ISAC's losses in several runs of an image and keeps the one
// with the lowest sum (see guidance.Selection). Its window [Start, End) is where it measures; behind its end the one that was chosen
// goes on alone. Take SelectPaper or SelectTyped and change what you need. It is a guidance.Method and a guidance.Chooser.
type Selector struct {
	// Options are ISAC's. Of them those have no effect that are about steps: see Without.
	Options
	guidance.Selection
}

var (
	_ guidance.Method  = Selector{}
	_ guidance.Chooser = Selector{}
)

// SelectPaper measures as Paper does, at every step, in eight candidates.
func SelectPaper() Selector { return selectorOf(Paper()) }

// SelectTyped measures as Typed does, but at every step, in eight candidates.
func SelectTyped() Selector {
	o := Typed()
	o.End = 1
	return selectorOf(o)
}

func selectorOf(o Options) Selector {
	return Selector{Options: o, Selection: guidance.Selection{Candidates: 8, Keep: 0.5}}
}

// Name is "isac_ls".
func (Selector) Name() string { return "isac_ls" }

// Choice says how one of the candidates is found.
func (s Selector) Choice() guidance.Selection { return s.Selection }

// Without names the options that are about moves and gradients, which it does not take, and about single steps: it measures a window.
func (Selector) Without() []string {
	return []string{"eta", "step_rule", "direction", "direction_seed", "loss_scale", "engine", "every", "at", "skip_below", "reuse"}
}

// Validate reports every option that is out of range, all at once.
func (s Selector) Validate() error {
	return errors.Join(s.Options.Validate(), guidance.Collect(s.Name(), s.Selection.Check))
}

// Begin makes it ready for one candidate. It fails where Options.Begin does.
func (s Selector) Begin(target guidance.Target) (guidance.Guide, error) {
	g, err := s.Options.Begin(target)
	return selecting{g.(*guide)}, err
}

// selecting is ISAC that judges by what was measured alone.
type selecting struct{ *guide }

// Score is Σ_t L_t over the steps of the window. A step whose losses could not be measured (Report.Skipped: no contrast, a foreground of
// too few pixels) counts as the run's largest: a sum without it would speak for a run of which nothing is known there. It is +Inf where
// no step was measured.
func (g selecting) Score(reports []guidance.Report) float64 {
	sum, most, measured, holes := 0.0, 0.0, 0, 0
	for _, r := range reports {
		if first, end := g.opt.Window(r.Count); r.Height == 0 || r.Index < first || r.Index >= end {
			continue // not looked at, or not to be
		}
		if r.Skipped != "" {
			holes++
			continue
		}
		measured++
		sum += r.Loss
		most = math.Max(most, r.Loss)
	}
	if measured == 0 {
		return math.Inf(1)
	}
	return sum + float64(holes)*most
}
