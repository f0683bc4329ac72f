package nodes

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// Latent is the value of type LATENT.
type Latent struct {
	held
	// Samples is [B,C,h,w], float32, unscaled, as ComfyUI's LATENT; undefined for an empty latent, whose channels and factor
	// only a model can tell. Kept out of all scopes until Close.
	Samples torch.Tensor
	// Width, Height are those of the images in pixels, Batch is B.
	Width, Height, Batch int
	// Mask is 1 where the latent is to be sampled anew and 0 where it stays, [M,H,W] of any size; undefined for everywhere. Kept until Close.
	Mask torch.Tensor
	// BatchIndex has for each image which noise of its batch it starts from; nil for the first, the second, ….
	BatchIndex []int
	// Reports holds one list for each image: one Report for each step of its sampling, none if the prompt
	// gave nothing to guide towards. Nil if the model was not a guided one.
	Reports [][]guidance.Report
	// Target is what guidance aimed at; it has no classes if there was none.
	Target guidance.Target
}

// ComfyType is "LATENT".
func (*Latent) ComfyType() string { return "LATENT" }

// newLatent takes samples [B,C,h,w] over; factor is how many pixels one of theirs stands for along each side.
func newLatent(samples torch.Tensor, factor int) *Latent {
	shape := samples.Shape()
	l := &Latent{
		Samples: samples.Keep(), Batch: int(shape[0]),
		Height: int(shape[2]) * factor, Width: int(shape[3]) * factor,
	}
	l.held.free = l.close
	return l
}

func (l *Latent) close() {
	for _, t := range []torch.Tensor{l.Samples, l.Mask} {
		if t.Defined() {
			t.Close()
		}
	}
}

// clone gives an equal latent that is closed on its own.
func (l *Latent) clone() *Latent {
	if !l.Samples.Defined() {
		return l.like(torch.Tensor{})
	}
	return l.like(l.Samples.Clone())
}

// like gives a latent of other samples [B,C,h,w], which it takes over, with all else of l but for sizes. Undefined samples are those of a latent
// that is empty, as l is then.
func (l *Latent) like(samples torch.Tensor) *Latent {
	c := &Latent{Width: l.Width, Height: l.Height, Batch: l.Batch, BatchIndex: l.BatchIndex, Reports: l.Reports, Target: l.Target}
	if samples.Defined() {
		f, shape := l.factor(), samples.Shape()
		c.Samples, c.Batch, c.Height, c.Width = samples.Keep(), int(shape[0]), int(shape[2])*f, int(shape[3])*f
	}
	if l.Mask.Defined() {
		c.Mask = l.Mask.Clone().Keep()
	}
	c.held.free = c.close
	return c
}

// whole gives the size of the images of an empty latent in whole pixels of latents, as ComfyUI's node floors it, and says so where it is
// another than was asked for.
func (l *Latent) whole(factor int) (width, height int, note string) {
	floor := func(n int) int {
		if n < factor {
			return n // is refused by who makes the latents
		}
		return n / factor * factor
	}
	width, height = floor(l.Width), floor(l.Height)
	if width != l.Width || height != l.Height {
		note = fmt.Sprintf("%d×%d pixels become %d×%d: this model makes sizes that are multiples of %d", l.Width, l.Height, width, height, factor)
	}
	return width, height, note
}

// masked gives the same latent with another mask, which it takes over.
func (l *Latent) masked(mask torch.Tensor) *Latent {
	c := l.clone()
	if c.Mask.Defined() {
		c.Mask.Close()
	}
	c.Mask = mask.Keep()
	return c
}

// factor is how many pixels one of the samples stands for along each side.
func (l *Latent) factor() int { return l.Width / int(l.Samples.Size(3)) }
