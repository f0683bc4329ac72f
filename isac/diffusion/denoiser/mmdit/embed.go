package mmdit

import (
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/layer"
	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
)

// embedding turns a timestep and the pooled text into the vector that every adaptive norm reads.
type embedding struct {
	time, text  perceptron
	frequencies []float32
	dtype       torch.DType
	device      torch.Device
}

// perceptron is two linear layers with silu between them.
type perceptron struct{ linear1, linear2 layer.Linear }

func newEmbedding(p *weights.Params, cfg Config) embedding {
	half := cfg.Frequencies / 2
	e := embedding{
		time:        newPerceptron(p.Sub("timestep_embedder"), 2*half, cfg.Width),
		text:        newPerceptron(p.Sub("text_embedder"), cfg.Vector, cfg.Width),
		frequencies: make([]float32, half), dtype: p.DType(), device: p.Device(),
	}
	for i := range e.frequencies {
		// In float32 at every step, as diffusers: at t = 1000 a frequency's last bit is 6e-5 of the sine's argument.
		e.frequencies[i] = float32(math.Exp(float64(float32(-math.Log(10000)) * float32(i) / float32(half))))
	}
	return e
}

func newPerceptron(p *weights.Params, in, width int64) perceptron {
	return perceptron{linear1: layer.NewLinear(p.Sub("linear_1"), in, width), linear2: layer.NewLinear(p.Sub("linear_2"), width, width)}
}

func (m perceptron) forward(x torch.Tensor) torch.Tensor {
	return m.linear2.Forward(m.linear1.Forward(x).Silu())
}

// forward gives silu of the embedding of timestep t (0..1000) and the pooled text vector [B,Vector], [B,Width]: adaptive norms want
// nothing else.
func (e embedding) forward(t float64, vector torch.Tensor) torch.Tensor {
	half := len(e.frequencies)
	values := make([]float32, 2*half)
	for i, f := range e.frequencies {
		sin, cos := math.Sincos(float64(float32(t) * f))
		values[i], values[half+i] = float32(cos), float32(sin)
	}
	return torch.Scoped(func() torch.Tensor {
		x := torch.FromFloat32s(values, 1, int64(2*half)).To(e.dtype).ToDevice(e.device)
		return e.time.forward(x).Add(e.text.forward(vector)).Silu()
	})
}
