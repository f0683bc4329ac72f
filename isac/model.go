package isac

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// Kind tells what the keys of an attention layer are.
type Kind int

const (
	// SelfAttention has the image's own positions as keys.
	SelfAttention Kind = iota
	// CrossAttention has the text's tokens as keys.
	CrossAttention
)

// String names the kind as messages print it.
func (k Kind) String() string {
	switch k {
	case SelfAttention:
		return "self-attention"
	case CrossAttention:
		return "cross-attention"
	}
	return fmt.Sprintf("attention kind %d", int(k))
}

// Tap is one attention layer that is read: what it needs to form the probabilities softmax(Scale·Q·Kᵀ), not the
// probabilities themselves, so that each way of computing the loss forms only those that it needs.
type Tap struct {
	// Name is the layer's name in the checkpoint; messages use it.
	Name string
	// Kind tells whether the keys are image positions or text tokens.
	Kind Kind
	// Height and Width are the layer's grid; its Height·Width queries lie in row-major order.
	Height, Width int
	// Q holds the queries, [1, heads, Height·Width, d], of any floating type.
	Q torch.Tensor
	// K holds the keys: [1, heads, Height·Width, d] of a self-attention layer, [1, heads, L, d] of a cross-attention layer.
	K torch.Tensor
	// Scale multiplies the scores, normally 1/√d.
	Scale float64
}

// Model is what guidance needs of a diffusion model.
type Model interface {
	// Taps evaluates the model once, on the conditional side alone, at the latent x = X_t, [1,C,H,W] in the
	// variance-preserving parametrisation X_t = √ᾱ x_0 + √(1−ᾱ) ε, and returns its tapped layers. Where gradients are
	// enabled the taps must be differentiable with respect to x. It panics with *torch.Error, as ops do.
	Taps(x torch.Tensor, timestep float64) []Tap
}
