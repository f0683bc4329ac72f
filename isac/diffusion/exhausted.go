package diffusion

import (
	"math"

	"github.com/isac-guidance/isac/isac/guidance"
	"github.com/isac-guidance/isac/isac/torch"
)

// spared remembers where memory ran out, for as long as a model is loaded: a guided evaluation of such a size or a larger one keeps only the
// inputs of blocks, whatever was asked for. It belongs to the model's goroutine.
type spared struct{ from float64 }

// at says whether an evaluation of height×width pixels of latents is spared.
func (s *spared) at(height, width int64) bool {
	return s.from > 0 && float64(height)*float64(width) >= s.from
}

// note has an evaluation of that size spared from now on.
func (s *spared) note(height, width int64) {
	if s.from == 0 {
		s.from = math.Inf(1)
	}
	s.from = min(s.from, float64(height)*float64(width))
}

var _ guidance.Frugal = conditional{}

// Exhausted has a guided step tried once more with gradient checkpoints, after text encoders left and what is kept in reserve was given back, and where that fails too
// makes a *MemoryError of it.
func (c conditional) Exhausted(cause error, again bool) error {
	c.p.spare()
	if c.last.Height == 0 { // nothing was evaluated yet
		return cause
	}
	e := *c.last
	if !again {
		c.p.spared.note(e.Height, e.Width)
		return nil
	}
	e.Gradient, e.Streamed, e.Checkpoint = true, true, true
	what := "a guided step of " + c.p.imagesOf([]int64{1, 0, e.Height, e.Width})
	return c.p.exhausted(what, need{device: c.p.evaluation(e)}, cause, []string{"gradient checkpoints"})
}

// evaluate evaluates the model for a sampler, D and where it is asked for D_negative. Where memory runs out it does so once more one image at a
// time, after text encoders left and what is kept in reserve was given back, and the run keeps to that.
func (r *run) evaluate(x torch.Tensor, sigma float64, negative bool) (out []torch.Tensor, err error) {
	if r.selection != nil {
		return r.selection.denoised(x, sigma)
	}
	try := func() error {
		return torch.Try(func() (err error) {
			out, err = r.denoise.evaluate(x, sigma, negative)
			return err
		})
	}
	if err = try(); !torch.IsOutOfMemory(err) {
		return out, err
	}
	r.p.spare()
	r.denoise.part = 1
	if err = try(); !torch.IsOutOfMemory(err) {
		return out, err
	}
	r.p.empty()
	plain := *r.request
	plain.Guidance, plain.Decode = nil, false
	return nil, r.p.exhausted(r.p.imagesOf(r.plan.shape), r.p.needOf(&plain, r.plan.shape, 1), err, []string{"one image at a time"})
}
