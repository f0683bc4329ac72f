package unet

import (
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// timeEmbedding turns a timestep into the vector that every residual block adds.
type timeEmbedding struct {
	linear1, linear2 layer.Linear
	frequencies      []float32
	cosineFirst      bool
	dtype            torch.DType
	device           torch.Device
}

func newTimeEmbedding(p *weights.Params, cfg Config) timeEmbedding {
	width := cfg.Levels[0].Channels
	half := width / 2
	e := timeEmbedding{
		linear1: layer.NewLinear(p.Sub("linear_1"), width, cfg.TimeWidth), linear2: layer.NewLinear(p.Sub("linear_2"), cfg.TimeWidth, cfg.TimeWidth),
		frequencies: make([]float32, half), cosineFirst: cfg.CosineFirst, dtype: p.DType(), device: p.Device(),
	}
	for i := range e.frequencies {
		// In float32 at every step, as diffusers: at t = 999 a frequency's last bit is 6e-5 of the sine's argument.
		exponent := float32(-math.Log(10000)) * float32(i) / (float32(half) - float32(cfg.FreqShift))
		e.frequencies[i] = float32(math.Exp(float64(exponent)))
	}
	return e
}

// forward gives silu of the embedding of timestep t (0..999, fractions allowed), [1,TimeWidth]: residual blocks want nothing else.
func (e timeEmbedding) forward(t float64) torch.Tensor {
	half := len(e.frequencies)
	values := make([]float32, 2*half)
	for i, f := range e.frequencies {
		sin, cos := math.Sincos(float64(float32(t) * f))
		if e.cosineFirst {
			sin, cos = cos, sin
		}
		values[i], values[half+i] = float32(sin), float32(cos)
	}
	return torch.Scoped(func() torch.Tensor {
		x := torch.FromFloat32s(values, 1, int64(2*half)).To(e.dtype).ToDevice(e.device)
		return e.linear2.Forward(e.linear1.Forward(x).Silu()).Silu()
	})
}
