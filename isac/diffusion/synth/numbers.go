package synth

import (
	"encoding/binary"
	"hash/fnv"
	"io"
	"math"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Normal numbers are drawn from a table of quantiles: a hash of seed, name and place says which. Any part of a tensor can so be made
// without the rest of it, and a gigabyte takes a second or two.

const (
	tableBits = 12
	tableSize = 1 << tableBits
	perWord   = 4 // numbers that one hash of 64 bits chooses
)

// quantiles are the normal distribution's at the middles of tableSize equal parts, of deviation 1.
var quantiles = func() (q [tableSize]float64) {
	square := 0.0
	for i := range q {
		q[i] = math.Sqrt2 * math.Erfinv(2*(float64(i)+0.5)/tableSize-1)
		square += q[i] * q[i] / tableSize
	}
	for i := range q {
		q[i] /= math.Sqrt(square)
	}
	return q
}()

// stream makes the values of one tensor in one element type.
type stream struct {
	t     tensor
	key   uint64
	dtype weights.DType
	table []byte // an encoded value for each quantile
}

func newStream(t tensor, seed uint64, dtype weights.DType) stream {
	h := fnv.New64a()
	io.WriteString(h, t.name)
	s := stream{t: t, key: mix(seed ^ mix(h.Sum64())), dtype: dtype}
	if t.values.kind == normal {
		for _, q := range quantiles {
			s.table = appendValue(s.table, t.values.mean+t.values.deviation*q, dtype)
		}
	}
	return s
}

// write writes elements begin to end.
func (s stream) write(w io.Writer, begin, end int64) error {
	const chunk = 1 << 18
	var buffer []byte
	for at := begin; at < end; at += chunk {
		buffer = s.append(buffer[:0], at, min(at+chunk, end))
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}

// append appends elements begin to end.
func (s stream) append(to []byte, begin, end int64) []byte {
	switch s.t.values.kind {
	case counting:
		for i := begin; i < end; i++ {
			to = binary.LittleEndian.AppendUint64(to, uint64(i))
		}
		return to
	case identity:
		columns := s.t.shape[1]
		for i := begin; i < end; i++ {
			value := 0.0
			if i/columns == i%columns {
				value = 1
			}
			to = appendValue(to, value, s.dtype)
		}
		return to
	}
	var word uint64
	width := int(s.dtype.Bits() / 8)
	for i := begin; i < end; i++ {
		if i%perWord == 0 || i == begin {
			word = mix(s.key+uint64(i/perWord)) >> (tableBits * (i % perWord))
		}
		at := int(word%tableSize) * width
		to = append(to, s.table[at:at+width]...)
		word >>= tableBits
	}
	return to
}

// mix is the finaliser of SplitMix64: every bit of x changes half of the bits that come out.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// appendValue encodes a value, little endian, rounded to the nearest that dtype has.
func appendValue(to []byte, v float64, dtype weights.DType) []byte {
	switch dtype {
	case weights.F16:
		return binary.LittleEndian.AppendUint16(to, float16(v))
	case weights.BF16:
		return binary.LittleEndian.AppendUint16(to, bfloat16(v))
	}
	return binary.LittleEndian.AppendUint32(to, math.Float32bits(float32(v)))
}

// bfloat16 is the upper half of a float32, rounded to even.
func bfloat16(v float64) uint16 {
	b := math.Float32bits(float32(v))
	return uint16((b + 0x7fff + b>>16&1) >> 16)
}

// float16 is IEEE 754's binary16, rounded to even. Values beyond its range, which no checkpoint has, become infinite.
func float16(v float64) uint16 {
	var sign uint16
	if math.Signbit(v) {
		sign, v = 1<<15, -v
	}
	switch {
	case v < 1.0/(1<<14): // subnormal: multiples of 2⁻²⁴
		return sign | uint16(math.RoundToEven(v*(1<<24)))
	case v >= 65520:
		return sign | 0x7c00
	}
	fraction, exponent := math.Frexp(v) // v is fraction·2^exponent with fraction in [1/2, 1)
	mantissa := uint16(math.RoundToEven(fraction * 2048))
	return sign | uint16(exponent+14)<<10 + (mantissa - 1024)
}
