package score

import (
	"math"
	"strconv"

	"github.com/isac-guidance/isac/isac/bench/detect"
)

// Round gives a copy with numbers as short as they are meaningful: boxes to 0.1 px, scores to 3 decimals, seconds to 1 ms, losses
// and movements to 5 significant digits. It is what Write writes, so a record that is judged before it is written may differ at a
// threshold from what is read back: judge r.Round(). Rounding twice changes nothing.
func (r Record) Round() Record {
	r.Seconds = decimals(r.Seconds, 1e3)
	if r.Found != nil {
		found := make(map[string][]detect.Detection, len(r.Found))
		for name, list := range r.Found {
			short := make([]detect.Detection, len(list)) // never nil: [] tells "looked and saw nothing"
			for i, d := range list {
				short[i] = detect.Detection{Class: d.Class, Score: decimals(d.Score, 1e3), Box: detect.Box{
					X0: decimals(d.Box.X0, 10), Y0: decimals(d.Box.Y0, 10), X1: decimals(d.Box.X1, 10), Y1: decimals(d.Box.Y1, 10),
				}}
			}
			found[name] = short
		}
		r.Found = found
	}
	if r.Losses != nil {
		losses := make([]StepLoss, len(r.Losses))
		for i, l := range r.Losses {
			l.Instance, l.Class, l.Loss, l.Moved = digits(l.Instance), digits(l.Class), digits(l.Loss), digits(l.Moved)
			losses[i] = l
		}
		r.Losses = losses
	}
	if r.Choice != nil {
		short := Choice{Seed: r.Choice.Seed, Losses: make([]*float64, len(r.Choice.Losses))}
		for i, l := range r.Choice.Losses {
			if l != nil {
				v := digits(*l)
				short.Losses[i] = &v
			}
		}
		r.Choice = &short
	}
	return r
}

// decimals rounds to parts of 1/scale. Values too large to have decimals, and what is no number, stay as they are.
func decimals(v, scale float64) float64 {
	if math.IsNaN(v) || math.Abs(v) > 1e12 {
		return v
	}
	return math.Round(v*scale) / scale
}

// digits rounds to 5 significant digits.
func digits(v float64) float64 {
	short, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 5, 64), 64)
	if err != nil { // rounded up beyond the largest number
		return v
	}
	return short
}
