package unet

import (
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/torch"
)

// How many times its channels a block takes beside what comes in, of each pixel: counted from the blocks' code, where what is made is freed as soon
// as nothing reads it, and held against peaks of libtorch's allocator.
const (
	// Of a transformer block: what came in, the block's state, and the gated feed-forward layer's gate, which is eight times as wide, half of
	// it activated, and the product.
	transformerWork = 18.0
	// What of a transformer block and of a residual block a gradient keeps: inputs of norms, of linear layers and convolutions, of activations,
	// queries, keys and values.
	transformerKept = 31.0
	resnetKeptIn    = 2.0
	resnetKeptOut   = 4.0
	// reordered is how many times the CPU's convolutions take their weights, brought into another order.
	reordered = 2.0
)

var _ denoiser.Sized = (*Model)(nil)

// footprint walks through the model and adds up what lies there, in elements.
type footprint struct {
	e denoiser.Evaluation
	// skips lie there until the way up; work is the most that there is at once; kept is what a gradient needs, inputs what checkpoints keep of
	// blocks, block what the largest block keeps; taps are the queries and keys of the image in all layers.
	skips, work, kept, inputs, block, taps float64
	weights                                float64 // of the largest convolution
	layers                                 []denoiser.Layer
}

// Memory tells what an evaluation takes. See denoiser.Sized.
func (m *Model) Memory(e denoiser.Evaluation) float64 {
	return m.Config.Memory(e, float64(m.DType().Bytes()))
}

// Memory is what an evaluation of a model takes whose elements have width bytes; no weights are needed to tell it.
func (c Config) Memory(e denoiser.Evaluation, width float64) float64 {
	t := &footprint{e: e}
	pixels := float64(e.Batch) * float64(e.Height) * float64(e.Width)
	at := func(i int) float64 { return pixels / float64(int64(1)<<(2*i)) }
	channels := float64(c.Levels[0].Channels)
	skips := []float64{channels * pixels}
	t.skips = skips[0]
	down := func(elements float64) {
		skips = append(skips, elements)
		t.skips += elements
	}
	last := len(c.Levels) - 1
	for i, l := range c.Levels {
		for _, depth := range l.Down {
			t.stage(at(i), channels, l, depth)
			channels = float64(l.Channels)
			down(channels * at(i))
		}
		if i < last {
			t.convolution(at(i+1), channels, channels)
			down(channels * at(i+1))
		}
	}
	below := channels * at(last)
	for i := range c.MidResnets {
		depth := 0
		if i > 0 {
			depth = c.MidDepth
		}
		t.stage(at(last), channels, c.Levels[last], depth)
	}
	for i := last; i >= 0; i-- {
		l := c.Levels[i]
		for _, depth := range l.Up {
			skip := skips[len(skips)-1]
			skips = skips[:len(skips)-1]
			t.work = max(t.work, t.skips+2*below+skip) // both, and both in one
			t.skips -= skip
			both := below + skip
			t.skips += both
			t.stage(at(i), both/at(i), l, depth)
			t.skips -= both
			t.kept += both
			below = float64(l.Channels) * at(i)
		}
		if i > 0 {
			below = float64(l.Channels) * at(i-1)
			t.convolution(at(i-1), float64(l.Channels), float64(l.Channels))
			t.kept += 2 * below
		}
	}
	return t.bytes(c, width)
}

// bytes makes bytes of what was added up.
func (t *footprint) bytes(c Config, width float64) float64 {
	e := t.e
	wide := width
	if c.Upcast {
		wide = max(width, float64(torch.Float32.Bytes()))
	}
	if !e.Gradient {
		return t.work*width + denoiser.Probabilities(t.layers, e, wide)
	}
	kept := t.kept
	if e.Checkpoint {
		kept = t.inputs + t.taps + t.block
	}
	weights := 0.0
	if e.Reorders {
		weights = reordered * t.weights
	}
	return (kept+weights)*width + denoiser.Probabilities(t.layers, e, wide) + denoiser.Maps(t.layers, e)
}

// convolution takes in one of 3×3 that stands alone, with so many pixels of the batch that come out.
func (t *footprint) convolution(pixels, in, out float64) {
	weights := t.reorder(in, out)
	t.work = max(t.work, t.skips+(2*in+2*out)*pixels+weights)
}

// reorder is what a convolution's weights take while it runs.
func (t *footprint) reorder(in, out float64) float64 {
	t.weights = max(t.weights, 9*in*out)
	if !t.e.Reorders {
		return 0
	}
	return reordered * 9 * in * out
}

// stage takes in a residual block and the transformer after it, on so many pixels of the batch. What comes in is among the skips.
func (t *footprint) stage(pixels, in float64, l Level, depth int) {
	out := float64(l.Channels)
	first := (2*in+2*out)*pixels + t.reorder(in, out) // what is convolved and what comes out, both in two orders
	second := 5*out*pixels + t.reorder(out, out)      // and the half before
	t.work = max(t.work, t.skips+max(first, second, (in+3*out)*pixels))
	block := (resnetKeptIn*in + resnetKeptOut*out) * pixels
	own := out * pixels
	if depth > 0 {
		t.work = max(t.work, t.skips+own+(transformerWork+float64(depth-1))*own)
		block += transformerKept * own * float64(depth)
		t.taps += 3 * own * float64(depth)
		one := pixels / float64(t.e.Batch)
		for range depth {
			t.layers = append(t.layers,
				denoiser.Layer{Queries: one, Keys: one, Heads: float64(l.Heads)},
				denoiser.Layer{Queries: one, Keys: float64(t.e.Tokens), Heads: float64(l.Heads)})
		}
	}
	t.kept += block
	t.inputs += in*pixels + own
	t.block = max(t.block, block)
}
