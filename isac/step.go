package isac

import (
	"encoding/binary"
	"math"
	"math/rand/v2"

	"github.com/isac-guidance/isac/isac/torch"
)

// window gives the guided steps [first, end) of a run of count steps.
func (o Options) window(count int) (first, end int) {
	// The subtraction keeps 0.1·30 = 3.0000000000000004 from becoming 4.
	ceil := func(f float64) int { return int(math.Ceil(f*float64(count) - 1e-9)) }
	return ceil(o.Start), ceil(o.End)
}

// weights gives λ_ins and λ_cls at a step.
func (o Options) weights(s Step) (instance, class float64) {
	if o.ScheduleInWindow {
		if first, end := o.window(s.Count); first <= s.Index && s.Index < end {
			return o.Schedule.Weights(s.Index-first, end-first)
		}
	}
	return o.Schedule.Weights(s.Index, s.Count)
}

// move takes the step of Algorithm 1 from x against g, the gradient or what stands in its place, both of the same wide type, by
// the rule of the options. norm is ‖g‖, above 0.
func (o Options) move(x, g torch.Tensor, norm float64) torch.Tensor {
	eta := o.Eta
	if o.StepRule == StepRelative {
		eta *= x.NormAll().Item() / norm
	}
	return x.Sub(g.MulScalar(eta))
}

// wide is the type in which latents are stepped: float32, or float64 for a float64 latent.
func wide(t torch.Tensor) torch.Tensor {
	if t.DType() == torch.Float64 {
		return t
	}
	return t.To(torch.Float32)
}

// randomLike is a direction drawn evenly from all directions, of length 1 and of the shape, type and place of t: normal numbers,
// normalised. seed and the number of the step decide it alone, so that a run that goes on in another session has the directions
// that it would have had; the numbers are Go's own, so that they do not depend on libtorch or the device.
func randomLike(t torch.Tensor, seed uint64, step int) torch.Tensor {
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
	binary.LittleEndian.PutUint64(key[8:], uint64(step))
	r := rand.New(rand.NewChaCha8(key))
	n := int64(1)
	for _, size := range t.Shape() {
		n *= size
	}
	values := make([]float64, n)
	for i := range values {
		values[i] = r.NormFloat64()
	}
	d := torch.FromFloat64s(values, t.Shape()...)
	return d.DivScalar(d.NormAll().Item()).To(t.DType()).ToDevice(t.Device())
}
