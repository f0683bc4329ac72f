package guidance

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/isac-guidance/isac/isac/torch"
)

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
