package guidance

import (
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/torch"
	"github.com/isac-guidance/isac/plugin/isacpb"
)

// maxSide is the most that a tensor of a host may have along one of its dimensions.
const maxSide = 1 << 14

// types are libtorch's types by the contract's.
var types = map[isacpb.DType]torch.DType{
	isacpb.DType_DTYPE_FLOAT32: torch.Float32, isacpb.DType_DTYPE_FLOAT16: torch.Float16, isacpb.DType_DTYPE_BFLOAT16: torch.BFloat16,
}

// checkTensor says what is wrong with a tensor. shape is what it has to be, -1 for any length.
func checkTensor(t *isacpb.Tensor, shape ...int64) error {
	if t == nil {
		return fmt.Errorf("missing: expected a tensor of shape %s", shapeText(shape))
	}
	dtype, ok := types[t.Dtype]
	if !ok {
		return fmt.Errorf("type %s: it must be float32, float16 or bfloat16", t.Dtype)
	}
	fits := len(t.Shape) == len(shape)
	for i := 0; fits && i < len(shape); i++ {
		fits = t.Shape[i] == shape[i] || shape[i] < 0 && t.Shape[i] >= 1 && t.Shape[i] <= maxSide
	}
	if !fits {
		return fmt.Errorf("shape %v: expected %s with sides of 1 to %d", t.Shape, shapeText(shape), maxSide)
	}
	want := int64(dtype.Bytes())
	for _, n := range t.Shape {
		want *= n // at most 8·2^56: latents have 4 dimensions, one of them the model's own
	}
	if int64(len(t.Data)) != want {
		return fmt.Errorf("%d bytes: %s of shape %v has %d", len(t.Data), dtype, t.Shape, want)
	}
	return nil
}

// shapeText writes a shape whose unknown lengths are letters.
func shapeText(shape []int64) string {
	letters := []string{"B", "C", "h", "w"}[4-min(len(shape), 4):]
	text := make([]string, len(shape))
	for i, n := range shape {
		if text[i] = letters[i%len(letters)]; n >= 0 {
			text[i] = fmt.Sprint(n)
		}
	}
	return fmt.Sprint(text)
}

// tensorOf copies a tensor that was checked to libtorch, on the CPU, in its own type.
func tensorOf(t *isacpb.Tensor) torch.Tensor {
	return torch.FromBytes(t.Data, types[t.Dtype], t.Shape...)
}

// like gives a tensor as the contract has it, in the type of a request's.
func like(t torch.Tensor, request *isacpb.Tensor) *isacpb.Tensor {
	return &isacpb.Tensor{Dtype: request.Dtype, Shape: t.Shape(), Data: t.To(types[request.Dtype]).ToDevice(torch.CPU).Contiguous().Bytes()}
}

// masksOf are soft masks [N,h,w] in row-major order, nil where there are none.
func masksOf(masks [][]float32, height, width int) *isacpb.Tensor {
	if len(masks) == 0 {
		return nil
	}
	all := torch.FromFloat32s(slices.Concat(masks...), int64(len(masks)), int64(height), int64(width))
	return &isacpb.Tensor{Dtype: isacpb.DType_DTYPE_FLOAT32, Shape: all.Shape(), Data: all.Bytes()}
}
