package plugin

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/isac-guidance/isac/plugin/isacpb"
)

// DType is the type of a tensor's elements.
type DType int32

// The types that latents may have, in the order of isac.proto.
const (
	Float32  = DType(isacpb.DType_DTYPE_FLOAT32)
	Float16  = DType(isacpb.DType_DTYPE_FLOAT16)
	BFloat16 = DType(isacpb.DType_DTYPE_BFLOAT16)
)

// Tensor is a tensor on its way between host and plugin.
type Tensor struct {
	DType DType
	// Shape, outermost first.
	Shape []int64
	// Data holds the elements in row-major order, little-endian.
	Data []byte
}

// NewTensor makes a float32 tensor of values in row-major order.
func NewTensor(values []float32, shape ...int64) Tensor {
	data := make([]byte, 0, 4*len(values))
	for _, v := range values {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
	}
	return Tensor{DType: Float32, Shape: shape, Data: data}
}

// Float32s gives the elements in row-major order. It fails where the type is not known.
func (t Tensor) Float32s() ([]float32, error) {
	switch t.DType {
	case Float32:
		values := make([]float32, len(t.Data)/4)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.Data[4*i:]))
		}
		return values, nil
	case Float16, BFloat16:
		values := make([]float32, len(t.Data)/2)
		for i := range values {
			half := binary.LittleEndian.Uint16(t.Data[2*i:])
			if t.DType == BFloat16 {
				values[i] = math.Float32frombits(uint32(half) << 16)
			} else {
				values[i] = fromHalf(half)
			}
		}
		return values, nil
	}
	return nil, fmt.Errorf("a tensor of type %d: it must be float32, float16 or bfloat16", t.DType)
}

// fromHalf is a number of IEEE 754's binary16.
func fromHalf(h uint16) float32 {
	exponent, fraction := int(h>>10&0x1f), float64(h&0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(fraction, -24)
	case 0x1f:
		v = math.Inf(1)
		if fraction != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(fraction+1024, exponent-25)
	}
	if h>>15 != 0 {
		v = -v
	}
	return float32(v)
}

// toProto is nil for the zero Tensor, which stands for one that is not given.
func (t Tensor) toProto() *isacpb.Tensor {
	if t.DType == 0 && t.Shape == nil && t.Data == nil {
		return nil
	}
	return &isacpb.Tensor{Dtype: isacpb.DType(t.DType), Shape: t.Shape, Data: t.Data}
}

func tensorFromProto(p *isacpb.Tensor) Tensor {
	if p == nil {
		return Tensor{}
	}
	return Tensor{DType: DType(p.Dtype), Shape: p.Shape, Data: p.Data}
}
