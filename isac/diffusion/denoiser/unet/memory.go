package unet

import (
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/torch"
)

// How many times its channels a block takes beside what comes in, of each pixel: counted from the blocks' code, where what is made is freed as soon
// as nothing reads it, and held against peaks of libtorch's allocator.
const (
	// Of a transformer block: what came in, the block's state, and the gated feed-forward layer's gate, which is eight times as wide, and half of
	// it activated, in which the product is made.
	transformerWork = 14.0
	// Of the attention of one: its state, queries, keys and values, what is normed, and what comes out.
	attentionWork = 8.0
	// What of a transformer block and of a residual block a gradient with respect to the latent keeps: inputs of norms and of gates, queries, keys
	// and values, and what attention gives; not the inputs of linear layers, of convolutions and of activations behind norms. Of the last block only
	// attention is run.
	transformerKept = 17.0
	lastKept        = 9.0
	resnetKept      = 2.0
	// transformerGrad and resnetGrad are the gradients that there are at once when a gradient comes back to a block.
	transformerGrad = 16.0
	resnetGrad      = 4.0
)

var _ denoiser.Sized = (*Model)(nil)

// footprint walks through the model and adds up what lies there, in elements.
type footprint struct {
	e denoiser.Evaluation
	// skips lie there until the way up, work is the most that there is at once without gradient, look that of an attention but for its scores.
	skips, work, look float64
	// kept is what a gradient needs of all so far, or with checkpoints what comes into blocks; taps are the queries and keys of the image in all
	// layers; ahead is the most that there is on the way forward, back when the gradient comes back to a block, but for taps with checkpoints.
	kept, taps, ahead, back float64
	scores                  float64 // bytes of probabilities that the stage with most keeps, see denoiser.Scores
	wide                    float64 // bytes of one
	stages                  int     // with attention, that are still to come
	layers                  []denoiser.Layer
}

// Memory tells what an evaluation takes. See denoiser.Sized.
func (m *Model) Memory(e denoiser.Evaluation) float64 {
	return m.Config.Memory(e, float64(m.DType().Bytes()))
}

// Memory is what an evaluation of a model takes whose elements have width bytes; no weights are needed to tell it.
func (c Config) Memory(e denoiser.Evaluation, width float64) float64 {
	t := &footprint{e: e, stages: c.attended(), wide: width}
	if c.Upcast {
		t.wide = max(width, float64(torch.Float32.Bytes()))
	}
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
			if e.Gradient && t.stages == 0 { // nothing behind the last attention is run
				return t.bytes(c, width)
			}
			below = float64(l.Channels) * at(i)
		}
		if i > 0 {
			below = float64(l.Channels) * at(i-1)
			t.convolution(at(i-1), float64(l.Channels), float64(l.Channels))
		}
	}
	return t.bytes(c, width)
}

// attended counts the stages with attention.
func (c Config) attended() int {
	n := 0
	count := func(depths ...int) {
		for _, depth := range depths {
			if depth > 0 {
				n++
			}
		}
	}
	for _, l := range c.Levels {
		count(l.Down...)
		count(l.Up...)
	}
	for range c.MidResnets - 1 {
		count(c.MidDepth)
	}
	return n
}

// bytes makes bytes of what was added up: of a guided step the maps are made when all is kept, and the gradient goes back after that.
func (t *footprint) bytes(c Config, width float64) float64 {
	scores, most := denoiser.Scores(t.layers, t.e, t.wide)
	if !t.e.Gradient {
		bytes := max(t.work*width, t.look*width+2*most)
		if t.e.Recorded {
			seen := t.e
			seen.Streamed = true
			bytes += t.taps*t.wide + denoiser.Maps(t.layers, seen)
		}
		return bytes
	}
	kept, back, again := t.kept, t.back, scores
	if t.e.Checkpoint {
		kept, back, scores, again = kept+t.taps, back+t.taps, 0, max(t.scores, most)
	}
	if t.e.KeepsTaps() {
		return max(t.ahead*width, kept*width+scores+most+denoiser.Maps(t.layers, t.e), back*width+again+2*most)
	}
	ahead, maps, rows := denoiser.OnlineMaps(t.layers, func(l denoiser.Layer) float64 {
		if l.Keys == float64(t.e.Tokens) {
			return l.Keys
		}
		return 0
	})
	return max(t.ahead*width+ahead+2*most, kept*width+maps+denoiser.Maps(t.layers, t.e), back*width+rows+again+2*most)
}

// convolution takes in one of 3×3 that stands alone, with so many pixels of the batch that come out.
func (t *footprint) convolution(pixels, in, out float64) {
	t.work = max(t.work, t.skips+(2*in+2*out)*pixels+t.reorder(in, out))
	t.back = max(t.back, t.kept+2*(in+out)*pixels+t.reorder(in, out))
}

// reorder is what a convolution's weights take while it runs: at most, for products of matrices in its place need none (x::conv2d).
func (t *footprint) reorder(in, out float64) float64 {
	if !t.e.Reorders {
		return 0
	}
	return 9 * in * out
}

// stage takes in a residual block and the transformer after it, on so many pixels of the batch. What comes in is among the skips.
func (t *footprint) stage(pixels, in float64, l Level, depth int) {
	out := float64(l.Channels)
	first := (2*in+2*out)*pixels + t.reorder(in, out) // what is convolved and what comes out, both in two orders
	second := 5*out*pixels + t.reorder(out, out)      // and the half before
	t.work = max(t.work, t.skips+max(first, second, (in+3*out)*pixels))
	resnet := (in + resnetKept*out) * pixels
	kept := resnet
	back := resnetGrad*(in+out)*pixels + max(t.reorder(in, out), t.reorder(out, out))
	t.ahead = max(t.ahead, t.kept+t.taps+max(first, second))
	own := out * pixels
	if depth > 0 {
		t.work = max(t.work, t.skips+own+transformerWork*own)
		t.look = max(t.look, t.skips+own+attentionWork*own)
		if t.e.KeepsTaps() {
			t.taps += 3 * own * float64(depth)
		}
		if t.stages--; t.stages > 0 {
			kept += transformerKept * own * float64(depth)
			back = max(back, transformerGrad*own)
		} else {
			kept += (transformerKept*float64(depth-1) + lastKept) * own
		}
		one, first := pixels/float64(t.e.Batch), len(t.layers)
		for range depth {
			t.layers = append(t.layers,
				denoiser.Layer{Queries: one, Keys: one, Heads: float64(l.Heads)},
				denoiser.Layer{Queries: one, Keys: float64(t.e.Tokens), Heads: float64(l.Heads)})
		}
		scores, _ := denoiser.Scores(t.layers[first:], t.e, t.wide)
		t.scores = max(t.scores, scores)
	}
	switch {
	case t.e.Checkpoint && depth > 1: // of the residual block and each transformer block what comes in
		t.back = max(t.back, t.kept+resnet+back, t.kept+in*pixels+own*float64(depth+1)+(transformerKept+transformerGrad)*own)
		t.kept += in*pixels + own*float64(depth+1)
		return
	case t.e.Checkpoint: // of both what comes in, until the gradient comes back: then all of it once more
		t.back = max(t.back, t.kept+kept+back)
		t.kept += in * pixels
		return
	}
	t.kept += kept
	t.back = max(t.back, t.kept+back)
}
