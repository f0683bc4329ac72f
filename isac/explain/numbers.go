package explain

import (
	"encoding/json"

	"github.com/isac-guidance/isac/isac/guidance"
)

// Numbers is a comparison without pictures and maps: what maps.json holds.
type Numbers struct {
	Prompt   string        `json:"prompt"`
	Settings string        `json:"settings"`
	Classes  []ClassCount  `json:"classes"`
	Height   int           `json:"height"`
	Width    int           `json:"width"`
	Shown    []int         `json:"shown"`
	Plain    []StepNumbers `json:"plain"`
	Guided   []StepNumbers `json:"guided"`
}

// ClassCount is a class and how many of it were asked for.
type ClassCount struct {
	Name  string `json:"name"`
	Count int    `json:"count"`
}

// StepNumbers is one step's losses and where they come from. Losses are absent where the step was not measured.
type StepNumbers struct {
	Index        int             `json:"index"`
	Timestep     float64         `json:"timestep"`
	Losses       []guidance.Loss `json:"losses,omitempty"`
	Foreground   int             `json:"foreground"`
	Moves        int             `json:"moves"`
	StepNorm     float64         `json:"step_norm"`
	Skipped      string          `json:"skipped,omitempty"`
	InstancePeak *PeakNumber     `json:"instance_peak,omitempty"`
	ClassPeak    *PeakNumber     `json:"class_peak,omitempty"`
}

// PeakNumber is a peak at column X and row Y of the grid, counted from 0, of two instances or classes, counted from 0.
type PeakNumber struct {
	X      int     `json:"x"`
	Y      int     `json:"y"`
	First  int     `json:"first"`
	Second int     `json:"second"`
	Value  float64 `json:"value"`
}

// Numbers gives the comparison's numbers.
func (c *Comparison) Numbers() Numbers {
	n := Numbers{Prompt: c.Prompt, Settings: c.Settings, Shown: c.Shown}
	for _, class := range c.Target.Classes {
		n.Classes = append(n.Classes, ClassCount{class.Name, class.Count})
	}
	for i, run := range c.runs() {
		for at := range run.Steps {
			s := &run.Steps[at]
			if s.Report.Height > 0 {
				n.Height, n.Width = s.Report.Height, s.Report.Width
			}
			numbers := stepNumbers(at, s)
			if i == 0 {
				n.Plain = append(n.Plain, numbers)
			} else {
				n.Guided = append(n.Guided, numbers)
			}
		}
	}
	return n
}

func stepNumbers(at int, s *Step) StepNumbers {
	r := s.Report
	return StepNumbers{Index: at, Timestep: r.Timestep, Losses: r.Losses, Foreground: r.Foreground, Moves: r.Moves, StepNorm: r.StepNorm,
		Skipped: r.Skipped, InstancePeak: peakNumber(s.InstancePeak, r.Width), ClassPeak: peakNumber(s.ClassPeak, r.Width)}
}

func peakNumber(p *guidance.Peak, width int) *PeakNumber {
	if p == nil || width == 0 {
		return nil
	}
	return &PeakNumber{X: p.Pixel % width, Y: p.Pixel / width, First: p.First, Second: p.Second, Value: p.Value}
}

// marshalNumbers gives maps.json.
func (c *Comparison) marshalNumbers() ([]byte, error) {
	data, err := json.MarshalIndent(c.Numbers(), "", "  ")
	return append(data, '\n'), err
}
