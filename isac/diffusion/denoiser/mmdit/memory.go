package mmdit

import "github.com/isac-guidance/isac/isac/diffusion/denoiser"

// How many times a token's width a block takes of both streams, and what of it a gradient keeps: four times the width in the feed-forward
// layer, twice; queries, keys and values; what is normalised and modulated.
const (
	blockWork = 34.0
	blockKept = 13.5
	blockGrad = 16.0 // gradients that there are at once when one comes back to a block
)

var _ denoiser.Sized = (*Model)(nil)

// Memory tells what an evaluation takes. See denoiser.Sized.
func (m *Model) Memory(e denoiser.Evaluation) float64 {
	return m.Config.Memory(e, float64(m.DType().Bytes()))
}

// Memory is what an evaluation of a model takes whose elements have width bytes; no weights are needed to tell it.
func (c Config) Memory(e denoiser.Evaluation, width float64) float64 {
	pixels := float64(e.Height) * float64(e.Width) / float64(c.Patch*c.Patch)
	tokens := pixels + float64(e.Tokens)
	one := float64(e.Batch) * tokens * float64(c.Width)
	var layers []denoiser.Layer
	for _, dual := range c.Dual {
		layers = append(layers, denoiser.Layer{Queries: pixels, Keys: tokens, Heads: float64(c.Heads)})
		if dual {
			layers = append(layers, denoiser.Layer{Queries: pixels, Keys: pixels, Heads: float64(c.Heads)})
		}
	}
	probabilities := denoiser.Probabilities(layers, e, width)
	if e.Gradient {
		if !e.KeepsTaps() {
			return c.online(layers, e, one, width)
		}
		kept, again := blockKept*float64(len(layers)), 0.0
		if e.Checkpoint { // what comes into blocks and the taps' queries and keys, and one block once more
			kept, again = float64(c.Blocks())+2*float64(len(layers)), blockKept
		}
		return max(kept*one*width+denoiser.Maps(layers, e), (kept+again+blockGrad)*one*width) + probabilities
	}
	bytes := (4+blockWork)*one*width + probabilities
	if e.Recorded {
		seen := e
		seen.Streamed = true
		bytes += 2*one*float64(len(layers))*width + denoiser.Maps(layers, seen)
	}
	return bytes
}

// online is Memory of a guided step with checkpoints whose maps are made on the way. one is the streams' tokens times their width.
func (c Config) online(layers []denoiser.Layer, e denoiser.Evaluation, one, width float64) float64 {
	ahead, maps, rows := denoiser.OnlineMaps(layers, func(l denoiser.Layer) float64 { return l.Keys - l.Queries })
	scores, inputs := denoiser.Probabilities(layers, e, width), float64(c.Blocks())*one*width
	return max(
		inputs+blockWork*one*width+ahead+scores,
		inputs+maps+denoiser.Maps(layers, e),
		inputs+(blockKept+blockGrad)*one*width+rows+scores,
	)
}
