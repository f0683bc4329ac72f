package unet

import (
	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// timeEmbedding turns a timestep into the vector that every residual block adds.
type timeEmbedding struct {
	linear1, linear2 layer.Linear
	waves            waves
	dtype            torch.DType
	device           torch.Device
}

func newTimeEmbedding(p *weights.Params, cfg Config) timeEmbedding {
	width := cfg.Levels[0].Channels
	return timeEmbedding{
		linear1: layer.NewLinear(p.Sub("linear_1"), width, cfg.TimeWidth), linear2: layer.NewLinear(p.Sub("linear_2"), cfg.TimeWidth, cfg.TimeWidth),
		waves: cfg.waves(width), dtype: p.DType(), device: p.Device(),
	}
}

// forward gives the embedding of timestep t (0..999, fractions allowed), [1,TimeWidth].
func (e timeEmbedding) forward(t float64) torch.Tensor {
	return torch.Scoped(func() torch.Tensor {
		values := e.waves.at(t)
		x := torch.FromFloat32s(values, 1, int64(len(values))).To(e.dtype).ToDevice(e.device)
		return e.linear2.Forward(e.linear1.Forward(x).Silu())
	})
}
