package denoiser

import "github.com/isac-guidance/isac/isac/attention"

// Evaluation is an evaluation whose memory is asked for before it is made.
type Evaluation struct {
	// Batch is B, twice the number of images with classifier-free guidance; Height and Width are the latent's; Tokens is L of the text.
	Batch, Height, Width, Tokens int64
	// Gradient keeps what a gradient needs: a guided step. Checkpoint keeps only what comes into blocks.
	Gradient, Checkpoint bool
	// Streamed says that the maps of a guided step have no gradient.
	Streamed bool
	// Online says that with Checkpoint the maps of one image are made while the model is evaluated (attention.Online).
	Online bool
	// Recorded keeps the queries and keys of all attention layers, and has the maps of one image made of them, without gradient.
	Recorded bool
	// Fused says that libtorch's attention keeps no probabilities.
	Fused bool
	// Reorders says that convolutions bring their weights into another order each time, as the CPU's do.
	Reorders bool
}

// KeepsTaps tells whether the queries and keys of all layers stay until maps are made of them.
func (e Evaluation) KeepsTaps() bool { return !(e.Online && e.Checkpoint && e.Batch == 1) }

// Sized is a Denoiser that can tell the memory that an evaluation takes, in bytes, beside weights: activations, and with Gradient the
// attention maps that guidance makes of its taps. The figure is a float, for it may be beyond any integer. It is an estimate, held
// against measured peaks: no more than that, so whoever asks for memory asks for some more.
type Sized interface {
	Memory(e Evaluation) float64
}

// Layer is one attention layer over an image of Queries pixels.
type Layer struct {
	Queries, Keys, Heads float64
}

// Maps is the memory of a guided step's attention maps, in bytes, which are float32. With gradients they are those of all layers, each
// with what is added up of them, those that are made larger to the finest grid, and their gradients; without, what is added up and what is
// added to it, of the finest grid, and the part of the foreground, which is taken to be half of the grid: where it is all of it, clustering
// takes up to four such maps more. A softmax over image and text has a gradient of one layer at a time.
func Maps(layers []Layer, e Evaluation) float64 {
	finest, widest, grids := 0.0, 0.0, map[float64]bool{}
	sum := 0.0
	for _, l := range layers {
		finest, widest = max(finest, l.Queries), max(widest, l.Queries*l.Keys)
		grids[l.Queries] = true
		sum += 3 * l.Queries * l.Keys
	}
	if e.Streamed {
		return 4 * max(4*finest*finest, 2*widest)
	}
	return 4 * (sum + (4*float64(len(grids)-1)+8)*finest*finest)
}

// OnlineMaps is what maps that are made online take beside an evaluation with checkpoints, in bytes: on the way forward the sums over layers and
// the map that is added to one, later each layer's part of CA, and on the way back also the gradient of the rows that a loss depends on. text
// tells of a layer how many of its keys are the text's.
func OnlineMaps(layers []Layer, text func(Layer) float64) (ahead, kept, back float64) {
	grids, widest := map[float64]bool{}, 0.0
	for _, l := range layers {
		tokens := text(l)
		kept += 4 * l.Queries * tokens
		if l.Keys > tokens {
			back += 4 * attention.OnlineRows * l.Queries
			widest = max(widest, 4*l.Queries*l.Keys)
			if !grids[l.Queries] {
				grids[l.Queries] = true
				ahead += 4 * l.Queries * l.Queries
			}
		}
	}
	return ahead + kept + 2*widest, kept, kept + back
}

// piece is how many scores an attention that is not fused makes at once, where it makes them in pieces: more are neither made nor kept
// together.
const piece = 1 << 21

// Probabilities is the memory of attention's probabilities where attention is not fused, in bytes of elements of a width: with a
// gradient they are kept of all layers that take one piece, or of one with checkpoints, and the gradient of the largest takes twice as
// much.
func Probabilities(layers []Layer, e Evaluation, width float64) float64 {
	kept, most := Scores(layers, e, width)
	switch {
	case !e.Gradient:
		return 0
	case e.Checkpoint:
		return 3 * most
	}
	return kept + 2*most
}

// Scores tells of attention that is not fused what a gradient keeps of all layers without checkpoints, and what the largest piece takes, of
// which there are two while it is made: scores and probabilities. Both are in bytes of elements of a width.
func Scores(layers []Layer, e Evaluation, width float64) (kept, most float64) {
	if e.Fused {
		return 0, 0
	}
	for _, l := range layers {
		one := float64(e.Batch) * l.Heads * l.Queries * l.Keys
		if one <= piece {
			kept += one * width
		}
		most = max(most, min(one, piece)*width)
	}
	return kept, most
}
