package denoiser

import (
	"context"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Residuals are what control nets add to the states of a UNet, of its type and place. The zero value adds nothing.
type Residuals struct {
	// Skips are for the states that the way up takes in from the way down, each [B,C,h,w], in the order of the way down.
	Skips []torch.Tensor
	// Bottom is for the state of the coarsest level.
	Bottom torch.Tensor
}

// Any tells whether there is anything to add.
func (a Residuals) Any() bool { return a.Bottom.Defined() }

// Plus adds what another control net adds.
func (a Residuals) Plus(b Residuals) Residuals {
	switch {
	case !a.Any():
		return b
	case !b.Any():
		return a
	}
	sum := Residuals{Bottom: a.Bottom.Add(b.Bottom)}
	for i, skip := range a.Skips {
		sum.Skips = append(sum.Skips, skip.Add(b.Skips[i]))
	}
	return sum
}

// Controlled is a denoiser that control nets can add to.
type Controlled interface {
	Denoiser
	// ForwardControlled is ForwardContext with residuals, and is differentiable with respect to them too. It panics with *torch.Error where
	// they are not as many as the network has states.
	ForwardControlled(ctx context.Context, x torch.Tensor, timestep float64, text, vector torch.Tensor, add Residuals, r *attention.Recorder) (torch.Tensor, error)
}
