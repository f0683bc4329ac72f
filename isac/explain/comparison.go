package explain

import (
	"fmt"
	"image"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/guidance"
)

// Step is what one sampling step showed.
type Step struct {
	// Maps is what was seen before the step was taken. Its Report is always there. Its maps are of Height·Width pixels; they are
	// nil where the step was not measured, or is not among the Comparison's Shown.
	guidance.Maps
	// Denoised is what the model believed the image to be after the step, of the image's size; nil where it is not shown.
	Denoised image.Image
}

// Run is one of the two runs: its steps, from noise to image, and the image.
type Run struct {
	Steps []Step
	Image image.Image
}

// Comparison is two runs that start from the same noise: Plain is left alone, Guided is moved by a guidance method.
type Comparison struct {
	// Prompt is what both images were to show.
	Prompt string
	// Settings says in a few words how they were made: sampler, steps, seed, preset.
	Settings string
	// Target is what guidance aimed at. Class j's maps are Maps.Cross[j] and Maps.Prop[j].
	Target guidance.Target
	// Shown are the steps whose maps were kept, counted from 0, ascending.
	Shown []int

	Plain, Guided Run
}

// runs gives both runs in the order in which sheets show them.
func (c *Comparison) runs() [2]*Run { return [2]*Run{&c.Plain, &c.Guided} }

// names are what sheets call the runs.
var names = [2]string{"plain", "guided"}

// losses are the names of all losses that were measured, in the method's order.
func (c *Comparison) losses() []string {
	var names []string
	for _, run := range c.runs() {
		for _, s := range run.Steps {
			for _, l := range s.Report.Losses {
				if !slices.Contains(names, l.Name) {
					names = append(names, l.Name)
				}
			}
		}
	}
	return names
}

// Check says what keeps a comparison from being drawn: runs of different lengths or of no step, steps shown that they do not
// have, maps of another number of classes or of another size than their grid.
func (c *Comparison) Check() error {
	count := len(c.Plain.Steps)
	if count == 0 || count != len(c.Guided.Steps) {
		return fmt.Errorf("explain: the plain run has %d steps and the guided one %d: both must have the same number, at least 1", count, len(c.Guided.Steps))
	}
	if len(c.Shown) == 0 {
		return fmt.Errorf("explain: no step is shown: choose some of 0 to %d", count-1)
	}
	if err := checkShown(c.Shown, count); err != nil {
		return err
	}
	for r, run := range c.runs() {
		for i := range run.Steps {
			if err := c.checkMaps(&run.Steps[i].Maps); err != nil {
				return fmt.Errorf("explain: %s run, step %d: %w", names[r], i, err)
			}
		}
	}
	return nil
}

// checkMaps says what keeps one step's maps from being drawn. Maps that are nil are left out of its pictures.
func (c *Comparison) checkMaps(m *guidance.Maps) error {
	cells := m.Height * m.Width
	sizes := []struct {
		what      string
		got, want int
	}{
		{"self-attention", len(m.Self), cells * cells}, {"the foreground", len(m.Foreground), cells}, {"the list of labels", len(m.Labels), cells},
	}
	for _, planes := range []struct {
		what string
		of   [][]float32
		most int
	}{
		{"cross-attention", m.Cross, len(c.Target.Classes)}, {"propagated attention", m.Prop, len(c.Target.Classes)},
		{"an instance mask", m.Masks, c.Target.Instances()},
	} {
		if n := len(planes.of); n != 0 && n != planes.most {
			return fmt.Errorf("there are %d maps of %s, the target has %d", n, planes.what, planes.most)
		}
		for _, plane := range planes.of {
			sizes = append(sizes, struct {
				what      string
				got, want int
			}{planes.what, len(plane), cells})
		}
	}
	for _, s := range sizes {
		if s.got != s.want && s.got != 0 {
			return fmt.Errorf("%s has %d values, expected %d on a grid of %d×%d", s.what, s.got, s.want, m.Height, m.Width)
		}
	}
	for i, label := range m.Labels {
		if label < -1 || label >= c.Target.Instances() {
			return fmt.Errorf("pixel %d is of instance %d, there are %d", i, label, c.Target.Instances())
		}
	}
	for _, peak := range []*guidance.Peak{m.InstancePeak, m.ClassPeak} {
		if peak != nil && (peak.Pixel < 0 || peak.Pixel >= cells) {
			return fmt.Errorf("a peak is at pixel %d, the grid has %d", peak.Pixel, cells)
		}
	}
	return nil
}

// checkShown says which steps a run of count steps does not have.
func checkShown(shown []int, count int) error {
	var wrong []string
	for _, i := range shown {
		if i < 0 || i >= count {
			wrong = append(wrong, fmt.Sprint(i))
		}
	}
	switch len(wrong) {
	case 0:
		return nil
	case 1:
		return fmt.Errorf("step %s is to be shown, but the run has steps 0 to %d", wrong[0], count-1)
	}
	return fmt.Errorf("steps %s are to be shown, but the run has steps 0 to %d", strings.Join(wrong, ", "), count-1)
}

// Usual are the steps of a run of count that are shown where none are chosen: most of them early, where the layout is made.
func Usual(count int) []int {
	var shown []int
	for _, part := range []float64{0, 0.1, 0.25, 0.5, 1} {
		shown = append(shown, int(part*float64(count-1)+0.5))
	}
	return sorted(shown)
}

// sorted gives steps in ascending order, each once.
func sorted(shown []int) []int {
	shown = slices.Clone(shown)
	slices.Sort(shown)
	return slices.Compact(shown)
}
