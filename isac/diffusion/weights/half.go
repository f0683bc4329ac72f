package weights

import (
	"encoding/binary"
	"math"

	"github.com/isac-guidance/isac/isac/torch"
)

// narrow gives the bytes of a 16-bit tensor by way of float32, which holds each of its values exactly.
func narrow(t torch.Tensor, bits func(float32) uint16) []byte {
	values := t.To(torch.Float32).Float32s()
	b := make([]byte, 0, 2*len(values))
	for _, v := range values {
		b = binary.LittleEndian.AppendUint16(b, bits(v))
	}
	return b
}

// bfloat16Bits is exact for values that a bfloat16 holds.
func bfloat16Bits(v float32) uint16 { return uint16(math.Float32bits(v) >> 16) }

// float16Bits is exact for values that a float16 holds, subnormal ones, infinities and NaN included.
func float16Bits(v float32) uint16 {
	b := math.Float32bits(v)
	sign, exp, frac := uint16(b>>16)&0x8000, int(b>>23&0xff)-127, b&0x7fffff
	switch {
	case exp == 128: // infinite or NaN
		return sign | 0x7c00 | uint16(frac>>13)
	case exp >= -14:
		return sign | uint16(exp+15)<<10 | uint16(frac>>13)
	case exp >= -24: // subnormal: the leading 1 is written out
		return sign | uint16((frac|0x800000)>>(-exp-1))
	}
	return sign // zero
}
