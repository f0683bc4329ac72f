// Package config reads the few settings of a model's config files that its tensors' shapes cannot tell. A setting that is absent or null
// has a default; one of the wrong type is a mistake, and all mistakes of a file are reported together.
package config

import (
	"errors"
	"fmt"
	"slices"

	"github.com/isac-guidance/isac/isac/diffusion/weights"
)

// Reader reads settings and remembers what was wrong with them.
type Reader struct {
	what   string
	values map[string]any
	errs   []error
}

// New reads from a config file as encoding/json gives it, nil for none. what names the file in errors: "unet/config.json".
func New(what string, values map[string]any) *Reader { return &Reader{what: what, values: values} }

// Err gives all mistakes so far as one error, nil where there is none. errors.Is finds weights.ErrConfig in it.
func (r *Reader) Err() error { return errors.Join(r.errs...) }

// Fail records a mistake about a setting; kind is weights.ErrConfig or weights.ErrUnsupported.
func (r *Reader) Fail(key string, kind error, format string, a ...any) {
	r.errs = append(r.errs, fmt.Errorf("%s: %s is %v, %s: %w", r.what, key, r.values[key], fmt.Sprintf(format, a...), kind))
}

// Float reads a number.
func (r *Reader) Float(key string, otherwise float64) float64 {
	return setting(r, key, otherwise, is[float64], "a number")
}

// Int reads a whole number.
func (r *Reader) Int(key string, otherwise int64) int64 {
	return setting(r, key, otherwise, whole, "a whole number")
}

// Ints reads a whole number that holds for all n levels, or a list of n of them. nil where the setting is absent or wrong.
func (r *Reader) Ints(key string, n int) []int64 {
	v := r.values[key]
	if v == nil {
		return nil
	}
	if one, ok := whole(v); ok {
		return slices.Repeat([]int64{one}, n)
	}
	list, ok := v.([]any)
	out := make([]int64, len(list))
	for i := 0; ok && i < len(list); i++ {
		out[i], ok = whole(list[i])
	}
	if !ok || len(list) != n {
		r.Fail(key, weights.ErrConfig, "expected one whole number or %d, one for each level", n)
		return nil
	}
	return out
}

// String reads a text.
func (r *Reader) String(key, otherwise string) string {
	return setting(r, key, otherwise, is[string], "a text")
}

// Bool reads true or false. A list, which diffusers allows with an entry for each level, is true where any of its entries is.
func (r *Reader) Bool(key string, otherwise bool) bool {
	if list, ok := r.values[key].([]any); ok {
		return slices.Contains(list, any(true))
	}
	return setting(r, key, otherwise, is[bool], "true or false")
}

// setting gives a setting as cast makes it of what the file has; otherwise, where it has none or cast refuses.
func setting[T any](r *Reader, key string, otherwise T, cast func(any) (T, bool), expected string) T {
	v := r.values[key]
	if v == nil {
		return otherwise
	}
	value, ok := cast(v)
	if !ok {
		r.Fail(key, weights.ErrConfig, "expected %s", expected)
		return otherwise
	}
	return value
}

func is[T any](v any) (T, bool) {
	value, ok := v.(T)
	return value, ok
}

func whole(v any) (int64, bool) {
	f, ok := v.(float64)
	return int64(f), ok && f == float64(int64(f))
}
