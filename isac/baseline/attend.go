package baseline

import (
	"errors"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// LossAttend is the name of Attend-and-Excite's loss in reports: 1 less the strongest attention to the weakest class, in [0,1].
const LossAttend = "attend"

// attendTemperature multiplies attention before its softmax over tokens.
const attendTemperature = 100

// attend is Attend-and-Excite at work on one run of one image.
type attend struct {
	opt     AttendExcite
	target  guidance.Target
	refined bool // at this step: what refinement is to reach is reached, or it has given up
}

// Begin makes Attend-and-Excite ready for one run towards target. It fails where a class stands at the token that is left out.
func (o AttendExcite) Begin(target guidance.Target) (guidance.Guide, error) {
	return &attend{opt: o, target: target}, outside(target, 0, "first")
}

// outside reports every class with a token at a position that is left out of the softmax.
func outside(target guidance.Target, position int, which string) error {
	var errs []error
	for _, c := range target.Classes {
		for _, p := range c.Tokens {
			if p == position {
				errs = append(errs, fmt.Errorf("%s: %s: token position %d is left out, as the %s of the sequence: reword the prompt", attendName, c.Name, p, which))
			}
		}
	}
	return errors.Join(errs...)
}

// Idle is always "": every step inside the window is looked at.
func (g *attend) Idle(guidance.Step) string { return "" }

// Measure computes the loss max_s max(0, 1 − max_p Â_s[p]) of the classes s, where Â_s are the smoothed columns of a softmax over
// tokens. Of a class of several tokens the most strongly attended one counts.
func (g *attend) Measure(r attention.Reading, _ guidance.Step, maps *guidance.Maps) (guidance.Measurement, error) {
	r, err := g.read(r)
	if err != nil {
		return guidance.Measurement{}, err
	}
	_, cross := attention.Accumulate(r, attention.Options{Renormalise: g.opt.RenormaliseJoint})
	seen := g.classes(g.tokens(cross, r.Top))
	if maps != nil {
		maps.Height, maps.Width = r.Top.Height, r.Top.Width
		for i := range g.target.Classes {
			maps.Cross = append(maps.Cross, seen.Detach().Select(0, int64(i)).Float32s())
		}
	}
	missing := seen.Amax([]int64{1, 2}, false).Neg().AddScalar(1).Relu()
	return guidance.Measurement{
		Height: r.Top.Height, Width: r.Top.Width,
		Terms: []guidance.Term{{Name: LossAttend, Weight: 1, Value: missing.MaxAll()}},
	}, nil
}

// tokens gives Â of the target's tokens, class by class, [m,H,W]: the softmax of cross [HW,L] over all tokens but the first and the
// last, smoothed. The first token draws most of the attention whatever the prompt says, so the scale would be its own.
func (g *attend) tokens(cross torch.Tensor, at attention.Grid) torch.Tensor {
	columns := g.target.Positions()
	for i := range columns {
		columns[i]-- // the first token is gone
	}
	words := cross.Narrow(1, 1, cross.Size(1)-2).MulScalar(attendTemperature).Softmax(1)
	words = words.IndexSelect(1, torch.FromInt64s(columns, int64(len(columns))).ToDevice(words.Device()))
	return smooth(words.Transpose(0, 1).Reshape(int64(len(columns)), int64(at.Height), int64(at.Width)))
}

// classes joins the maps of the tokens of each class to one, the largest value at each position: [m,H,W] to [k,H,W].
func (g *attend) classes(tokens torch.Tensor) torch.Tensor {
	out := make([]torch.Tensor, len(g.target.Classes))
	first := int64(0)
	for i, c := range g.target.Classes {
		n := int64(len(c.Tokens))
		out[i] = tokens.Narrow(0, first, n).Amax([]int64{0}, false)
		first += n
	}
	return torch.Stack(out, 0)
}

// Pace is √(1 − i/2(n−1)) at step i of n: from 1 at the first step of a run to √½ at the last.
func (g *attend) Pace(step guidance.Step) float64 {
	if step.Count == 1 {
		return 1
	}
	return math.Sqrt(1 - 0.5*float64(step.Index)/float64(step.Count-1))
}

// Again refines. A refined step whose loss is too large is moved until it was small enough before a move, or Tries times, and once
// more, as every step is; other steps are moved once.
func (g *attend) Again(step guidance.Step, moves int, loss float64) bool {
	enough := 1 - g.opt.threshold(step)
	if moves == 1 {
		g.refined = loss <= enough
	}
	if g.refined {
		return false
	}
	g.refined = moves > 1 && loss <= enough || moves >= g.opt.Tries
	return true
}

// threshold is what a class has to reach at a step, 0 where it is not refined. In a run so short that two thresholds fall on one step,
// the later one counts.
func (o AttendExcite) threshold(step guidance.Step) float64 {
	if !o.Refine {
		return 0
	}
	reach := 0.0
	for fifths, t := range []float64{o.Threshold.First, o.Threshold.Second, o.Threshold.Third} {
		if step.Index == (fifths*step.Count+4)/5 {
			reach = t
		}
	}
	return reach
}
