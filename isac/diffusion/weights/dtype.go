package weights

import (
	"fmt"

	"github.com/isac-guidance/isac/isac/torch"
)

// DType is the name of an element type as safetensors headers spell it: "F32", "F16", "BF16", "I64", …
type DType string

// The element types that this package can turn into tensors.
const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// elementBits is the size in bits of every type that the safetensors format defines. Types that libtorch 1.13 does not have are
// listed all the same: one such tensor must not make the whole file unreadable.
var elementBits = map[DType]int64{
	F64: 64, F32: 32, F16: 16, BF16: 16, I64: 64, I32: 32, I16: 16, I8: 8, U8: 8, Bool: 8,
	"U64": 64, "U32": 32, "U16": 16, "C64": 64, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}

var torchTypes = map[DType]torch.DType{
	F64: torch.Float64, F32: torch.Float32, F16: torch.Float16, BF16: torch.BFloat16,
	I64: torch.Int64, I32: torch.Int32, I16: torch.Int16, I8: torch.Int8, U8: torch.Uint8, Bool: torch.Bool,
}

// Torch gives the tensor element type for d, false where tensors of this type cannot be made.
func (d DType) Torch() (torch.DType, bool) {
	t, ok := torchTypes[d]
	return t, ok
}

// Float says whether d is a floating point type that tensors can be made of.
func (d DType) Float() bool {
	return d == F64 || d == F32 || d == F16 || d == BF16 || smallFloats[d] != nil
}

// Bits is the size of an element, 0 for a type that the format does not define.
func (d DType) Bits() int64 { return elementBits[d] }

// precisions are the names that people call floating point types by.
var precisions = map[DType]string{F64: "fp64", F32: "fp32", F16: "fp16", BF16: "bf16", "F8_E4M3": "fp8_e4m3", "F8_E5M2": "fp8_e5m2"}

// Precision is what people call d: "fp16". Types that have no such name keep their own.
func (d DType) Precision() string {
	if name, ok := precisions[d]; ok {
		return name
	}
	return string(d)
}

// PrecisionNamed finds a floating point type that tensors can have by its name: "fp32", "fp16", "bf16".
func PrecisionNamed(name string) (DType, error) {
	for _, d := range []DType{F32, F16, BF16} {
		if d.Precision() == name {
			return d, nil
		}
	}
	return "", fmt.Errorf("no precision is called %q: use fp32, fp16 or bf16", name)
}
