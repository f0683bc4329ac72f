package pickle

import (
	"fmt"
	"math/bits"
)

// rebuildTensor is (storage, offset, shape, strides, …).
func rebuildTensor(args []any) (any, error) {
	if len(args) < 4 {
		return nil, fmt.Errorf("a tensor of %d arguments: %w", len(args), ErrBroken)
	}
	of, ok := args[0].(*storage)
	offset, whole := args[1].(int64)
	if !ok || !whole {
		return nil, fmt.Errorf("a tensor of %s at %s: %w", kindOf(args[0]), kindOf(args[1]), ErrBroken)
	}
	shape, err := wholeNumbers(args[2])
	if err != nil {
		return nil, err
	}
	strides, err := wholeNumbers(args[3])
	if err != nil {
		return nil, err
	}
	return view(of, of.dtype, offset, shape, strides)
}

// rebuildTyped is (storage, offset, shape, strides, requires_grad, hooks, dtype, …), of a storage without a type.
func rebuildTyped(args []any) (any, error) {
	if len(args) < 7 {
		return nil, fmt.Errorf("a tensor of %d arguments: %w", len(args), ErrBroken)
	}
	of, ok := args[0].(*storage)
	name, named := args[6].(global)
	dtype, known := name.elementType()
	if !ok || !named || !known {
		return nil, fmt.Errorf("a tensor of %s of type %s: %w", kindOf(args[0]), kindOf(args[6]), ErrRefused)
	}
	if of.dtype != "" && of.dtype != dtype {
		return nil, fmt.Errorf("a tensor of %s in a storage of %s: %w", dtype, of.dtype, ErrRefused)
	}
	made, err := rebuildTensor(args[:4])
	if err != nil {
		return nil, err
	}
	t := made.(*tensor)
	t.dtype = dtype
	return t, t.check()
}

// view makes a tensor and checks that it lies within its storage. A storage without a type is checked by who knows it.
func view(of *storage, dtype string, offset int64, shape, strides []int64) (*tensor, error) {
	t := &tensor{of: of, dtype: dtype, offset: offset, shape: shape, strides: strides}
	if len(shape) > maxDims || len(shape) != len(strides) {
		return nil, fmt.Errorf("a tensor of shape %v and strides %v: %w", shape, strides, ErrBroken)
	}
	if dtype == "" {
		return t, nil
	}
	return t, t.check()
}

// check says whether a tensor lies within its storage, and is no larger: a stride of 0 would make terabytes of one number.
func (t *tensor) check() error {
	have := t.of.count
	if t.of.dtype == "" {
		have /= widths[t.dtype]
	}
	count, last, over := uint64(1), uint64(t.offset), t.offset < 0
	for i, n := range t.shape {
		over = over || n < 0 || t.strides[i] < 0
	}
	for i, n := range t.shape {
		stride := t.strides[i]
		if over {
			break
		}
		if n == 0 {
			count = 0
			break
		}
		hi, lo := bits.Mul64(count, uint64(n))
		reachHi, reach := bits.Mul64(uint64(n-1), uint64(stride))
		sum, carry := bits.Add64(last, reach, 0)
		over = over || hi != 0 || reachHi != 0 || carry != 0 || lo > 1<<58 || sum > 1<<58
		count, last = lo, sum
	}
	if !over && count == 0 {
		t.offset, t.strides = 0, rowMajor(t.shape)
		return nil
	}
	if over || last >= uint64(have) || count > uint64(have) {
		return fmt.Errorf("a tensor of shape %v, strides %v and offset %d does not lie in its %d elements: %w", t.shape, t.strides, t.offset, have, ErrBroken)
	}
	return nil
}

// rowMajor are the strides of a tensor whose elements lie one after the other.
func rowMajor(shape []int64) []int64 {
	strides := make([]int64, len(shape))
	step := int64(1)
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= max(shape[i], 1)
	}
	return strides
}

// contiguous says whether the elements lie one after the other.
func (t *tensor) contiguous() bool {
	want := rowMajor(t.shape)
	for i, n := range t.shape {
		if n > 1 && t.strides[i] != want[i] {
			return false
		}
	}
	return true
}

// rebuildParameter is (tensor, requires_grad, hooks, …).
func rebuildParameter(args []any) (any, error) {
	if len(args) < 1 {
		return nil, fmt.Errorf("a parameter of nothing: %w", ErrBroken)
	}
	if t, ok := args[0].(*tensor); ok {
		return t, nil
	}
	return nil, fmt.Errorf("a parameter of %s: %w", kindOf(args[0]), ErrBroken)
}

// makeDict is () or a list of pairs.
func makeDict(args []any) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	if from, ok := args[0].(*dict); ok && len(args) == 1 {
		return from, nil
	}
	pairs, ok := items(args[0])
	if !ok || len(args) > 1 {
		return nil, fmt.Errorf("a dictionary of %s: %w", kindOf(args[0]), ErrBroken)
	}
	for _, p := range pairs {
		pair, _ := items(p)
		if len(pair) != 2 {
			return nil, fmt.Errorf("a dictionary of %s in place of pairs: %w", kindOf(p), ErrBroken)
		}
		d.set(pair[0], pair[1])
	}
	return d, nil
}

func makeSize(args []any) (any, error) {
	if len(args) == 1 {
		if sizes, ok := items(args[0]); ok {
			return &tuple{sizes}, nil
		}
	}
	return nil, fmt.Errorf("a size of %d arguments: %w", len(args), ErrBroken)
}

func items(v any) ([]any, bool) {
	switch v := v.(type) {
	case *tuple:
		return v.items, true
	case *list:
		return v.items, true
	}
	return nil, false
}

func wholeNumbers(v any) ([]int64, error) {
	of, ok := items(v)
	if !ok || len(of) > maxDims {
		return nil, fmt.Errorf("%s of %d where a shape was expected: %w", kindOf(v), len(of), ErrBroken)
	}
	out := make([]int64, len(of))
	for i, x := range of {
		if out[i], ok = x.(int64); !ok {
			return nil, fmt.Errorf("%s in a shape: %w", kindOf(x), ErrBroken)
		}
	}
	return out, nil
}
