package unet

import (
	"github.com/isac-guidance/isac/isac/diffusion/denoiser"
	"github.com/isac-guidance/isac/isac/torch"
)

// How many times the channels of an image a block takes, beside what comes in: everything that it makes lives until it ends. Counted from
// the blocks' code and measured on models of two families, in float32 on the CPU and in bfloat16 on a GPU.
const (
	transformerWork = 60.0 // the gated feed-forward layer alone has 16
	resnetWork      = 5.0  // of the channels that come in, and of those that go out
	// What of it a gradient keeps.
	transformerKept = 30.0
	resnetKept      = 4.0
)

var _ denoiser.Sized = (*Model)(nil)

// footprint adds up what blocks take, in elements.
type footprint struct {
	e denoiser.Evaluation
	// skips lie there until the way up; kept is what a gradient needs; work is that of the block that takes most.
	skips, kept, work float64
	taps              float64 // queries and keys of the image in all layers
	layers            []denoiser.Layer
}

// Memory tells what an evaluation takes. See denoiser.Sized.
func (m *Model) Memory(e denoiser.Evaluation) float64 {
	return m.Config.Memory(e, float64(m.DType().Bytes()))
}

// Memory is what an evaluation of a model takes whose elements have width bytes; no weights are needed to tell it.
func (c Config) Memory(e denoiser.Evaluation, width float64) float64 {
	t := &footprint{e: e}
	pixels := float64(e.Batch) * float64(e.Height) * float64(e.Width)
	channels := c.Levels[0].Channels
	t.skips = pixels * float64(channels)
	at := func(i int) float64 { return pixels / float64(int64(1)<<(2*i)) }
	for i, l := range c.Levels {
		for _, depth := range l.Down {
			t.stage(at(i), channels, l, depth)
			channels = l.Channels
			t.skips += at(i) * float64(channels)
		}
		t.skips += at(i+1) * float64(channels)
	}
	last := len(c.Levels) - 1
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
			t.stage(at(i), 2*max(channels, l.Channels), l, depth) // the skip beside it has at most as many
			channels = l.Channels
		}
	}
	sum := t.skips + t.work
	if e.Gradient {
		sum = t.kept + 2*t.work // its own gradients
		if e.Checkpoint {
			sum = 2*t.skips + 2*t.work + t.work // one block is run again
		}
	}
	wide := width
	if c.Upcast {
		wide = max(width, float64(torch.Float32.Bytes()))
	}
	bytes := sum*width + denoiser.Probabilities(t.layers, e, wide)
	if e.Recorded {
		seen := e
		seen.Streamed = true
		bytes += t.taps*wide + denoiser.Maps(t.layers, seen)
	}
	if e.Gradient {
		bytes += denoiser.Maps(t.layers, e)
	}
	return bytes
}

// stage takes in a residual block and the transformer after it, on so many pixels of the batch.
func (t *footprint) stage(pixels float64, in int64, l Level, depth int) {
	resnet := float64(in + l.Channels)
	t.work = max(t.work, resnetWork*resnet*pixels)
	t.kept += resnetKept * resnet * pixels
	if depth == 0 {
		return
	}
	own := float64(l.Channels) * pixels
	t.work = max(t.work, transformerWork*own)
	t.kept += transformerKept * own * float64(depth)
	t.taps += 3 * own * float64(depth)
	one := pixels / float64(t.e.Batch)
	for range depth {
		t.layers = append(t.layers,
			denoiser.Layer{Queries: one, Keys: one, Heads: float64(l.Heads)},
			denoiser.Layer{Queries: one, Keys: float64(t.e.Tokens), Heads: float64(l.Heads)})
	}
}
