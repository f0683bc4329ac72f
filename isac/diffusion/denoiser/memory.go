package denoiser

// Evaluation is an evaluation whose memory is asked for before it is made.
type Evaluation struct {
	// Batch is B, twice the number of images with classifier-free guidance; Height and Width are the latent's; Tokens is L of the text.
	Batch, Height, Width, Tokens int64
	// Gradient keeps what a gradient needs: a guided step. Checkpoint keeps only what comes into blocks.
	Gradient, Checkpoint bool
	// Fused says that libtorch's attention keeps no probabilities.
	Fused bool
}

// Sized is a Denoiser that can tell the memory that an evaluation takes, in bytes, beside weights: activations, and with Gradient the
// attention maps that guidance makes of its taps. The figure is a float, for it may be beyond any integer. It is an estimate, calibrated
// by measured peaks, and rather too large.
type Sized interface {
	Memory(e Evaluation) float64
}

// Layer is one attention layer over an image of Queries pixels.
type Layer struct {
	Queries, Keys, Heads float64
}

// Maps is the memory of a guided step's attention maps, in bytes: those of all layers, which are float32, each with what is added up of
// them, those that are made larger to the finest grid, and their gradients.
func Maps(layers []Layer) float64 {
	finest, grids := 0.0, map[float64]bool{}
	sum := 0.0
	for _, l := range layers {
		finest = max(finest, l.Queries)
		grids[l.Queries] = true
		sum += 3 * l.Queries * l.Keys
	}
	return 4 * (sum + (4*float64(len(grids)-1)+8)*finest*finest)
}

// Probabilities is the memory of attention's probabilities where attention is not fused, in bytes of elements of a width: with a
// gradient they are kept of all layers, or of one with checkpoints, and the gradient of the largest takes four times as much.
func Probabilities(layers []Layer, e Evaluation, width float64) float64 {
	if e.Fused || !e.Gradient {
		return 0
	}
	all, most := 0.0, 0.0
	for _, l := range layers {
		one := float64(e.Batch) * l.Heads * l.Queries * l.Keys * width
		all, most = all+one, max(most, one)
	}
	if e.Checkpoint {
		all = most
	}
	return all + 4*most
}
