package pickle

import (
	"fmt"
	"strings"
)

// Tensor is one tensor of a file.
type Tensor struct {
	Name string
	// DType is the element type by safetensors' name: "F16".
	DType string
	Shape []int64
	// Strides are the steps between elements, in elements; nil where they lie one after the other, the last dimension first.
	Strides []int64
	// Begin and End are where in the file the bytes lie, little endian, from the first element to behind the last.
	Begin, End int64
}

// stateDict finds the dictionary that holds a model's tensors: the member "state_dict", or the only member, or the value itself, as ComfyUI
// does it.
func stateDict(v any) (*dict, error) {
	d, ok := v.(*dict)
	if !ok {
		return nil, fmt.Errorf("it holds %s, expected a dictionary of tensors: %w", kindOf(v), ErrRefused)
	}
	if inner, ok := d.get("state_dict"); ok {
		if of, ok := inner.(*dict); ok {
			return of, nil
		}
	}
	if len(d.values) == 1 {
		if of, ok := d.values[0].(*dict); ok {
			return of, nil
		}
	}
	return d, nil
}

// collector gathers the tensors of dictionaries in dictionaries, whose names are joined by points.
type collector struct {
	found  []Tensor
	names  map[string]bool
	visits int
}

func (c *collector) dict(d *dict, prefix string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("dictionaries lie in each other more than %d deep: %w", maxDepth, ErrRefused)
	}
	for i, key := range d.keys {
		if c.visits++; c.visits > maxVisits {
			return fmt.Errorf("its dictionaries hold more than %d values: %w", maxVisits, ErrRefused)
		}
		name, ok := key.(string)
		if !ok {
			continue // states of optimizers are numbered
		}
		name = prefix + name
		if len(name) > maxName {
			return fmt.Errorf("a tensor's name has more than %d bytes: %w", maxName, ErrBroken)
		}
		var err error
		switch v := d.values[i].(type) {
		case *dict:
			err = c.dict(v, name+".", depth+1)
		case *tensor:
			err = c.tensor(name, v)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) tensor(name string, t *tensor) error {
	if c.names[name] {
		return fmt.Errorf("two tensors are called %q: %w", name, ErrBroken)
	}
	if len(c.found) == maxTensors {
		return fmt.Errorf("it holds more than %d tensors: %w", maxTensors, ErrRefused)
	}
	width, ok := widths[t.dtype]
	if !ok {
		return fmt.Errorf("tensor %q has no type of elements: %w", name, ErrBroken)
	}
	out := Tensor{Name: name, DType: t.dtype, Shape: t.shape, Begin: t.of.at + t.offset*width}
	last := int64(0)
	for i, n := range t.shape {
		if n == 0 {
			last = -1
			break
		}
		last += (n - 1) * t.strides[i]
	}
	if out.End = out.Begin + (last+1)*width; !t.contiguous() {
		out.Strides = t.strides
	}
	c.names[name] = true
	c.found = append(c.found, out)
	return nil
}

// tensorsOf lists the tensors of what a pickle made.
func tensorsOf(v any) ([]Tensor, error) {
	d, err := stateDict(v)
	if err != nil {
		return nil, err
	}
	c := &collector{names: map[string]bool{}}
	if err := c.dict(d, "", 0); err != nil {
		return nil, err
	}
	if len(c.found) == 0 {
		var keys []string
		for _, key := range d.keys[:min(len(d.keys), 5)] {
			if name, ok := key.(string); ok {
				keys = append(keys, fmt.Sprintf("%.40q", name))
			}
		}
		return nil, fmt.Errorf("it holds no tensors by name (but %s): %w", strings.Join(keys, ", "), ErrRefused)
	}
	return c.found, nil
}
