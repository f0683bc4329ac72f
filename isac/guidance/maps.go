package guidance

// Maps is everything that one measured step saw, copied to Go memory. A method fills in those maps that it has. Of a step that was
// skipped on the way (Report.Skipped) it holds what was known by then, and the rest is nil. HW is Height·Width; maps are in
// row-major order. Equation numbers are ISAC's.
type Maps struct {
	// WantSelf asks the method for Self; see Config.ObserveSelf.
	WantSelf bool
	// Height and Width are the grid H×W on which maps are accumulated.
	Height, Width int
	// Self is SA [HW,HW] (3), row by row, normalised as the loss has it; nil where it was not asked for.
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
	// whichever overlap the losses are made of; nil where there is one instance, or one class, or the method has no such thing.
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
