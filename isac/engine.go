package isac

import "github.com/isac-guidance/isac/isac/torch"

// engine turns the taps of one evaluation into the loss terms. There may be several ways to the same numbers: dense forms every
// map and is the reference.
type engine interface {
	// measure works on checked taps, in the caller's scope; its terms have gradients where those are enabled. It fills in maps
	// as far as it comes, but for what a report has, unless maps is nil.
	measure(r reading, maps *Maps) (measurement, error)
	// resume gives the clusters of an earlier step: the label of each pixel of the grid, -1 on the background.
	resume(labels []int, at grid)
}

// measurement is what an engine found.
type measurement struct {
	// skipped tells why there is no loss at this step, "" if there is.
	skipped string
	// instance and class are L_ins (8) and L_cls (12), scalars with gradient; undefined where they are 0 by definition: one
	// instance, one class.
	instance, class torch.Tensor
	// pixels are the foreground's, in row-major order on the reading's grid.
	pixels []int
	// labels holds the instance, 0..N-1, of each foreground pixel.
	labels []int
	// masks is M [F,N], without gradient.
	masks torch.Tensor
}
