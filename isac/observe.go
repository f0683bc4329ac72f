package isac

import "github.com/isac-guidance/isac/isac/torch"

// Maps is everything that one measured step saw, copied to Go memory. Of a step that was skipped on the way (Report.Skipped) it
// holds what was known by then, and the rest is nil. HW is Height·Width; maps are in row-major order.
type Maps struct {
	// Height and Width are the grid H×W on which maps are accumulated.
	Height, Width int
	// Self is SA [HW,HW] (3), row by row, normalised as the loss has it.
	Self []float32
	// Cross holds CA (4) for each class of the target: its tokens' columns, normalised and joined to one, HW values.
	Cross [][]float32
	// Prop holds the column of CA^prop (7) of each class, HW values.
	Prop [][]float32
	// ClassForeground holds CA^bin (9) of each class: where its column of Prop is above its own mean.
	ClassForeground [][]bool
	// Foreground is M_fg, the union of ClassForeground.
	Foreground []bool
	// Labels holds the instance of each pixel, 0..N-1, or -1 on the background.
	Labels []int
	// Masks are the soft masks M[i] (11) of the N instances, HW values each, 0 on the background.
	Masks [][]float32
	// InstancePeak and ClassPeak are where the maximum pixel-wise overlap (6) of two instances and of two classes is reached,
	// whichever overlap the losses are made of; nil where there is one instance, or one class.
	InstancePeak, ClassPeak *Peak
	// Report is what the step reports.
	Report Report
}

// Peak is the place where two masks overlap most, max_p A[p]·B[p] (6).
type Peak struct {
	// Pixel is the place on the grid, in row-major order.
	Pixel int
	// First and Second are the two instances or classes, First < Second.
	First, Second int
	// Value is the product there.
	Value float64
}

// Observe has fn called at the end of each step at which the model was looked at, in Guide and in Measure, before they return.
// Steps that are skipped without a look at the model, because they are outside the window or leave nothing to separate, have
// nothing to show. nil turns it off. Maps are copied only for an observer: on a grid of 64×64 it costs 64 MiB a step.
func (s *Session) Observe(fn func(Maps)) { s.observer = fn }

// Measure looks at a step without taking it: it evaluates the model at x as Guide does, without gradient, and reports losses
// and masks. The window of guided steps does not matter to it, nor does a target that leaves nothing to separate: its losses
// are 0. Like a guided step it remembers the clusters for the step after. It fails where Guide does.
func (s *Session) Measure(x torch.Tensor, step Step) (Report, error) {
	_, report, err := s.run("measured", x, step, func(report *Report, maps *Maps) (torch.Tensor, error) {
		return torch.Tensor{}, s.look(x, report, maps)
	})
	return report, err
}

// columns copies each column of t [P,n].
func columns(t torch.Tensor) [][]float32 {
	n := int(t.Size(1))
	values := t.Detach().Float32s()
	out := make([][]float32, n)
	for i := range out {
		out[i] = make([]float32, len(values)/n)
		for p := range out[i] {
			out[i][p] = values[p*n+i]
		}
	}
	return out
}

// marks tells of each column of t [P,n], which holds zeros and ones, where the ones are; and where any column has one.
func marks(t torch.Tensor) (each [][]bool, any []bool) {
	for _, column := range columns(t) {
		if any == nil {
			any = make([]bool, len(column))
		}
		is := make([]bool, len(column))
		for p, v := range column {
			is[p] = v != 0
			any[p] = any[p] || is[p]
		}
		each = append(each, is)
	}
	return each, any
}
