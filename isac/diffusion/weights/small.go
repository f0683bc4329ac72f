package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/isac-guidance/isac/isac/torch"
)

// The 8-bit floats that models are stored in are a sign, an exponent and a fraction (OCP 8-bit Floating Point Specification, 2023). Half the
// memory of float16 is all that is won by them: nothing is computed in them here.
const (
	f8e4m3 DType = "F8_E4M3" // 4 bits of exponent with bias 7, no infinity, NaN where all bits but the sign are set
	f8e5m2 DType = "F8_E5M2" // the upper half of a float16
)

// smallFloats give the bits of a float16 for each byte. Both types lie within float16.
var smallFloats = map[DType]*[256]uint16{f8e4m3: tableE4M3(), f8e5m2: tableE5M2()}

func tableE5M2() *[256]uint16 {
	var table [256]uint16
	for b := range table {
		table[b] = uint16(b) << 8
	}
	return &table
}

func tableE4M3() *[256]uint16 {
	const halfBias, ownBias = 15, 7
	var table [256]uint16
	for b := range table {
		sign, exponent, fraction := uint16(b>>7), b>>3&15, b&7
		bits := uint16(0)
		switch {
		case exponent == 15 && fraction == 7:
			bits = 0x7e00 // NaN
		case exponent > 0:
			bits = uint16((exponent+halfBias-ownBias)<<10 | fraction<<7)
		case fraction > 0: // of no leading one: fraction/8 of 2^-6, which float16 has one for
			top := 2
			for fraction>>top == 0 {
				top--
			}
			bits = uint16((top-3+1-ownBias+halfBias)<<10 | (fraction<<(10-top))&0x3ff)
		}
		table[b] = sign<<15 | bits
	}
	return &table
}

// scaleNames are what files call the numbers that a layer's weight is multiplied with, by the end of the weight's name: ComfyUI's, and others'.
// inputNames are those that a layer's input would be divided by if it were computed in 8 bits, and the mark of such a file.
var (
	scaleNames = []string{".scale_weight", ".weight_scale"}
	inputNames = []string{".scale_input", ".input_scale"}
)

const scaledMark = "scaled_fp8"

// hideScales takes the scales of 8-bit floats out of the list of tensors: they belong to their weights, and no network has a place for them.
func (h *header) hideScales() {
	h.scales = map[string]entry{}
	for _, name := range h.names {
		for _, end := range slices.Concat(scaleNames, inputNames) {
			if layer, ok := strings.CutSuffix(name, end); ok && smallFloats[h.tensors[layer+".weight"].dtype] != nil {
				h.scales[name] = h.tensors[name]
			}
		}
	}
	if len(h.scales) == 0 {
		return
	}
	h.names = slices.DeleteFunc(h.names, func(name string) bool {
		_, scale := h.scales[name]
		if scale = scale || name == scaledMark || strings.HasSuffix(name, "."+scaledMark); scale {
			delete(h.tensors, name)
		}
		return scale
	})
}

// Scaled says whether weights are 8-bit floats with scales, which Tensor multiplies with and Bytes does not.
func (f *File) Scaled() bool { return len(f.header.scales) > 0 }

// small reads a tensor of 8-bit floats, with its scale where it has one.
func (f *File) small(name string, e entry, table *[256]uint16) (torch.Tensor, error) {
	data, err := f.read(e)
	if err != nil {
		return torch.Tensor{}, err
	}
	wide := make([]byte, 2*len(data))
	for i, b := range data {
		binary.LittleEndian.PutUint16(wide[2*i:], table[b])
	}
	scale, err := f.scale(name)
	if err != nil {
		return torch.Tensor{}, err
	}
	var t torch.Tensor
	err = torch.Try(func() error {
		t = torch.FromBytes(wide, torch.Float16, e.shape...)
		switch n := int64(len(scale)); {
		case n == 1:
			t = t.To(torch.Float32).MulScalar(float64(scale[0]))
		case n > 1:
			if len(e.shape) == 0 || e.shape[0] != n {
				return fmt.Errorf("shape %v with %d scales, expected one, or one a row: %w", e.shape, n, ErrShape)
			}
			rows := make([]int64, len(e.shape))
			for i := range rows {
				rows[i] = 1
			}
			rows[0] = n
			t = t.To(torch.Float32).Mul(torch.FromFloat32s(scale, rows...))
		}
		return nil
	})
	return t, err
}

// scale reads the scale of a weight, nil where it has none.
func (f *File) scale(name string) ([]float32, error) {
	layer, ok := strings.CutSuffix(name, ".weight")
	if !ok {
		return nil, nil
	}
	for _, end := range scaleNames {
		e, ok := f.header.scales[layer+end]
		if !ok {
			continue
		}
		if e.dtype != F32 {
			return nil, fmt.Errorf("its scale %q is stored as %s, expected F32: %w", layer+end, e.dtype, ErrUnsupported)
		}
		data, err := f.read(e)
		if err != nil {
			return nil, err
		}
		scale := make([]float32, len(data)/4)
		for i := range scale {
			scale[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		return scale, nil
	}
	return nil, nil
}
