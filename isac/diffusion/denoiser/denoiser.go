// Package denoiser says what every backbone can do: predict noise or velocity, show its attention, be told to stop. The backbones
// themselves are in the folders below.
package denoiser

import (
	"context"

	"github.com/isac-guidance/isac/isac/attention"
	"github.com/isac-guidance/isac/isac/torch"
)

// Denoiser is a network that predicts, from a noisy latent, its noise or velocity.
type Denoiser interface {
	// ForwardContext maps x [B,in,H,W], what the family's noise makes of the sampler's latent, at a timestep and under text [B,L,D]
	// to the prediction [B,out,H,W]. vector [B,V] is what the family conditions on besides the text, undefined where it has none. r,
	// which may be nil, records the attention layers that it wants; where it wants nothing else (Recorder.Only) the evaluation ends behind the
	// last of them, and the prediction is undefined. Tensors are of DType, on Device. It stops between blocks with ctx's error once ctx is
	// done, is differentiable with respect to x, and panics with *torch.Error where shapes do not fit.
	ForwardContext(ctx context.Context, x torch.Tensor, timestep float64, text, vector torch.Tensor, r *attention.Recorder) (torch.Tensor, error)
	// Layers are the taps that an evaluation on a latent of height×width records, in their order, without queries, keys and scale; tokens is
	// L of the text.
	Layers(height, width, tokens int) []attention.Tap
	// Checkpoint switches gradient checkpointing: blocks keep only their inputs, and are run again when gradients are taken.
	Checkpoint(on bool)
	DType() torch.DType
	Device() torch.Device
	// Close frees the weights.
	Close()
}
