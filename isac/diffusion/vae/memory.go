package vae

import (
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// Outline is a model without weights, which tells its memory, its type and its device, and can do nothing else. Nothing is read.
func Outline(p *weights.Params, cfg Config) *Model { return &Model{Config: cfg, params: p} }

const (
	// attentionWork is how many times its channels the attention at the bottom takes.
	attentionWork = 9.0
	// reordered is how many times the CPU's convolutions take their weights, brought into another order.
	reordered = 2.0
	// stripWork is how many strips there are at once: what is normed, activated, convolved, in the orders of both sides.
	stripWork = 8.0
)

// DecodeMemory is the memory in bytes that Decode of one latent of height×width takes beside weights, counted from the decoder's code: that of
// the level that takes most.
func (m *Model) DecodeMemory(height, width int64) float64 {
	levels := m.Config.Levels
	bytes := float64(m.DType().Bytes())
	pixels := float64(height) * float64(width)
	channels := float64(levels[len(levels)-1].Channels)
	strip := stripWork * float64(strips.Bytes)
	weights := func(in, out float64) float64 {
		if m.Device() != torch.CPU {
			return 0
		}
		return reordered * 9 * in * out * bytes
	}
	cut := func(image float64) bool { return strips.Bytes > 0 && image >= float64(strips.Least) }
	most := attentionWork * channels * pixels * bytes
	for i := len(levels) - 1; i >= 0; i-- {
		out := float64(levels[i].Channels)
		image, made := channels*pixels*bytes, out*pixels*bytes
		if cut(image) {
			most = max(most, image+2*made+strip+weights(channels, out))
		} else {
			most = max(most, 3*image+made+weights(channels, out), image+4*made+weights(out, out))
		}
		if channels = out; i == 0 {
			break
		}
		if pixels *= 4; cut(4 * made) {
			most = max(most, 5*made+strip+weights(out, out))
		} else {
			most = max(most, 13*made+weights(out, out))
		}
	}
	return most
}
