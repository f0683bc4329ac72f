package synth

import (
	"bytes"
	"encoding/binary"
	"math"
	"slices"
	"testing"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/isac/torch/torchtest"
)

// TestEncodingsEqualLibtorch compares the rounding to each type with libtorch's, at values of all sizes, ties and subnormals among them.
func TestEncodingsEqualLibtorch(t *testing.T) {
	torchtest.Require(t)
	var values []float64
	for e := -26; e <= 15; e++ {
		for _, m := range []float64{1, 1.0001, 1.00048828125, 1.00146484375, 1.00390625, 1.01171875, 1.3, 1.75, 1.99951171875, 1.9998} {
			values = append(values, float64(float32(math.Ldexp(m, e))), -float64(float32(math.Ldexp(m, e))))
		}
	}
	values = append(values, 0, 65504)
	for dtype, of := range map[weights.DType]torch.DType{weights.F32: torch.Float32, weights.F16: torch.Float16, weights.BF16: torch.BFloat16} {
		var got []byte
		for _, v := range values {
			got = appendValue(got, v, dtype)
		}
		err := torch.InScope(func() error {
			if want := torch.FromFloat64s(values).To(torch.Float32).To(of).Bytes(); !bytes.Equal(got, want) {
				width := int(dtype.Bits() / 8)
				for i := range values {
					if a, b := got[i*width:(i+1)*width], want[i*width:(i+1)*width]; !bytes.Equal(a, b) {
						t.Errorf("%s: %v is % x, libtorch has % x", dtype, values[i], a, b)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

func decode(b []byte) []float64 {
	var out []float64
	for i := 0; i < len(b); i += 4 {
		out = append(out, float64(math.Float32frombits(binary.LittleEndian.Uint32(b[i:]))))
	}
	return out
}

// TestValuesAreNormal holds mean, deviation and neighbours that have nothing to do with each other.
func TestValuesAreNormal(t *testing.T) {
	const n = 1 << 18
	s := newStream(tensor{"x", []int64{n}, values{mean: 1, deviation: 0.5}}, 9, weights.F32)
	v := decode(s.append(nil, 0, n))
	var sum, square, next, fourth float64
	for i := range v {
		d := (v[i] - 1) / 0.5
		sum, square, fourth = sum+d/n, square+d*d/n, fourth+d*d*d*d/n
		next += d * (v[(i+1)%n] - 1) / 0.5 / n
	}
	if math.Abs(sum) > 0.01 || math.Abs(square-1) > 0.01 || math.Abs(next) > 0.01 || math.Abs(fourth-3) > 0.1 {
		t.Errorf("mean %v, variance %v, correlation of neighbours %v, fourth moment %v", sum, square, next, fourth)
	}
}

// TestPartsAreThoseOfTheWhole takes pieces of a matrix as folders do.
func TestPartsAreThoseOfTheWhole(t *testing.T) {
	const rows, columns = 6, 5
	s := newStream(tensor{"x", []int64{rows, columns}, values{deviation: 1}}, 9, weights.F32)
	whole := decode(s.append(nil, 0, rows*columns))
	turned := make([]float64, len(whole))
	for r := range rows {
		for c := range columns {
			turned[c*rows+r] = whole[r*columns+c]
		}
	}
	for name, c := range map[string]struct {
		piece weights.Piece
		want  []float64
	}{
		"whole":      {weights.Piece{}, whole},
		"third":      {weights.Piece{Part: 1, Parts: 3}, whole[10:20]},
		"halves":     {weights.Piece{SwapHalves: true}, slices.Concat(whole[15:], whole[:15])},
		"transposed": {weights.Piece{Transposed: true}, turned},
	} {
		var b bytes.Buffer
		if err := writePiece(&b, s, c.piece); err != nil {
			t.Fatal(err)
		}
		if got := decode(b.Bytes()); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
