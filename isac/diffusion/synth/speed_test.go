package synth

import (
	"io"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// BenchmarkValues measures how fast values are made.
func BenchmarkValues(b *testing.B) {
	for _, dtype := range []weights.DType{weights.F32, weights.F16, weights.BF16} {
		b.Run(dtype.Precision(), func(b *testing.B) {
			const n = 1 << 22
			s := newStream(tensor{"x", []int64{n}, values{deviation: 1}}, 1, dtype)
			b.SetBytes(n * dtype.Bits() / 8)
			for range b.N {
				if err := s.write(io.Discard, 0, n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
