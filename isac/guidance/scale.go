package guidance

import (
	"cmp"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// In float16 a gradient passes through numbers between 6e-8 and 65504. How large it becomes within the network depends on the loss,
// which may be a thousandth or some thousands, and on the model, so the loss is scaled by its own size at first, and by less or more
// where the gradient comes out infinite, or so small that its digits were lost on the way.
const (
	// scaledLoss is what the loss is brought to at first.
	scaledLoss = 1024
	// faint is the norm of a scaled gradient below which most of it has underflowed.
	faint = 1
	// rescale is by how much a scale that failed is changed; a power of two, as scales are, so that they cost no digits.
	rescale = 16
	// attempts bounds the backward passes of one step.
	attempts = 8
)

// scaled is the gradient of a loss through a float16 model, in a wide type: the first that is finite and not faint. Where there is none
// it is what the last attempt gave.
func (s *Session) scaled(loss, leaf torch.Tensor, value float64) torch.Tensor {
	s.firstScale(value)
	var gradient torch.Tensor
	shrunk := false
	for attempt := range attempts {
		gradient = wide(torch.VJP([]torch.Tensor{loss.MulScalar(s.scale)}, nil, []torch.Tensor{leaf}, attempt+1 < attempts)[0])
		norm := gradient.NormAll().Item()
		gradient = gradient.DivScalar(s.scale)
		switch {
		case !finite(norm):
			s.scale /= rescale
			shrunk = true
		case norm < faint && !shrunk: // after an overflow it is what there is
			s.scale *= rescale
		default:
			return gradient
		}
	}
	return gradient
}

// firstScale chooses the scale of a run's first loss.
func (s *Session) firstScale(value float64) {
	if s.scale == 0 {
		s.scale = s.options.LossScale
	}
	if s.scale == 0 {
		s.scale = powerOfTwo(scaledLoss / math.Max(math.Abs(value), 1e-6))
	}
}

// legible tells whether a scaled gradient of this norm has its digits.
func legible(norm float64) bool { return finite(norm) && norm >= faint }

// lossScale is what a loss is multiplied by at its first backward pass.
func (s *Session) lossScale(seen *look) float64 {
	if seen.half {
		s.firstScale(seen.loss)
		return s.scale
	}
	return cmp.Or(s.options.LossScale, 1)
}

// powerOfTwo is the power of two next to a positive number.
func powerOfTwo(v float64) float64 { return math.Exp2(math.Round(math.Log2(v))) }
